"""The nine backbones: size, work, and one scan of 32 slices at 256 px in every form that a CPU can run.

Processor seconds of one thread, one run each, so that what else runs here counts little: torch as it comes (eager),
channels last, the package's ONNX form, torch in bfloat16 where the processor has it, and ONNX in 8-bit integers,
calibrated on eight drawn slices. Beside bf16 and int8: the largest difference in probability to fp32, over 32 drawn
slices. The networks are untrained; normalisations have seen the slices and the dense layer is scaled so that logits
spread by 2, as a trained network's do.

`python -m benchmarks.bench_backbones resnet18 vgg16` measures only those.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bregma.models.engine import IMAGES, LOGITS, open_session
from bregma.networks.backbone import BACKBONES
from bregma.networks.cost import cost_of
from bregma.networks.slice_classifier import SliceClassifier
from bregma.phantom import draw, sample_head, sample_scanner
from bregma.preprocessing.pipeline import Preprocessing, prepare
from bregma.preprocessing.window import PRESETS
from bregma.training.onnx_form import OPSET, to_onnx

SLICES, SIZE, CALIBRATING = 32, 256, 8


def main() -> None:
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    images = drawn_slices()
    bf16 = has_bf16()
    print(f"bfloat16 arithmetic on this processor: {'yes' if bf16 else 'no, so it is not measured'}")
    print(
        "| backbone | parameters | multiply-adds per slice | eager fp32 | channels last fp32 | package fp32 "
        "| bf16 | its difference | int8 | its difference |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in wanted():
        print(row(name, images, bf16=bf16), flush=True)


def wanted() -> list[str]:
    """Those named on the command line, or all."""
    return [word for word in sys.argv[1:] if word in BACKBONES] or list(BACKBONES)


def row(name: str, images: Tensor, *, bf16: bool) -> str:
    torch.manual_seed(0)
    network = settled(SliceClassifier(name, channels=images.shape[1]), images)
    cost = cost_of(network, channels=images.shape[1], size=SIZE)
    with torch.inference_mode():
        eager, expected = timed(lambda: plain(network, images))
        network.to(memory_format=torch.channels_last)
        ours, _ = timed(lambda: network.read_scan(images)[0])
        halved = half(network, images, expected) if bf16 else "- | -"
    served, logits = answered(to_onnx(network, channels=images.shape[1], size=SIZE, maps=False), images)
    assert worst(logits, expected) < 1e-3
    small, logits = answered(quantised(network, images[:: SLICES // CALIBRATING]), images)
    return (
        f"| {name} | {cost.parameters / 1e6:.2f} M | {cost.macs / 1e9:.2f} G | {eager:.2f} s | {ours:.2f} s "
        f"| {served:.2f} s | {halved} | {small:.2f} s | {worst(logits, expected):.3f} |"
    )


def half(network: SliceClassifier, images: Tensor, expected: Tensor) -> str:
    """Time in bfloat16, and what it costs in probability."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seconds, logits = timed(lambda: network.read_scan(images)[0])
    return f"{seconds:.2f} s | {worst(logits, expected):.3f}"


def answered(onnx: bytes, images: Tensor) -> tuple[float, Tensor]:
    """Time and logits of an ONNX form that gets slice after slice, as `models.predictor` gives them."""
    session = open_session(onnx, threads=1)
    slices = [{IMAGES: one[None].numpy()} for one in images]
    session.run([LOGITS], slices[0])
    return timed(lambda: torch.from_numpy(np.concatenate([session.run([LOGITS], one)[0] for one in slices])))


def plain(network: SliceClassifier, images: Tensor) -> Tensor:
    """The network as one writes it down: layout as it comes."""
    backbone = network.backbone
    scaled = (images - backbone.mean) / backbone.std
    return network.head(backbone.trunk.forward_features(scaled).mean(dim=(2, 3)))


def quantised(network: nn.Module, images: Tensor) -> bytes:
    """ONNX with 8-bit weights and activations, quantise-dequantise form, calibrated on these slices."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Slices(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = list(images[:, None].numpy())

        def get_next(self) -> dict[str, np.ndarray] | None:
            return {IMAGES: self.left.pop()} if self.left else None

    class Whole(nn.Module):
        def forward(self, seen: Tensor) -> Tensor:
            return network.read_scan(seen)[0]

    with tempfile.TemporaryDirectory() as folder:
        before, ready, after = (Path(folder) / f"{name}.onnx" for name in ("before", "ready", "after"))
        torch.onnx.export(
            Whole().eval(),
            (images[:1],),
            before,
            input_names=[IMAGES],
            output_names=[LOGITS],
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        quant_pre_process(before, ready)
        quantize_static(
            ready,
            after,
            Slices(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return after.read_bytes()


def settled(network: SliceClassifier, images: Tensor) -> SliceClassifier:
    """Evaluation form, its normalisations and its dense layer fitted to the slices."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean over what is shown, not a running one
            module.reset_running_stats()
    with torch.no_grad():
        network.train().look(images[:: SLICES // CALIBRATING])
        features, _ = network.eval().look(images[:: SLICES // CALIBRATING])
        network.head.weight.mul_(2.0 / network.head(features).std(dim=0).mean())
        network.head.bias.sub_(network.head(features).mean(dim=0))
    return network


def drawn_slices() -> Tensor:
    """(32, 3, 256, 256): a drawn head with two bleeds through three windows."""
    rng = np.random.default_rng(0)
    head = draw(sample_head(rng, bleeds=["subdural", "intraparenchymal"], scanner=sample_scanner(rng, slices=SLICES)))
    windows = (PRESETS["brain"], PRESETS["subdural"], PRESETS["soft_tissue"])
    return torch.from_numpy(prepare(head.volume, Preprocessing(windows, 1.0, 250.0)).images)


def has_bf16() -> bool:
    """Whether Linux says that the processor multiplies bfloat16."""
    facts = Path("/proc/cpuinfo")
    return facts.is_file() and any(flag in facts.read_text() for flag in ("avx512_bf16", "amx_bf16"))


def worst(logits: Tensor, expected: Tensor) -> float:
    """Largest difference in probability."""
    return float((torch.sigmoid(logits.float()) - torch.sigmoid(expected)).abs().max())


def timed(act: Callable[[], Tensor]) -> tuple[float, Tensor]:
    started = time.process_time()
    result = act()
    return time.process_time() - started, result


if __name__ == "__main__":
    main()

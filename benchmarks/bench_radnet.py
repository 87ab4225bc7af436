"""RADnet on the CPU: one scan of 32 slices, eager and as it is served; and a training step."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from bregma.models.engine import IMAGES, open_session
from bregma.networks.batch import Batch
from bregma.networks.radnet import RADnet
from bregma.training.onnx_form import to_onnx

SLICES = 32


def best_seconds(act: Callable[[], object], repeats: int = 3) -> float:
    act()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> None:
    torch.manual_seed(0)
    for size, pixel_mm in ((128, 2), (256, 1)):
        print(f"RADnet, {SLICES} slices of {size} x {size} ({pixel_mm} mm): {measure(size)}")
    network = RADnet(dropout=0.0).to(memory_format=torch.channels_last).train()
    batch = Batch.of_scan(torch.rand(SLICES, 1, 128, 128))
    step = best_seconds(lambda: network(batch).slice_logits.sum().backward(), repeats=2)
    print(f"RADnet, one training step of {SLICES} slices of 128 x 128: {step:.2f} s")


def measure(size: int) -> str:
    """Forward time of the package and of torch, the latter in the layout as it comes and channels last."""
    network, images = RADnet().eval(), torch.rand(SLICES, 1, size, size)
    session = open_session(to_onnx(network, channels=1, size=size, maps=True))
    given = {IMAGES: images.numpy()}
    served = best_seconds(lambda: session.run(None, given))
    with torch.inference_mode():
        eager = best_seconds(lambda: _plain(network, images))
        network.to(memory_format=torch.channels_last)
        ours = best_seconds(lambda: network.read_scan(images))
    return (
        f"package {served:.2f} s; torch eager {eager:.2f} s ({eager / served:.1f} x the package), "
        f"torch channels last {ours:.2f} s ({ours / served:.1f} x)"
    )


def _plain(network: RADnet, images: torch.Tensor) -> object:
    """The network as one writes it down: layout as it comes, no channels last."""
    contiguous, torch.Tensor.contiguous = torch.Tensor.contiguous, lambda tensor, **_: tensor  # type: ignore[method-assign, assignment]
    try:
        return network.read_scan(images)
    finally:
        torch.Tensor.contiguous = contiguous  # type: ignore[method-assign]


if __name__ == "__main__":
    main()

"""First weights of a backbone: from a file, or from what timm keeps on this machine. Nothing is downloaded."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path

import torch
from torch import Tensor, nn

from bregma.scan.errors import RequestError

_log = logging.getLogger(__name__)

SHOWN = 3
"""Names of misfits that an error message spells out."""

DENSE = ("fc.", "head.", "classifier.", "pre_logits.", "AuxLogits.")
"""What files have besides the convolutions: the layers that named ImageNet's classes."""


def first_weights(trunk: nn.Module, weights: str, *, channels: int) -> None:
    """Give a network of timm's its first weights.

    Args:
        trunk: without dense layers.
        weights: "random" leaves them; "imagenet" takes the file that timm keeps; all else is the path of a file.
        channels: input channels of the network.

    Raises:
        RequestError: there is no file, it cannot be read, or it is another network's.
    """
    if weights == "random":
        return
    path = kept_file(trunk) if weights == "imagenet" else Path(weights).expanduser()
    _fit(trunk, _read(path), path.name, channels=channels)
    _log.info("%s begins with the weights of %s", _facts(trunk)["architecture"], path.name)


def kept_file(trunk: nn.Module) -> Path:
    """The ImageNet weights of a network in the caches of Hugging Face's hub and of torch.

    Raises:
        RequestError: in neither.
    """
    from huggingface_hub import constants, try_to_load_from_cache

    facts, kept = _facts(trunk), Path(torch.hub.get_dir()) / "checkpoints"
    asked, found = [], []
    if repository := facts.get("hf_hub_id"):
        asked.append(f"{repository} in {constants.HF_HUB_CACHE}")
        files = ("model.safetensors", "pytorch_model.bin")
        found += [try_to_load_from_cache(str(repository), file, cache_dir=constants.HF_HUB_CACHE) for file in files]
    if address := facts.get("url"):
        name = str(address).rpartition("/")[2]
        asked.append(f"{name} in {kept}")
        found.append(str(kept / name))
    for path in found:
        if isinstance(path, str) and Path(path).is_file():
            return Path(path)
    raise RequestError(
        f"there are no ImageNet weights of {facts['architecture']} on this machine: looked for {' and '.join(asked)}; "
        "put the file there, give its path as network.weights, or begin with network.weights=random"
    )


def _facts(trunk: nn.Module) -> dict[str, object]:
    """What timm knows of a network: names of its first convolution, addresses of its weights."""
    facts: dict[str, object] = trunk.pretrained_cfg  # type: ignore[assignment]  # a dict of every network of timm's
    return facts


def _read(path: Path) -> dict[str, Tensor]:
    """Names and tensors of a .safetensors or .pth file."""
    from safetensors import SafetensorError
    from timm.models import load_state_dict

    if not path.is_file():
        raise RequestError(
            f"weight file {path} is not there; give the path of a .safetensors or .pth file, 'imagenet' or 'random'"
        )
    try:
        read: dict[str, Tensor] = load_state_dict(str(path), weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, AttributeError) as error:
        raise RequestError(
            f"weight file {path.name} cannot be read ({type(error).__name__}); expected a .safetensors file, or a .pth "
            "file that holds tensors only"
        ) from error
    if not all(isinstance(tensor, Tensor) for tensor in read.values()):
        raise RequestError(f"weight file {path.name} holds more than tensors; save only the network's state_dict")
    return read


def _fit(trunk: nn.Module, given: dict[str, Tensor], file: str, *, channels: int) -> None:
    """Every tensor of the network from the file; its dense layers are left out, its first kernels adapted."""
    wanted = trunk.state_dict()
    given = {name: tensor for name, tensor in given.items() if name in wanted or not name.startswith(DENSE)}
    _adapt(given, f"{_facts(trunk)['first_conv']}.weight", channels)
    # Files from before torch 0.4 do not count batches; a count decides nothing here.
    missing = [name for name in wanted if name not in given and not name.endswith("num_batches_tracked")]
    others = [name for name in given if name not in wanted]
    misfits = [name for name, tensor in given.items() if name in wanted and tensor.shape != wanted[name].shape]
    if missing or others or misfits:
        words = {"it lacks": missing, "it has besides": others, "of another shape": misfits}
        raise RequestError(
            f"weight file {file} is not {_facts(trunk)['architecture']}'s; "
            + "; ".join(f"{what} {_some(names)}" for what, names in words.items() if names)
            + ": give the file of this backbone, or name its backbone"
        )
    trunk.load_state_dict(given, strict=False)


def _adapt(given: dict[str, Tensor], first: str, channels: int) -> None:
    """Kernels for three colours become kernels for `channels`: repeated and lowered, or for one channel added up."""
    from timm.models import adapt_input_conv

    kernel = given.get(first)
    if kernel is not None and kernel.ndim == 4 and kernel.shape[1] == 3:
        given[first] = adapt_input_conv(channels, kernel)


def _some(names: list[str]) -> str:
    """The first few: "conv1.weight, bn1.bias and 58 more"."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")

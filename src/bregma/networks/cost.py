"""How large a network is and how much it calculates."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True, slots=True)
class Cost:
    """Size and work of a network.

    Attributes:
        parameters: numbers that were learned.
        macs: multiply-adds of convolutions and matrix products for one prepared slice; those of recurrent layers, less
            than a thousandth of them here, are not counted.
    """

    parameters: int
    macs: int


def cost_of(network: nn.Module, *, channels: int, size: int) -> Cost:
    """Parameters, and multiply-adds counted while a copy reads one empty slice.

    Args:
        network: with `read_scan`, on any device.
        channels: C.
        size: S.
    """
    read = copy.deepcopy(network).cpu().float().eval()
    image: Tensor = torch.zeros(1, channels, size, size)
    with torch.no_grad(), FlopCounterMode(display=False) as counted:
        read.read_scan(image)  # type: ignore[operator]  # a method of every served network
    return Cost(sum(one.numel() for one in network.parameters()), counted.get_total_flops() // 2)

"""The networks a recipe can name."""

from __future__ import annotations

from torch import nn

from bregma.networks.radnet import RADnet

NETWORKS: dict[str, type[nn.Module]] = {"radnet": RADnet}

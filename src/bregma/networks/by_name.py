"""The networks a recipe can name."""

from __future__ import annotations

from torch import nn

from bregma.networks.radnet import RADnet
from bregma.networks.slice_classifier import SliceClassifier
from bregma.networks.slice_segmenter import SliceSegmenter
from bregma.networks.slice_set import SliceSet

NETWORKS: dict[str, type[nn.Module]] = {
    "radnet": RADnet,
    "slice_classifier": SliceClassifier,
    "slice_segmenter": SliceSegmenter,
    "slice_set": SliceSet,
}

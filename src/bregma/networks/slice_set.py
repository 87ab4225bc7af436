"""Slice set: one backbone for labelled slices, for scans of which only the scan is labelled, and for unlabelled scans.

Kodandarama, Prabhakaran, Singh: "Intracranial hemorrhage detection by efficient utilization of 3D CT brain images with
multimodal labels", section 2: ResNet-18 sees every slice independently, so that the same weights serve a slice and a
scan; six outputs. What the three kinds of data teach it are losses: the focal loss on slices, the set loss on the
slices' answers and the smoothness constraint on their features (training/set_loss.py, training/smoothness.py).

So it is built like the slice classifier; only what is asked of its answers and features is another.
"""

from __future__ import annotations

from bregma.networks.slice_classifier import SliceClassifier


class SliceSet(SliceClassifier):
    """One probability per slice and finding (the paper's p_i), and the features that stand for the slice (its e_i).

    Args:
        backbone: a key of `backbone.BACKBONES`; the paper's is "resnet18".
        channels: C, windows times slices shown together.
        findings: K.
        weights: of the backbone: "random", "imagenet" or the path of a file.
        dropout: share of the features that is dropped while it learns.
    """

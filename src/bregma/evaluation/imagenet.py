"""How well backbones do on ImageNet, to ask whether that says anything about head scans."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bregma.evaluation.cases import POOLED, SLICE
from bregma.evaluation.comparison import Table
from bregma.evaluation.correlation import Correlation, rank_correlation
from bregma.evaluation.groups import Group
from bregma.scan.terms import ANY

TOP1 = {
    "vgg16": 0.713,
    "resnet50": 0.749,
    "inception_v3": 0.779,
    "mobilenetv2": 0.713,
    "xception": 0.790,
    "efficientnet_b0": 0.763,
    "efficientnet_b2": 0.798,
    "efficientnet_b3": 0.811,
    "resnet18": 0.698,
}
"""Top-1 accuracy by recipe: table 1 of "RSNA intracranial hemorrhage detection" (from Keras applications); ResNet-18,
which is not in it, as torchvision publishes it. Other weights of the same name differ by points."""


def top1_of(recipe: str) -> float | None:
    """Top-1 accuracy on ImageNet of the backbone that a recipe is named after; None for any other recipe."""
    return TOP1.get(recipe)


def against_imagenet(groups: Sequence[Group], tables: Sequence[Table], rng: np.random.Generator) -> list[Correlation]:
    """Whether models that are better on ImageNet have a higher AUC per slice, for `any` and for all findings pooled.

    Args:
        groups: models.
        tables: from `compare_groups`.
        rng: draws orders when there are too many to look at all.

    Returns:
        one per table with at least four models whose accuracy on ImageNet is known.
    """
    known = {group.name: top1_of(group.members[0].recipe) for group in groups}
    found = []
    for table in tables:
        if table.level != SLICE or table.finding not in (ANY, POOLED):
            continue
        rows = []
        for name, (auc, *_) in table.groups:
            top1 = known[name]
            if top1 is not None and auc.measure.value is not None:
                rows.append((name, top1, auc.measure.value))
        found.append(rank_correlation(f"{table.level} {table.finding}", rows, rng))
    return [one for one in found if one is not None]

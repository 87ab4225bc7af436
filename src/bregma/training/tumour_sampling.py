"""Which patches an epoch shows, and what is in them.

Tumour retrieval via multitask learning, section 3.1: a patch is picked at random, containing a tumour entirely. All
that is drawn stands in a `Showing`, so that an epoch is the same after an interruption. Letters: B patches, T tumours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bregma.networks.tumour_multitask import Place
from bregma.preprocessing.tumour_mirror import mirrored_labels
from bregma.preprocessing.tumour_patch import box_in_patch, covering_starts, cut_patch, mirrored_box, random_start
from bregma.preprocessing.tumour_view import Three
from bregma.scan.terms import TUMOUR_CRITERIA
from bregma.scan.tumour import VoxelBox
from bregma.training.tumour_loss import UNKNOWN, TumourTargets
from bregma.training.tumour_set import TumourCase

NUMBERS = {name: {term.name: n for n, term in enumerate(terms)} for name, terms in TUMOUR_CRITERIA.items()}
"""Criterion -> term -> its number."""


@dataclass(frozen=True, slots=True)
class Variation:
    """How much may be varied.

    Attributes:
        flip: share of showings whose left and right are exchanged.
        contrast: values are multiplied by 1 - contrast to 1 + contrast.
        brightness: -brightness to brightness is added.
    """

    flip: float = 0.0
    contrast: float = 0.0
    brightness: float = 0.0


@dataclass(frozen=True, slots=True)
class Showing:
    """One patch of one scan, and how it is varied.

    Attributes:
        case: number of the scan.
        start: first voxel of the patch.
        flip: left and right are exchanged.
        contrast: factor.
        brightness: added.
    """

    case: int
    start: Three
    flip: bool = False
    contrast: float = 1.0
    brightness: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """What a showing shows.

    Attributes:
        values: the patch, float32.
        mask: bool, all tumours, cut ones too.
        boxes: of the tumours that are whole in it.
        labels: theirs, as they are true of what is shown.
    """

    values: NDArray[np.float32]
    mask: NDArray[np.bool_]
    boxes: tuple[VoxelBox, ...]
    labels: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class TumourBatch:
    """What a step learns from.

    Attributes:
        patches: (B, 1, D, H, W) float32.
        places: T.
        targets: of both.
    """

    patches: Tensor
    places: tuple[Place, ...]
    targets: TumourTargets


def plan_epoch(
    cases: Sequence[TumourCase], size: Three, variation: Variation, *, patches: int, steps: int, seed: int, epoch: int
) -> list[tuple[Showing, ...]]:
    """The steps of an epoch; every tumour is the reason for a patch once before any is twice.

    Args:
        cases: with their tumours.
        size: of a patch.
        variation: how much may be varied.
        patches: per step.
        steps: per epoch; 0 shows every tumour once.
        seed: of the run.
        epoch: from 0.
    """
    rng = np.random.default_rng([seed, epoch])
    tumours = [(number, box) for number, case in enumerate(cases) for box in case.boxes]
    wanted = steps * patches or len(tumours)
    rounds = -(-wanted // len(tumours))
    order = np.concatenate([rng.permutation(len(tumours)) for _ in range(rounds)])[:wanted]
    shown = [_draw(cases[number], number, box, size, variation, rng) for number, box in (tumours[at] for at in order)]
    return [tuple(shown[first : first + patches]) for first in range(0, wanted, patches)]


def look_once(cases: Sequence[TumourCase], size: Three, *, patches: int) -> list[tuple[Showing, ...]]:
    """Every tumour in the middle of its patch, unvaried: how the validation part is looked at."""
    shown = [
        Showing(number, start)
        for number, case in enumerate(cases)
        for box in case.boxes
        for start in covering_starts(box, case.shape, size)[:1]
    ]
    return [tuple(shown[first : first + patches]) for first in range(0, len(shown), patches)]


def show(case: TumourCase, showing: Showing, size: Three) -> Patch:
    """Cut a patch, mirror and vary it; boxes and labels follow."""
    values = cut_patch(case.values, showing.start, size).astype(np.float32)
    mask = cut_patch(case.map, showing.start, size) > 0
    seen = [
        (box_in_patch(box, showing.start, size), labels) for box, labels in zip(case.boxes, case.labels, strict=True)
    ]
    whole = [(box, dict(labels)) for box, labels in seen if box is not None]
    if showing.flip and case.left_right is not None:
        axis = case.left_right
        values, mask = np.flip(values, axis), np.flip(mask, axis)
        whole = [(mirrored_box(box, size, axis), mirrored_labels(labels)) for box, labels in whole]
    values = np.ascontiguousarray(values * np.float32(showing.contrast) + np.float32(showing.brightness))
    return Patch(values, np.ascontiguousarray(mask), tuple(box for box, _ in whole), tuple(known for _, known in whole))


def batch_of(patches: Sequence[Patch]) -> TumourBatch:
    """Patches as tensors; what nobody stated is `UNKNOWN`."""
    values = torch.from_numpy(np.stack([patch.values for patch in patches])[:, None])
    mask = torch.from_numpy(np.stack([patch.mask for patch in patches])[:, None].astype(np.float32))
    labels = [known for patch in patches for known in patch.labels]
    criteria = {
        name: torch.tensor([numbers.get(known.get(name, ""), UNKNOWN) for known in labels], dtype=torch.int64)
        for name, numbers in NUMBERS.items()
    }
    places = tuple((number, box) for number, patch in enumerate(patches) for box in patch.boxes)
    return TumourBatch(values, places, TumourTargets(mask, criteria))


def batches(cases: Sequence[TumourCase], plan: Sequence[tuple[Showing, ...]], size: Three) -> Iterator[TumourBatch]:
    """The batches of a plan, one after the other."""
    for step in plan:
        yield batch_of([show(cases[showing.case], showing, size) for showing in step])


def _draw(
    case: TumourCase,
    number: int,
    box: VoxelBox,
    size: Three,
    variation: Variation,
    rng: np.random.Generator,
) -> Showing:
    start = random_start(box, case.shape, size, rng)
    flip, contrast, brightness = rng.random(), rng.uniform(-1, 1), rng.uniform(-1, 1)
    return Showing(
        number,
        start,
        flip=bool(flip < variation.flip),
        contrast=1 + float(contrast) * variation.contrast,
        brightness=float(brightness) * variation.brightness,
    )

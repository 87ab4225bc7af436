"""From a library to batches: what is shown, what is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bregma.preprocessing.augment import AugmentationSettings
from bregma.scan.errors import RequestError
from bregma.training.cache import SliceCache
from bregma.training.inputs import Inputs, fill_cache, load_targets
from bregma.training.sampling import Showing


def inputs_of(library: Any, recipe: Any, augmentation: AugmentationSettings | None = None) -> Inputs:
    settings = recipe.preprocessing.settings
    cache = SliceCache(library.layout.root / "prepared", settings.digest)
    records = library.scans("default", "train")
    done: list[tuple[int, int]] = []
    fill_cache(library, records, cache, settings, progress=lambda *counts: done.append(counts))
    assert done[-1] == (len(records), len(records))
    return Inputs(load_targets(library, records, recipe.findings), cache, augmentation)


def test_pieces_are_put_side_by_side_and_filled_up(drawn_library: Any, tiny_recipe: Any) -> None:
    inputs = inputs_of(drawn_library, tiny_recipe)
    batch, targets = inputs.batch([Showing(0, 0, 2, seed=0), Showing(1, 0, 5, seed=0)])
    assert batch.images.shape == (2, 5, 1, 32, 32)
    assert batch.is_slice.tolist() == [[True, True, False, False, False], [True] * 5]
    assert targets.slices.value[..., 0].tolist() == [[0, 0, 0, 0, 0], [0, 1, 1, 1, 0]]
    assert targets.slices.known[..., 0].tolist() == batch.is_slice.tolist()
    assert targets.masks.value.shape == (7, 1, 32, 32)
    assert targets.masks.value.sum(dim=(1, 2, 3)).tolist() == [0, 0, 0, 64, 64, 64, 0]


def test_a_mask_lies_on_its_blood(drawn_library: Any, tiny_recipe: Any) -> None:
    """Blood of 70 HU in the window 0 to 80 is 0.875 grey."""
    batch, targets = inputs_of(drawn_library, tiny_recipe).whole(1)
    blood = batch.images[0, :, :][targets.masks.value == 1]
    assert blood.numpy() == pytest.approx(0.875, abs=0.01)


def test_slices_vary_alike_and_the_mask_with_them(drawn_library: Any, tiny_recipe: Any) -> None:
    inputs = inputs_of(drawn_library, tiny_recipe, AugmentationSettings(flip_horizontal=1.0))
    plain = Inputs(inputs.scans, inputs.cache)
    showing = [Showing(1, 0, 5, seed=3)]
    (varied, moved), (batch, targets) = inputs.batch(showing), plain.batch(showing)
    torch.testing.assert_close(varied.images, batch.images.flip(-1))
    torch.testing.assert_close(moved.masks.value, targets.masks.value.flip(-1))
    turned = Inputs(inputs.scans, inputs.cache, AugmentationSettings(rotation_degrees=90.0))
    first, again = turned.batch(showing)[0], turned.batch(showing)[0]
    torch.testing.assert_close(first.images, again.images)
    assert not torch.equal(first.images, turned.batch([Showing(1, 0, 5, seed=4)])[0].images)


def test_a_scan_without_a_mask_keeps_what_its_labels_say(
    drawn_library: Any, tiny_recipe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = np.array([True, False, False, False, True])
    monkeypatch.setattr(drawn_library, "mask", lambda *_: None)
    monkeypatch.setattr(drawn_library, "slice_mask_known", lambda *_: known)
    inputs = inputs_of(drawn_library, tiny_recipe, AugmentationSettings(rotation_degrees=5.0))
    _, targets = inputs.whole(1)
    assert targets.masks.known.flatten().tolist() == known.tolist()
    assert targets.masks.value.sum() == 0


def test_a_part_without_scans_is_refused() -> None:
    with pytest.raises(RequestError, match="no scans"):
        load_targets(None, [], ["any"])

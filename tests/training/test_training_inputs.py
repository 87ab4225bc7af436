"""From a library to batches: what is shown, what is known."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bregma.catalogue.ingest import import_scans
from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.catalogue.targets import Statements
from bregma.phantom.studies import write_studies
from bregma.preprocessing.augment import AugmentationSettings, draw_augmentation
from bregma.scan.errors import RequestError
from bregma.scan.labels import Label, Level
from bregma.training.inputs import Inputs, fill_cache
from bregma.training.recipe import load_recipe
from bregma.training.sampling import Showing
from bregma.training.slice_cache import SliceCache
from bregma.training.truth import load_targets


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


def test_a_displayed_showing_holds_what_the_first_window_shows(drawn_library: Any) -> None:
    """Tissue of 30 HU and blood of 70 lie within 0 to 80; air is 0 HU there, (0 + 20) / 200 in the second."""
    windows = [{"center": 40, "width": 80}, {"center": 80, "width": 200}]
    recipe = load_recipe("densenet40", {"preprocessing.pixel_mm": 8, "preprocessing.windows": windows})
    inputs = inputs_of(drawn_library, recipe, AugmentationSettings(displayed=1.0))
    shown = dataclasses.replace(inputs, windows=recipe.preprocessing.settings.windows)
    plain = Inputs(inputs.scans, inputs.cache)
    (displayed, _), (batch, _) = shown.batch([Showing(1, 0, 5, seed=3)]), plain.whole(1)
    torch.testing.assert_close(displayed.images[:, :, 0], batch.images[:, :, 0])
    air, brain = batch.images[0, :, 0] == 0, batch.images[0, :, 0] > 0
    assert displayed.images[0, :, 1][air].unique().tolist() == pytest.approx([0.1], abs=0.005)
    torch.testing.assert_close(displayed.images[0, :, 1][brain], batch.images[0, :, 1][brain], atol=0.006, rtol=0)


def test_a_scan_without_a_mask_keeps_what_its_labels_say(
    drawn_library: Any, tiny_recipe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [True, False, False, False, True]
    labels = [
        Label("1.2.1", Level.SLICE, f"1.2.1.{index}", "any", float(not empty), "r") for index, empty in enumerate(known)
    ]
    monkeypatch.setattr(drawn_library, "mask", lambda *_: None)
    monkeypatch.setattr(
        drawn_library, "statements", lambda uid: Statements(tuple(f"{uid}.{i}" for i in range(5)), labels)
    )
    inputs = inputs_of(drawn_library, tiny_recipe, AugmentationSettings(rotation_degrees=5.0))
    _, targets = inputs.whole(1)
    assert targets.masks.known.flatten().tolist() == known
    assert targets.masks.value.sum() == 0


def test_labels_and_masks_that_come_after_a_first_filling_are_seen(tiny_recipe: Any, tmp_path: Path) -> None:
    heads, settings = tmp_path / "heads", tiny_recipe.preprocessing.settings
    write_studies(heads, count=2, seed=0, positive_share=0.5, size=64, slices=8)
    library = Library.create(tmp_path / "library")
    import_scans(library, heads / "scans", workers=1)
    records, cache = library.scans(), SliceCache(tmp_path / "prepared", settings.digest)

    def shown() -> tuple[Any, list[float]]:
        fill_cache(library, records, cache, settings)
        inputs = Inputs(load_targets(library, records, tiny_recipe.findings), cache)
        _, targets = inputs.batch([Showing(scan, 0, 8, seed=0) for scan in range(2)])
        return targets, sorted(float(part.sum()) for part in targets.masks.value.split(8))

    targets, blood = shown()
    assert not targets.slices.known.any()
    assert not targets.masks.known.any()
    assert blood == [0, 0]
    import_labels(library, heads / "labels.csv")
    targets, blood = shown()
    assert targets.slices.known.all()
    assert targets.masks.known.all()
    assert blood[0] == 0 < blood[1]
    library.close()


def test_only_a_scan_whose_mask_has_changed_is_prepared_again(
    drawn_library: Any, tiny_recipe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, mask, volume = [], drawn_library.mask, drawn_library.volume
    monkeypatch.setattr(drawn_library, "volume", lambda uid: read.append(uid) or volume(uid))
    inputs_of(drawn_library, tiny_recipe)
    inputs_of(drawn_library, tiny_recipe)
    assert len(read) == 6
    monkeypatch.setattr(drawn_library, "mask", lambda uid, *_: mask(uid) if uid != "1.2.1" else mask(uid)[:, ::-1])
    _, targets = inputs_of(drawn_library, tiny_recipe).whole(1)
    assert read[6:] == ["1.2.1"]
    assert targets.masks.value[2, 0, 14:22, 12:20].min() == 1


def test_a_part_without_scans_is_refused() -> None:
    with pytest.raises(RequestError, match="no scans"):
        load_targets(None, [], ["any"])


def test_the_labels_of_scans_are_there_for_whole_scans_and_where_nothing_is_for_pieces(
    drawn_library: Any, tiny_recipe: Any
) -> None:
    """The bleed of a positive scan may lie outside a piece of it; a negative scan has none in any piece."""
    inputs = inputs_of(drawn_library, tiny_recipe)
    _, targets = inputs.batch([Showing(0, 0, 5, 0), Showing(1, 0, 5, 0), Showing(0, 1, 3, 0), Showing(1, 1, 3, 0)])
    assert targets.scans.value[:, 0].tolist() == [0, 1, 0, 1]
    assert targets.scans.known[:, 0].tolist() == [True, True, True, False]


def test_batches_made_ahead_are_the_batches_one_by_one(drawn_library: Any, tiny_recipe: Any) -> None:
    inputs = inputs_of(drawn_library, tiny_recipe, AugmentationSettings(rotation_degrees=20.0, flip_horizontal=0.5))
    plan = [[Showing(scan, 0, 1 + scan % 5, seed=scan)] * 2 for scan in range(6)]
    for workers in (1, 2, 9):
        ahead = list(dataclasses.replace(inputs, workers=workers).batches(plan))
        assert len(ahead) == len(plan)
        for (batch, targets), step in zip(ahead, plan, strict=True):
            alone, known = inputs.batch(step)
            assert torch.equal(batch.images, alone.images)
            assert torch.equal(targets.masks.value, known.masks.value)
            assert torch.equal(targets.slices.value, known.slices.value)
    assert not list(inputs.batches([]))


def test_who_stops_early_leaves_no_thread_behind(drawn_library: Any, tiny_recipe: Any) -> None:
    inputs = dataclasses.replace(inputs_of(drawn_library, tiny_recipe), workers=2)
    batches = inputs.batches([[Showing(0, 0, 5, seed=0)]] * 20)
    next(batches)
    batches.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("inputs")]


def test_what_goes_wrong_ahead_is_said_where_the_batch_is_wanted(drawn_library: Any, tiny_recipe: Any) -> None:
    inputs = inputs_of(drawn_library, tiny_recipe)
    inputs.cache.path("1.2.2").unlink()
    batches = inputs.batches([[Showing(0, 0, 5, seed=0)], [Showing(2, 0, 5, seed=0)]])
    next(batches)
    with pytest.raises(LookupError, match=r"series 1\.2\.2 is not in the cache"):
        next(batches)


def test_single_slices_come_with_their_neighbours(drawn_library: Any, tiny_recipe: Any) -> None:
    inputs = inputs_of(drawn_library, tiny_recipe)
    beside = dataclasses.replace(inputs, neighbours=1, masks=False)
    batch, targets = beside.batch([Showing(1, 0, 1, 0), Showing(1, 2, 3, 0), Showing(1, 4, 5, 0)])
    whole = inputs.whole(1)[0].images[0, :, 0]
    assert batch.images.shape == (3, 1, 3, 32, 32)
    for shown, around in zip(batch.images[:, 0], [(0, 0, 1), (1, 2, 3), (3, 4, 4)], strict=True):
        assert torch.equal(shown, whole[list(around)])
    assert targets.masks is None


@pytest.mark.parametrize("change", ["augmentation.flip_vertical=1", "augmentation.crop=1"])
def test_what_a_recipe_varies_moves_the_blood_and_its_mask_alike(
    drawn_library: Any, tiny_recipe: Any, change: str
) -> None:
    quiet = ["augmentation.rotation_degrees=0", "augmentation.flip_horizontal=0", "preprocessing.pixel_mm=8", change]
    settings = load_recipe("radnet", quiet).augmentation.settings
    inputs = inputs_of(drawn_library, tiny_recipe, settings)
    batch, targets = inputs.batch([Showing(1, 0, 5, seed=3)])
    plain, known = inputs_of(drawn_library, tiny_recipe).whole(1)
    if "flip" in change:
        assert torch.equal(batch.images, plain.images.flip(-2))
        assert torch.equal(targets.masks.value, known.masks.value.flip(-2))
        return
    side = draw_augmentation(np.random.default_rng(3), settings, size=32).scale
    area = targets.masks.value[2].sum() / known.masks.value[2].sum()
    assert 1 < side**2 <= 1.6
    assert area == pytest.approx(side**2, rel=0.05)
    blood = batch.images[0, :, 0][targets.masks.value[:, 0] == 1]
    assert blood.numpy() == pytest.approx(0.875, abs=0.02)


def test_without_masks_a_scan_that_is_there_is_good(
    drawn_library: Any, tiny_recipe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, settings = inputs_of(drawn_library, tiny_recipe), tiny_recipe.preprocessing.settings
    for name in ("mask", "volume"):
        monkeypatch.setattr(drawn_library, name, lambda *_: pytest.fail("nothing is read"))
    fill_cache(drawn_library, drawn_library.scans("default", "train"), inputs.cache, settings, masks=False)

"""From outlined scans to a package: discs and squares on two sides, which a small network tells apart."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bregma.models.package_folder import write_folder
from bregma.models.records import to_json
from bregma.models.tumour_embedder import TumourEmbedder, load_tumour_embedder
from bregma.models.tumour_package import DOCUMENT, MAP, load_tumour_package, write_tumour_package
from bregma.networks.tumour_multitask import TumourNetwork
from bregma.preprocessing.tumour_patch import cut_patch
from bregma.scan.errors import PackageError, RequestError, StoppedError
from bregma.scan.terms import TUMOUR_CRITERIA
from bregma.scan.tumour import TumourScan, VoxelBox, tumours_of_map
from bregma.scan.volume import Geometry, Volume
from bregma.training import tumour_export, tumour_loop
from bregma.training.curves import read_rows
from bregma.training.devices import choose_machine
from bregma.training.train import PACKAGE, Run
from bregma.training.train_tumours import train_on_scans
from bregma.training.tumour_export import embed_cases
from bregma.training.tumour_figures import knn_metrics, knn_terms
from bregma.training.tumour_loop import TumourJob, fit_tumours
from bregma.training.tumour_loss import UNKNOWN
from bregma.training.tumour_recipe import TumourRecipe, load_tumour_recipe
from bregma.training.tumour_sampling import NUMBERS, Showing, Variation, batch_of, look_once, plan_epoch, show
from bregma.training.tumour_set import make_case

SIZE = 24
SMALL = {
    "network.width": 8,
    "network.blocks": 1,
    "network.kernel": [1, 3, 3],
    "network.down": [1, 4, 4],
    "view.voxel_mm": [0, 0, 0],
    "view.patch": [1, 16, 16],
    "tasks.area": 0.0,
    "tasks.depth": 0.0,
    "tasks.height": 0.0,
    "optimizer.learning_rate": 0.02,
    "optimizer.epochs": 3,
    "patches.size": 4,
    "patches.steps": 5,
    "loop.validate_every": 2,
    "neighbours": 3,
}


def small(**more: object) -> TumourRecipe:
    return load_tumour_recipe(
        "tumour_multitask", {**SMALL, **{key.replace("__", "."): one for key, one in more.items()}}
    )


def scan(number: int, *, known: bool = True) -> TumourScan:
    """A bright meningioma or a dark metastasis on one side of a slice, and another whose labels nobody knows."""
    rng = np.random.default_rng(number)
    values, numbers = rng.normal(300, 20, (1, SIZE, SIZE)), np.zeros((1, SIZE, SIZE), np.uint8)
    values[:, :2] = 0
    top, left = int(rng.integers(4, 8)), 3 if number % 2 else 15
    place = (0, slice(top, top + 5), slice(left, left + 5))
    values[place], numbers[place] = 900 if number % 4 < 2 else 30, 1
    numbers[0, 20:22, 10:13] = 2
    geometry = Geometry(SIZE, SIZE, np.zeros((1, 3)), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (1.0, 1.0))
    kind = "meningioma" if number % 4 < 2 else "metastasis"
    labels = {1: {"type": kind, "side": "right" if number % 2 else "left"}} if known else {}
    volume = Volume(values.astype(np.int16), geometry)
    return TumourScan(f"1.2.{number}", f"P{number}", volume, numbers, tumours_of_map(numbers, labels))


TRAINING, VALIDATION = [scan(number) for number in range(12)], [scan(number) for number in range(20, 28)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is at its end."""
    folder = tmp_path_factory.mktemp("run")
    train_on_scans(small(), TRAINING, VALIDATION, Run(folder, threads=1), cache=folder / "cache")
    return folder


def network_of(folder: Path) -> TumourNetwork:
    network = small().make_network()
    network.load_state_dict(torch.load(folder / "last.pt", weights_only=True)["network"])
    return network.eval()


def job(folder: Path, recipe: TumourRecipe) -> TumourJob:
    torch.manual_seed(0)
    sets = [[make_case(one, recipe.view.settings) for one in part] for part in (TRAINING, VALIDATION)]
    return TumourJob(recipe, 0, folder, recipe.make_network(), choose_machine("cpu", "fp32", threads=1), *sets)


def test_a_run_ends_in_a_package_that_embeds_as_the_network_does(run: Path) -> None:
    embedder = load_tumour_embedder(run / PACKAGE, threads=1)
    one = VALIDATION[0]
    vectors = embedder.embed(one.volume, [tumour.box for tumour in one.tumours])
    assert vectors.shape == (2, 8)
    assert vectors.dtype == np.float32
    case = make_case(one, small().view.settings)
    expected = embed_cases(network_of(run), [case], small().view.patch)
    np.testing.assert_allclose(vectors, expected, rtol=1e-3, atol=1e-4)
    card = embedder.package.card
    assert card.tasks == ("mask", "type", "side")
    assert card.trained_on.startswith("24 tumours of 12 patients")
    assert {(one.criterion, one.tumours) for one in card.metrics} == {("type", 8), ("side", 8)}
    assert embedder.digest == load_tumour_package(run / PACKAGE).digest
    assert len(embedder.digest) == 64


def test_a_run_learns_and_its_log_says_so(tmp_path: Path) -> None:
    fit_tumours(job(tmp_path, small(optimizer__epochs=10, optimizer__learning_rate=0.03)))
    rows = read_rows(tmp_path)
    assert len(rows) == 10
    assert rows[-1]["train_loss"] < 0.6 * rows[0]["train_loss"]
    assert rows[-1]["tumour_accuracy"] > 0.8
    assert [np.isfinite(row["loss"]) for row in rows] == [False, True] * 5


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = job(tmp_path / "whole", small())
    whole.run.mkdir()
    fit_tumours(whole)

    class Impatient(tumour_loop.StopSign):
        looked = 0

        @property
        def raised(self) -> bool:
            Impatient.looked += 1
            return Impatient.looked > 7

        @raised.setter
        def raised(self, value: bool) -> None:
            pass

    stopped = job(tmp_path / "stopped", small())
    stopped.run.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(tumour_loop, "StopSign", Impatient)
        with pytest.raises(StoppedError, match="stopped after step 3 of epoch 2"):
            fit_tumours(stopped)
    again = job(stopped.run, small())
    fit_tumours(again)
    for one, other in zip(whole.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(one, other)
    first, second = ([row["train_loss"] for row in read_rows(each.run)] for each in (whole, again))
    assert first == second


def test_a_folder_is_one_runs(run: Path) -> None:
    assert train_on_scans(small(), TRAINING, VALIDATION, Run(run, threads=1)) == run / PACKAGE
    with pytest.raises(RequestError, match="another recipe"):
        train_on_scans(small(neighbours=4), TRAINING, VALIDATION, Run(run))
    with pytest.raises(RequestError, match="another data"):
        train_on_scans(small(), TRAINING[1:], VALIDATION, Run(run))


def test_a_run_that_lacks_its_first_weights_leaves_the_folder_free(tmp_path: Path) -> None:
    slices = load_tumour_recipe("tumour_multitask_2d", {"network.weights": str(tmp_path / "gone.safetensors")})
    with pytest.raises(RequestError, match="gone"):
        train_on_scans(slices, TRAINING, VALIDATION, Run(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_part_of_which_nothing_is_known_gives_no_figures(run: Path) -> None:
    training = [make_case(one, small().view.settings) for one in TRAINING[:2]]
    unknown = [make_case(scan(5, known=False), small().view.settings)]
    network = network_of(run)
    assert knn_metrics(network, training, unknown, size=(1, 16, 16), k=1) == ()
    assert knn_metrics(network, unknown, training, size=(1, 16, 16), k=1) == ()
    assert embed_cases(network, [], (1, 16, 16)).shape == (0, 8)


def test_without_a_tumour_there_is_nothing_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no outlined tumour"):
        train_on_scans(small(), [], [], Run(tmp_path))


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"diverged.*learning_rate than 1e\+30"):
        fit_tumours(job(tmp_path, small(optimizer__learning_rate=1e30)))


def test_an_export_that_differs_is_not_written(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tumour_export, "TOLERANCE", -1.0)
    with pytest.raises(PackageError, match="nothing was written"):
        tumour_export.tumour_onnx(network_of(run), (1, 16, 16))


def test_prepared_scans_are_taken_from_the_folder_and_changed_ones_are_not(tmp_path: Path) -> None:
    view = small().view.settings
    first = make_case(TRAINING[0], view, folder=tmp_path)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    again = make_case(TRAINING[0], view, folder=tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == files
    assert len(files) == 2
    np.testing.assert_array_equal(first.values, again.values)
    np.testing.assert_allclose(again.values, make_case(TRAINING[0], view).values, atol=1e-3)
    make_case(scan(0, known=False), view, folder=tmp_path)
    changed = scan(0)
    changed.map[0, 0, 0] = 1
    make_case(changed, view, folder=tmp_path)
    assert len(list(tmp_path.rglob("*.npy"))) == 4


def test_an_epoch_shows_every_tumour_before_any_twice_and_is_the_same_again() -> None:
    cases = [make_case(one, small().view.settings) for one in TRAINING]
    size = (1, 16, 16)
    plan = plan_epoch(cases, size, Variation(flip=0.5), patches=4, steps=0, seed=3, epoch=1)
    assert [len(step) for step in plan] == [4] * 6
    assert sorted(showing.case for step in plan for showing in step) == sorted(list(range(12)) * 2)
    assert plan == plan_epoch(cases, size, Variation(flip=0.5), patches=4, steps=0, seed=3, epoch=1)
    assert plan != plan_epoch(cases, size, Variation(flip=0.5), patches=4, steps=0, seed=3, epoch=2)
    assert 0 < sum(showing.flip for step in plan for showing in step) < 24
    assert len(plan_epoch(cases, size, Variation(), patches=2, steps=20, seed=0, epoch=0)) == 20


def test_a_flipped_patch_swaps_the_side_and_mirrors_box_and_mask() -> None:
    case = make_case(TRAINING[1], small().view.settings)
    size = (1, SIZE, SIZE)
    plain, flipped = (show(case, Showing(0, (0, 0, 0), flip=flip), size) for flip in (False, True))
    assert plain.labels[0] == {"type": "meningioma", "side": "right"}
    assert flipped.labels == ({"type": "meningioma", "side": "left"}, {})
    np.testing.assert_array_equal(flipped.values, plain.values[:, :, ::-1])
    np.testing.assert_array_equal(flipped.mask, plain.mask[:, :, ::-1])
    (_, top, left), (_, bottom, right) = flipped.boxes[0].start, flipped.boxes[0].stop
    assert flipped.mask[0, top:bottom, left:right].all()
    assert flipped.mask.sum() == 25 + 6


def test_a_half_cut_tumour_stays_in_the_mask_and_out_of_the_heads() -> None:
    case = make_case(TRAINING[1], small().view.settings)
    top = case.boxes[0].start[1]
    batch = batch_of([show(case, Showing(0, (0, top + 2, 0)), (1, 16, 16))])
    assert len(batch.places) == 1  # the other tumour, of which nothing is known
    assert float(batch.targets.mask[..., :6, :].sum()) == 15  # three rows of five are left of the first
    assert all(one.tolist() == [UNKNOWN] for one in batch.targets.criteria.values())


def test_contrast_and_brightness_change_the_values_only() -> None:
    case = make_case(TRAINING[0], small().view.settings)
    plain = show(case, Showing(0, (0, 0, 0)), (1, 16, 16))
    varied = show(case, Showing(0, (0, 0, 0), contrast=1.5, brightness=0.1), (1, 16, 16))
    np.testing.assert_allclose(varied.values, plain.values * 1.5 + 0.1, rtol=1e-5)
    assert varied.boxes == plain.boxes


def test_the_validation_part_is_looked_at_with_each_tumour_in_the_middle() -> None:
    cases = [make_case(one, small().view.settings) for one in VALIDATION[:2]]
    plan = look_once(cases, (1, 9, 9), patches=3)
    assert [len(step) for step in plan] == [3, 1]
    first = show(cases[0], plan[0][0], (1, 9, 9))
    assert first.boxes[0] == VoxelBox((0, 2, 2), (1, 7, 7))


def test_a_large_tumour_is_embedded_by_the_patches_that_cover_it(run: Path) -> None:
    embedder = load_tumour_embedder(run / PACKAGE, threads=1)
    one, whole = TRAINING[0], VoxelBox((0, 0, 0), (1, SIZE, SIZE))
    (vector,) = embedder.embed(one.volume, [whole])
    values, network, seen = make_case(one, embedder.package.view).values, network_of(run), []
    for row in (0, 8):
        for column in (0, 8):
            patch = torch.from_numpy(cut_patch(values, (0, row, column), (1, 16, 16)))[None, None]
            with torch.inference_mode():
                seen.append(network.look(patch)[0].amax(dim=(1, 2, 3)).numpy())
    np.testing.assert_allclose(vector, np.max(seen, axis=0), rtol=1e-3, atol=1e-4)
    with pytest.raises(RequestError, match="beyond the scan"):
        embedder.embed(one.volume, [VoxelBox((0, 0, 0), (2, 4, 4))])
    assert embedder.embed(one.volume, []).shape == (0, 8)


def test_a_changed_package_is_refused(run: Path, tmp_path: Path) -> None:
    package = shutil.copytree(run / PACKAGE, tmp_path / "package")
    document, network = (package / DOCUMENT).read_text(), (package / MAP).read_bytes()
    for changed, message in (
        (document.replace('"width": 8', '"width": 9'), "does not match its digest"),
        (document.replace('"format": 1', '"format": 2'), "has format 2"),
        ("[", "is not JSON"),
    ):
        (package / DOCUMENT).write_text(changed)
        with pytest.raises(PackageError, match=message):
            load_tumour_embedder(package)
    (package / DOCUMENT).write_text(document)
    (package / MAP).write_bytes(network + b" ")
    with pytest.raises(PackageError, match=r"map\.onnx .* was changed"):
        load_tumour_embedder(package)
    (package / MAP).unlink()
    with pytest.raises(PackageError, match=r"no readable map\.onnx"):
        load_tumour_embedder(package)
    with pytest.raises(PackageError, match="expected a package"):
        load_tumour_embedder(tmp_path)


def test_a_network_that_is_not_what_the_card_says_is_refused(run: Path, tmp_path: Path) -> None:
    whole = load_tumour_package(run / PACKAGE)
    for card, view in ((replace(whole.card, width=9), whole.view), (whole.card, replace(whole.view, patch=(1, 8, 8)))):
        package = write_tumour_package(tmp_path / "package", card=card, view=view, onnx=whole.onnx)
        with pytest.raises(PackageError, match="expected 'patch' of one patch"):
            TumourEmbedder(package, threads=1)


def test_a_document_with_other_parts_is_refused(tmp_path: Path) -> None:
    for said, message in (
        ({"format": 1, "card": {}}, "expected card, view"),
        ({"format": 1, "card": {}, "view": {}, "rule": 1}, "expected card, view"),
    ):
        write_folder(tmp_path / "package", DOCUMENT, said, {MAP: b""})  # type: ignore[arg-type]
        with pytest.raises(PackageError, match=message):
            load_tumour_package(tmp_path / "package")


def test_a_view_that_cannot_be_used_is_a_damaged_package(run: Path, tmp_path: Path) -> None:
    whole = load_tumour_package(run / PACKAGE)
    said = {"format": 1, "card": to_json(whole.card), "view": {"patch": 3}}
    write_folder(tmp_path / "package", DOCUMENT, said, {MAP: whole.onnx})  # type: ignore[arg-type]
    with pytest.raises(PackageError, match="view of a tumour network"):
        load_tumour_package(tmp_path / "package")


def test_a_folder_with_something_else_in_it_is_left_alone(run: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("keep me")
    whole = load_tumour_package(run / PACKAGE)
    with pytest.raises(RequestError, match="no part of a package"):
        write_tumour_package(tmp_path, card=whole.card, view=whole.view, onnx=whole.onnx)
    assert (tmp_path / "letter.txt").read_text() == "keep me"


def test_the_nearest_vote_and_of_equals_the_nearest_wins() -> None:
    known, votes = np.array([[0.0], [1.0], [3.0], [3.5]], np.float32), np.array([1, 0, 2, 2])
    asked = np.array([[0.1], [2.9]], np.float32)
    assert knn_terms(asked, known, votes, k=1).tolist() == [1, 2]
    assert knn_terms(asked, known, votes, k=2).tolist() == [1, 2]
    assert knn_terms(asked, known, votes, k=9).tolist() == [2, 2]


def test_criteria_have_the_numbers_of_their_terms() -> None:
    assert {name: list(numbers) for name, numbers in NUMBERS.items()} == {
        name: [term.name for term in terms] for name, terms in TUMOUR_CRITERIA.items()
    }
    assert json.dumps(NUMBERS["side"]) == '{"left": 0, "right": 1}'

"""Regions to package, on drawn discs whose places a child could sort."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from bregma.models.anatomy_package import extend_anatomy_package, load_anatomy_package
from bregma.models.anatomy_predictor import AnatomyPredictor
from bregma.models.manifest import digest_of
from bregma.models.neighbours import unit
from bregma.preprocessing.pipeline import place
from bregma.preprocessing.region_views import view_region
from bregma.scan.errors import PackageError, RecipeError, RequestError
from bregma.scan.slice_region import SliceRegion
from bregma.scan.terms import ANATOMY
from bregma.scan.volume import Geometry, Volume
from bregma.training import train_anatomy as module
from bregma.training.anatomy_recipe import AnatomyRecipe, anatomy_recipe_names, load_anatomy_recipe
from bregma.training.basenet_training import balanced
from bregma.training.feature_cache import FeatureCache
from bregma.training.region_set import RegionSet, ScanRegions, make_region_set, patient_numbers
from bregma.training.run_lock import alone_in
from bregma.training.train import Run

SMALL = {
    "eyes.backbone": "mobilenetv2_100",
    "eyes.weights": "random",
    "eyes.grid": 2,
    "regions.pixel_mm": 4,
    "regions.local_size": 64,
    "regions.global_size": 64,
    "basenet.hidden": 32,
    "basenet.embedding": 16,
    "basenet.per_class": 24,
    "basenet.versions": 2,
    "basenet.batch": 8,
    "basenet.epochs": 30,
    "basenet.learning_rate": 0.003,
    "basenet.dropout": 0.1,
    "relation.hidden": 32,
    "relation.dropout": 0.1,
    "relation.batch": 16,
    "relation.learning_rate": 0.01,
    "relation.epochs": 60,
    "relation.k": 2,
}
PLACES = (("frontal region", 12, 24), ("occipital region", 46, 24), ("parietal region", 30, 40))


def small(name: str = "anatomy_rn_nn") -> AnatomyRecipe:
    return load_anatomy_recipe(name, SMALL)


def disc(seed: int) -> Volume:
    """A head of 64 pixels of 4 mm, one a little larger than the other, two slices."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:64, :64] - 31.5
    hu = np.where(np.hypot(row / 1.2, column) < 24 + rng.integers(2), 36, -1000) + np.zeros((2, 1, 1))
    origins = np.stack([np.full(2, -126.0), np.full(2, -126.0), 5.0 * np.arange(2)], axis=1)
    geometry = Geometry(64, 64, origins, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (4.0, 4.0))
    return Volume(hu.astype(np.int16), geometry)


def scan_regions(number: int) -> ScanRegions:
    rng = np.random.default_rng(number)
    regions = []
    for index in range(2):
        for name, row, column in PLACES:
            mask = np.zeros((64, 64), bool)
            down, across = rng.integers(-1, 2, 2)
            mask[row + down : row + down + 5, column + across : column + across + 5] = True
            regions.append(SliceRegion(index, mask, name, name, "left"))
    return ScanRegions(f"1.2.{number}", f"p{number}", lambda: disc(number), regions)


class PlacedLibrary:
    """What the anatomy trainer asks of a library."""

    def __init__(self, root: Path) -> None:
        self.layout = type("Layout", (), {"root": root})


class Squint(torch.nn.Module):
    """Eyes that see 8 x 8 means, in place of a published network, which takes a minute to export."""

    features = 64

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(views, 8).flatten(1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The package folder of a recipe, trained at most once."""
    root = tmp_path_factory.mktemp("runs")
    parts = {"train": [scan_regions(n) for n in range(6)], "validation": [scan_regions(n) for n in range(6, 9)]}

    @functools.cache
    def folder(name: str) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_regions_of", lambda _library, _split, part: parts[part])
            patch.setattr(module, "make_eyes", lambda _recipe, seed: Squint())
            return module.train_anatomy(small(name), PlacedLibrary(root), Run(root / name, threads=1))  # type: ignore[arg-type]

    return folder


@pytest.fixture
def copied(trained: Callable[[str], Path], tmp_path: Path) -> Path:
    """A package that may be damaged."""
    return Path(shutil.copytree(trained("anatomy_rn_nn"), tmp_path / "package"))


@pytest.mark.parametrize("name", ["anatomy_rn_nn", "anatomy_rn", "anatomy_global"])
def test_a_recipe_becomes_a_package_that_names_places(name: str, trained: Callable[[str], Path]) -> None:
    package = load_anatomy_package(trained(name))
    told = {(one.name, one.over): one for one in package.card.metrics}
    assert told["f1", "weighted"].value > 0.8
    assert told["f1", "weighted"].support == 18
    assert told["recall", "frontal region"].support == 6
    assert "18 regions of 3 patients" in package.card.measured_on
    predictor = AnatomyPredictor(package, threads=1)
    asked = scan_regions(20)
    volume = asked.volume()
    where = place(volume, package.regions.slices)
    views = [view_region(volume.values[one.index], one.mask, where, package.regions) for one in asked.regions]
    namings = predictor.name(views)
    assert [naming.place for naming in namings] == [one.place for one in asked.regions]
    for naming in namings:
        assert {neighbour.case.place for neighbour in naming.neighbours} == {naming.place}
        assert len(naming.neighbours) == 5
        distances = [neighbour.distance for neighbour in naming.neighbours]
        assert distances == sorted(distances)
        assert ((naming.scores >= 0) & (naming.scores <= 1)).all()
        if name != "anatomy_global":  # places without a reference case cannot be named
            assert (naming.scores > 0).sum() <= 3


def test_a_patient_who_is_among_the_references_is_not_compared_with_himself(trained: Callable[[str], Path]) -> None:
    package = load_anatomy_package(trained("anatomy_rn_nn"))
    predictor, own = AnatomyPredictor(package, threads=1), scan_regions(0)
    volume = own.volume()
    where = place(volume, package.regions.slices)
    view = view_region(volume.values[0], own.regions[0].mask, where, package.regions)
    nearest_of_all = predictor.name([view])[0].neighbours[0]
    assert (nearest_of_all.case.patient, round(nearest_of_all.distance, 2)) == ("p0", 0)
    assert "p0" not in {one.case.patient for one in predictor.name([view], patient="p0")[0].neighbours}


def test_a_finished_run_is_not_trained_again_and_another_recipe_is_refused(trained: Callable[[str], Path]) -> None:
    folder = trained("anatomy_rn_nn")
    library, run = PlacedLibrary(folder.parents[1]), Run(folder.parent, threads=1)
    assert module.train_anatomy(small(), library, run) == folder  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="another recipe, seed or split"):
        module.train_anatomy(small("anatomy_rn"), library, run)  # type: ignore[arg-type]


def test_a_run_that_cannot_begin_claims_nothing_and_says_which_key(tmp_path: Path) -> None:
    recipe = load_anatomy_recipe("anatomy_rn_nn", {**SMALL, "eyes.weights": str(tmp_path / "gone.safetensors")})
    library, run = PlacedLibrary(tmp_path), Run(tmp_path / "run", threads=1)
    with pytest.raises(RequestError, match=r"eyes\.weights|gone"):
        module.train_anatomy(recipe, library, run)  # type: ignore[arg-type]
    assert not run.folder.exists()
    with pytest.raises(RequestError, match="device 'tpu' is unknown"):
        module.train_anatomy(small(), library, Run(tmp_path / "run", device="tpu"))  # type: ignore[arg-type]
    assert not run.folder.exists()


def test_a_run_in_use_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_regions_of", lambda *_: [scan_regions(0), scan_regions(1)])
    monkeypatch.setattr(module, "make_eyes", lambda _recipe, seed: Squint())
    library = PlacedLibrary(tmp_path)
    with alone_in(tmp_path / "run"), pytest.raises(RequestError, match="another process is training in 'run'"):
        module.train_anatomy(small("anatomy_rn"), library, Run(tmp_path / "run", threads=1))  # type: ignore[arg-type]
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["run.lock"]


def test_looking_and_learning_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {"train": [scan_regions(0), scan_regions(1)], "validation": [scan_regions(2)]}
    monkeypatch.setattr(module, "_regions_of", lambda _library, _split, part: parts[part])
    monkeypatch.setattr(module, "make_eyes", lambda _recipe, seed: Squint())
    monkeypatch.setattr(module, "write_trained", lambda *_: None)
    recipe = load_anatomy_recipe("anatomy_rn", {**SMALL, "basenet.epochs": 2, "relation.epochs": 3})
    looked: list[tuple[int, int]] = []
    learned: list[tuple[int, int]] = []
    module.train_anatomy(
        recipe,
        PlacedLibrary(tmp_path),  # type: ignore[arg-type]
        Run(tmp_path / "run", threads=1),
        looking=lambda *done: looked.append(done),
        progress=lambda *done: learned.append(done),
    )
    assert looked == [(1, 3), (2, 3), (3, 3)]
    assert learned == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_new_reference_cases_bring_a_new_place_without_training(trained: Callable[[str], Path], tmp_path: Path) -> None:
    package = load_anatomy_package(trained("anatomy_rn_nn"))
    predictor = AnatomyPredictor(package, threads=1)
    cases = tuple(type(package.cases[0])(f"9.{n}", f"q{n}", 0, "L1", "thalamus") for n in range(3))
    vectors = unit(np.random.default_rng(0).normal(size=(3, package.vectors.shape[1])).astype(np.float32))
    more = extend_anatomy_package(package, vectors, cases, tmp_path / "more")
    assert (more.card.extended_by, len(more.cases)) == (3, len(package.cases) + 3)
    assert more.digest != package.digest
    again = extend_anatomy_package(more, vectors, cases, tmp_path / "again")
    assert (again.card.extended_by, len(again.cases)) == (3, len(more.cases))
    asked = scan_regions(30)
    volume = asked.volume()
    where = place(volume, package.regions.slices)
    view = view_region(volume.values[0], asked.regions[0].mask, where, package.regions)
    thalamus = ANATOMY.index("thalamus")
    assert predictor.name([view])[0].scores[thalamus] == 0
    extended = AnatomyPredictor(load_anatomy_package(tmp_path / "more"), threads=1)
    assert extended.name([view])[0].scores[thalamus] > 0
    assert extended.embed([view]) == pytest.approx(predictor.embed([view]))


@pytest.mark.parametrize("file", ["basenet.onnx", "g.onnx", "f.onnx", "references.npy", "references.json"])
def test_a_changed_file_is_found(copied: Path, file: str) -> None:
    content = bytearray((copied / file).read_bytes())
    content[-2] ^= 1
    (copied / file).write_bytes(bytes(content))
    with pytest.raises(PackageError, match=f"{file} of package 'package' was changed"):
        load_anatomy_package(copied)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("card", {}, "does not match its digest"),
        ("format", 2, "has format 2"),
    ],
)
def test_a_changed_card_is_found(copied: Path, key: str, value: object, words: str) -> None:
    document = json.loads((copied / "anatomy.json").read_text())
    document[key] = value
    (copied / "anatomy.json").write_text(json.dumps(document))
    with pytest.raises(PackageError, match=words):
        load_anatomy_package(copied)


def test_what_is_no_package_is_an_error(copied: Path, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"no readable anatomy.json"):
        load_anatomy_package(tmp_path)
    (copied / "g.onnx").unlink()
    with pytest.raises(PackageError, match=r"no readable g.onnx"):
        load_anatomy_package(copied)
    (copied / "anatomy.json").write_text("{")
    with pytest.raises(PackageError, match="is not JSON"):
        load_anatomy_package(copied)


def test_a_package_that_lists_no_references_is_an_error(copied: Path) -> None:
    document = json.loads((copied / "anatomy.json").read_text())
    del document["files"]["references.npy"], document["digest"]
    (copied / "anatomy.json").write_text(json.dumps({**document, "digest": digest_of(document)}))
    with pytest.raises(PackageError, match=r"anatomy.json in .* lists no references.npy"):
        load_anatomy_package(copied)


def region_set(tmp_path: Path, **changes: object) -> RegionSet:
    eyes = Squint()
    cache = FeatureCache(tmp_path / "features", "a")
    versions = module.versions_of(small(), seed=0) if changes.get("versions", True) else None
    scans = [scan_regions(0), scan_regions(1)]
    return make_region_set(scans, eyes, small().regions.settings, cache=cache, versions=versions)  # type: ignore[arg-type]


def test_rare_places_get_changed_versions_and_the_cache_gives_the_same(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    one = region_set(tmp_path)
    assert len(one.cases) == 12
    assert one.features.shape[0] == 12 * 3  # 4 regions of each place, 24 wanted, 2 versions at most
    assert np.bincount(one.owner).tolist() == [3] * 12
    assert np.array_equal(one.features, region_set(tmp_path).features)
    assert np.array_equal(one.plain, region_set(tmp_path, versions=False).features)


def test_an_epoch_shows_each_place_as_often() -> None:
    places = np.array([0] * 50 + [1] * 3)
    order = balanced(places, 10, np.random.default_rng(0))
    assert np.bincount(places[order]).tolist() == [10, 10]
    rare = order[places[order] == 1]
    assert sorted(np.bincount(rare)[50:].tolist()) == [3, 3, 4]
    common = order[places[order] == 0]
    assert len(set(common.tolist())) == 10


def test_patients_have_one_number_in_all_sets(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    one = region_set(tmp_path)
    first, second = patient_numbers(one, one)
    assert first.tolist() == second.tolist() == [0] * 6 + [1] * 6


def test_the_five_recipes_differ_in_paths_and_comparison_only() -> None:
    assert anatomy_recipe_names() == [
        "anatomy_basenet",
        "anatomy_global",
        "anatomy_local",
        "anatomy_rn",
        "anatomy_rn_nn",
    ]
    plain = load_anatomy_recipe("anatomy_basenet").model_dump()
    for name in anatomy_recipe_names():
        other = load_anatomy_recipe(name).model_dump()
        different = {
            (section, key)
            for section in ("regions", "eyes", "basenet", "relation")
            for key in plain[section]
            if plain[section][key] != other[section][key]
        }
        assert different <= {("basenet", "paths"), ("relation", "kind")}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("relation.kk=3", "no key 'kk'; did you mean 'k'"),
        ("eyes.backbone=vgg19", "did you mean 'vgg16'"),
        ("regions.grey=2.0", "grey is 2.0"),
        ("relation.kind=some", r"\[relation\] kind is 'some'"),
    ],
)
def test_a_wrong_key_or_value_is_an_error(change: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        load_anatomy_recipe("anatomy_rn", [change])


def test_an_unknown_recipe_is_an_error() -> None:
    with pytest.raises(RecipeError, match="did you mean 'anatomy_rn'"):
        load_anatomy_recipe("anatomy_r")

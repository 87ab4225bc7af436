"""A network on top of a frozen one: features are looked at once, kept, trained on, and packaged with what made them."""

from __future__ import annotations

import logging
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bregma.models.package import load_package
from bregma.models.places import places_of
from bregma.models.predictor import Predictor
from bregma.scan.errors import RecipeError, RequestError, StoppedError
from bregma.training.checkpoint import BEST, LAST, restore_weights, save_weights
from bregma.training.devices import choose_machine
from bregma.training.feature_cache import FeatureCache, features_digest, look_at
from bregma.training.loop import fit
from bregma.training.make_network import load_slice_network, make_network
from bregma.training.onnx_form import compare, to_onnx
from bregma.training.recipe import Recipe, load_recipe
from bregma.training.sampling import Showing
from bregma.training.train import Run, _claim, _identity, prepare_job, train
from conftest import TINY, DrawnLibrary

MACHINE = choose_machine("cpu", "fp32")

BASE = {key: value for key, value in TINY.items() if key != "loop.save_every"} | {"optimizer.epochs": 1}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a slice network, as far as its first look at the validation part."""
    root = tmp_path_factory.mktemp("base")
    train_base(root / "run", DrawnLibrary(root))
    return root / "run"


def train_base(run: Path, library: DrawnLibrary, recipe: str = "densenet40") -> None:
    """`train`, but without the seconds that its package takes."""
    planned, read = on_cpu(run), load_recipe(recipe, BASE)
    run.mkdir()
    _claim(run, read, _identity(planned, read), resume=True)
    fit(prepare_job(read, library, planned))


def on_cpu(run: Path, *, split: str = "default") -> Run:
    return Run(run, split=split, device="cpu", threads=1)


def sequence_recipe(base: Path, **changes: object) -> Recipe:
    """On DrawnLibrary's heads."""
    small: dict[str, object] = {
        "findings": ["any"],
        "preprocessing.windows": [{"center": 40.0, "width": 80.0}],
        "preprocessing.pixel_mm": 8.0,
        "network.base": str(base),
        "network.hidden": 4,
        "optimizer.epochs": 2,
        "loop.save_every": 2,
    }
    return load_recipe("sequence", small | {key.replace("__", "."): value for key, value in changes.items()})


def job_of(recipe: Recipe, library: DrawnLibrary, run: Path) -> Any:
    run.mkdir(parents=True, exist_ok=True)
    return prepare_job(recipe, library, on_cpu(run))


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    return torch.load(run / LAST, weights_only=True)["network"]


@pytest.mark.slow
def test_a_run_on_a_frozen_network_ends_in_one_package_that_reads_whole_scans(
    base: Path, drawn_library: DrawnLibrary, tmp_path: Path
) -> None:
    recipe = sequence_recipe(base)
    package = load_package(train(recipe, drawn_library, on_cpu(tmp_path / "run")))  # type: ignore[arg-type]
    assert package.card.sequence
    predictor = Predictor(package)
    assert not predictor.has_map
    network = make_network(recipe, seed=0).eval()
    restore_weights(tmp_path / "run" / BEST, network)
    job = job_of(recipe, drawn_library, tmp_path / "other")
    places = places_of(job.records[0].geometry, 5)
    images = job.validation.images(0)
    told, _ = network.read_scan(torch.from_numpy(images), torch.from_numpy(places))  # type: ignore[operator]
    np.testing.assert_allclose(predictor.predict(images, places).logits, told.detach(), atol=1e-4)


@pytest.mark.slow
def test_the_package_answers_as_the_network_does_at_any_length(base: Path) -> None:
    network = make_network(sequence_recipe(base, network__layers=2), seed=0)
    torch.nn.init.normal_(network.head.weight, std=2.0)  # type: ignore[arg-type]
    onnx = to_onnx(network, channels=1, size=32, maps=False)
    rng = np.random.default_rng(0)
    scans = [rng.random((length, 1, 32, 32), dtype=np.float32) for length in (1, 2, 24)]
    assert compare(onnx, network, scans) < 1e-4
    with torch.no_grad():
        network.gru.bias_ih_l0 += 0.5  # type: ignore[union-attr,operator]
    assert compare(onnx, network, scans) > 1e-4


def test_cached_features_are_the_computed_ones(base: Path, drawn_library: DrawnLibrary, tmp_path: Path) -> None:
    job = job_of(sequence_recipe(base), drawn_library, tmp_path / "run")
    batch, targets = job.training.batch([Showing(0, 0, 5, seed=7), Showing(1, 1, 3, seed=8)])
    assert batch.images.shape == (2, 5, 0, 0, 0)
    assert targets.slices.known.sum() == 7
    _, frozen = load_slice_network(base)
    whole = [frozen.look(torch.from_numpy(job.training.images(index)))[0] for index in (0, 1)]  # type: ignore[operator]
    torch.testing.assert_close(batch.features[0], whole[0].detach())
    torch.testing.assert_close(batch.features[1, :2], whole[1][1:3].detach())
    assert batch.features[1, 2:].abs().max() == 0
    torch.testing.assert_close(batch.places[1, :2], torch.tensor([[-0.05, 0.5], [0.0, 0.5]]))


def test_a_scan_is_looked_at_once(
    base: Path, drawn_library: DrawnLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []

    def look(network: Any, images: Any, machine: Any) -> Any:
        looked.append(len(images))
        return look_at(network, images, machine)

    monkeypatch.setattr("bregma.training.feature_cache.look_at", look)
    job_of(sequence_recipe(base), drawn_library, tmp_path / "one")
    assert looked == [5] * 10
    job = job_of(sequence_recipe(base, network__hidden=3), drawn_library, tmp_path / "two")
    assert len(looked) == 10
    damaged = job.training.features.path(job.training.scans[0].series_uid)
    damaged.write_bytes(damaged.read_bytes()[:-5])
    job_of(sequence_recipe(base), drawn_library, tmp_path / "three")
    assert len(looked) == 11


def test_features_of_another_network_or_preprocessing_are_others(base: Path) -> None:
    _, network = load_slice_network(base)
    digest = features_digest(network, "one")
    assert features_digest(load_slice_network(base)[1], "one") == digest
    assert features_digest(network, "two") != digest
    with torch.no_grad():
        network.head.bias += 1e-3  # type: ignore[union-attr,operator]
    assert features_digest(network, "one") != digest


def test_a_cache_gives_only_what_was_put_in(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, "digest")
    features = np.arange(6, dtype=np.float32).reshape(3, 2)
    with pytest.raises(LookupError, match=r"1\.2 are not in the cache"):
        cache.get("1.2", 3)
    cache.add("1.2", features)
    np.testing.assert_array_equal(cache.get("1.2", 3), features)
    with pytest.raises(LookupError, match=r"float32 \(3, 2\); expected 4 slices"):
        cache.get("1.2", 4)
    cache.path("1.2").write_bytes(b"")
    with pytest.raises(LookupError, match="not in the cache"):
        cache.get("1.2", 3)
    assert [path.suffix for path in (tmp_path / "digest").iterdir()] == [".npy"]


def test_a_long_scan_is_looked_at_in_pieces(base: Path) -> None:
    _, network = load_slice_network(base)
    images = np.random.default_rng(0).random((37, 1, 32, 32), dtype=np.float32)
    whole, _ = network.look(torch.from_numpy(images))  # type: ignore[operator]
    np.testing.assert_allclose(look_at(network, images, MACHINE), whole.detach(), atol=1e-5)


def test_a_stopped_run_goes_on_to_the_same_weights(base: Path, drawn_library: DrawnLibrary, tmp_path: Path) -> None:
    recipe, library = sequence_recipe(base), drawn_library
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fit(job_of(recipe, library, whole))

    def interrupt(done: int, _of: int) -> None:
        if done == 1:
            signal.raise_signal(signal.SIGINT)

    broken.mkdir()
    with pytest.raises(StoppedError):
        fit(prepare_job(recipe, library, on_cpu(broken), progress=interrupt))  # type: ignore[arg-type]
    fit(job_of(recipe, library, broken))
    one, other = weights_of(whole), weights_of(broken)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not [name for name in one if name.startswith("frozen")]


def test_a_run_belongs_to_the_network_it_began_with(drawn_library: DrawnLibrary, tmp_path: Path) -> None:
    train_base(tmp_path / "base", drawn_library)
    recipe, run = sequence_recipe(tmp_path / "base"), on_cpu(tmp_path / "run")

    def stop(_done: int, _of: int) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(StoppedError):
        train(recipe, drawn_library, run, progress=stop)  # type: ignore[arg-type]
    _, network = load_slice_network(tmp_path / "base")
    torch.nn.init.zeros_(network.head.bias)  # type: ignore[union-attr,arg-type]
    save_weights(tmp_path / "base" / BEST, network)
    with pytest.raises(RequestError, match="holds a run with another base"):
        train(recipe, drawn_library, run)  # type: ignore[arg-type]


def test_a_network_of_another_split_is_remarked_upon(
    base: Path, drawn_library: DrawnLibrary, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(RequestError, match="has no scans"):
        train(sequence_recipe(base), drawn_library, on_cpu(tmp_path / "run", split="other"))  # type: ignore[arg-type]
    assert "network.base learned from split 'default', this run from 'other'" in caplog.text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"preprocessing.pixel_mm": 4.0}, r"preprocessing.pixel_mm 4.0, but .* trained with 8.0; write that"),
        ({"findings": ["subdural"]}, r"findings \('subdural',\), but .* trained with \('any',\)"),
        ({"preprocessing.neighbours": 1}, r"preprocessing.neighbours 1, but .* trained with 0"),
        ({"augmentation.flip_horizontal": 0.5}, r"\[augmentation\] {'flip_horizontal': 0.5}, .* write 0 for each"),
    ],
)
def test_what_the_frozen_network_never_saw_is_refused(base: Path, changes: dict[str, object], told: str) -> None:
    with pytest.raises(RequestError, match=told):
        make_network(sequence_recipe(base, **changes), seed=0)


def test_a_run_that_is_no_slice_networks_is_refused(base: Path, drawn_library: DrawnLibrary, tmp_path: Path) -> None:
    for name in ("recipe.json", "best.pt"):
        with pytest.raises(RequestError, match=f"has no {name}; expected the folder of a slice network's run"):
            train(sequence_recipe(tmp_path / "base"), drawn_library, on_cpu(tmp_path / "run"))  # type: ignore[arg-type]
        (tmp_path / "base").mkdir(exist_ok=True)
        (tmp_path / "base" / "recipe.json").write_text("{}")
    assert not (tmp_path / "run").exists()
    (tmp_path / "base" / "best.pt").write_bytes((base / "best.pt").read_bytes())
    with pytest.raises(RequestError, match=r"recipe.json is no recipe of this version: Field required"):
        make_network(sequence_recipe(tmp_path / "base"), seed=0)
    along = load_recipe("radnet", TINY)
    (tmp_path / "base" / "recipe.json").write_text(along.model_dump_json())
    with pytest.raises(RequestError, match="a 'radnet' that reads along the scan itself"):
        make_network(sequence_recipe(tmp_path / "base"), seed=0)
    with pytest.raises(RecipeError, match="deltas are taken of 'embedding' or 'logits'"):
        sequence_recipe(base, network__reads=["deltas", "place"])


@pytest.mark.slow
def test_first_weights_of_the_frozen_network_are_not_looked_for(base: Path, tmp_path: Path) -> None:
    """A backbone that began with a file's weights is restored without that file."""
    recipe = load_recipe(
        "sequence",
        {
            "network": {
                "name": "slice_set", "backbone": "resnet18", "weights": str(tmp_path / "gone.pth"), "dropout": 0.0
            },
            "preprocessing.pixel_mm": 8.0,
        },
    )  # fmt: skip
    begun = recipe.model_copy(update={"network": recipe.network.model_copy(update={"weights": "random"})})
    save_weights(tmp_path / "best.pt", make_network(begun, seed=3))
    (tmp_path / "recipe.json").write_text(recipe.model_dump_json())
    read, network = load_slice_network(tmp_path)
    assert read == recipe
    assert not network.training

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path

import pytest

from bregma.models import package as package_module
from bregma.models.aggregate import Rule
from bregma.models.calibration import Calibration
from bregma.models.manifest import digest_of
from bregma.models.package import find_package, installed_packages, load_package, package_folders
from bregma.models.records import from_json, to_json
from bregma.models.verify import verify_package
from bregma.scan.errors import PackageError, RequestError
from tiny_models import CARD, POINT, SETTINGS, tiny_onnx, tiny_package


@pytest.fixture(autouse=True)
def only_own_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREGMA_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(package_module, "BUNDLED", tmp_path / "bundled")


def rewrite(folder: Path, *, sign: bool = True, **changes: object) -> None:
    """Change package.json; signed again, so that only what was changed can be what stops it."""
    document = json.loads((folder / "package.json").read_text())
    document.update(changes)
    document = {key: value for key, value in document.items() if value != "leave out"}
    if sign:
        document.pop("digest", None)
        document["digest"] = digest_of(document)
    (folder / "package.json").write_text(json.dumps(document))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    rule = Rule(run_slices=2, run_mm=9.0, threshold=0.25)
    written = tiny_package(tmp_path / "models" / "tiny", rule=rule, temperature=1.7)
    read = load_package(tmp_path / "models" / "tiny")
    assert read == written
    assert (read.rule, read.calibration, read.card) == (rule, Calibration(1.7), CARD)
    assert (read.preprocessing, read.operating_points, read.findings) == (SETTINGS, (POINT,), ("any",))
    assert sorted(path.name for path in read.folder.iterdir()) == ["model.onnx", "package.json"]
    assert [path.name for path in read.folder.parent.iterdir()] == ["tiny"]


def test_the_page_about_packages_names_every_key(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "model-packages.md").read_text()
    document = json.loads((tiny_package(tmp_path / "tiny").folder / "package.json").read_text())
    assert [key for key in document if f"`{key}`" not in page] == []


def test_the_digest_follows_every_part(tmp_path: Path) -> None:
    first = tiny_package(tmp_path / "a")
    assert tiny_package(tmp_path / "b").digest == first.digest
    others = [
        tiny_package(tmp_path / "c", onnx=tiny_onnx(gain=41.0)),
        tiny_package(tmp_path / "d", rule=Rule(threshold=0.4)),
        tiny_package(tmp_path / "e", card=dataclasses.replace(CARD, summary="Another.")),
    ]
    assert len({first.digest, *(other.digest for other in others)}) == 4


def test_a_changed_model_is_not_used(tmp_path: Path) -> None:
    package = tiny_package(tmp_path / "tiny")
    content = bytearray((package.folder / "model.onnx").read_bytes())
    content[-1] ^= 1
    (package.folder / "model.onnx").write_bytes(content)
    with pytest.raises(PackageError, match=r"model\.onnx of package tiny has SHA-256"):
        load_package(package.folder)


def test_a_changed_manifest_is_not_used(tmp_path: Path) -> None:
    package = tiny_package(tmp_path / "tiny")
    rewrite(package.folder, sign=False, version="2.0")
    with pytest.raises(PackageError, match="does not match its digest"):
        load_package(package.folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "has format 2, this Bregma reads format 1"),
        ({"ruel": {}}, "has no key 'ruel'; did you mean 'rule'"),
        ({"card": "leave out"}, "lacks the key 'card'"),
        ({"card": 7}, "package.json card is 7; expected an object"),
        ({"findings": ["any", "hematoma"]}, "expected names from scan.terms"),
        ({"findings": ["any", "any"]}, "each of them once"),
        ({"findings": "any"}, "findings is 'any'; expected a list"),
        ({"name": "../tiny"}, "is called '../tiny'"),
        ({"version": "new"}, "version 'new'"),
        ({"calibration": {"temperature": "warm"}}, "calibration temperature is 'warm'; expected a value of type float"),
        ({"calibration": {"temperature": -1.0}}, "temperature -1.0"),
        ({"rule": {"run_slices": True, "run_mm": 4.5, "threshold": 0.5}}, "rule run_slices is True; expected a value"),
        ({"operating_points": [{"name": "f1"}]}, r"operating_points\[0\] lacks the key 'level'"),
        ({"preprocessing": {"pixels": 1}}, "has no key 'pixels'"),
        ({"preprocessing": {"pixel_mm": 4.0}}, "expected every setting"),
        ({"preprocessing": None}, "preprocessing is None; expected an object"),
    ],
)
def test_what_does_not_belong_is_named(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    package = tiny_package(tmp_path / "tiny")
    rewrite(package.folder, **changes)
    with pytest.raises(PackageError, match=message):
        load_package(package.folder)


@pytest.mark.parametrize("name", ["model.onnx", "package.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    package = tiny_package(tmp_path / "tiny")
    (package.folder / name).unlink()
    with pytest.raises(PackageError, match=f"no readable {name}"):
        load_package(package.folder)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[]"])
def test_a_manifest_that_is_no_json_object(tmp_path: Path, content: bytes) -> None:
    package = tiny_package(tmp_path / "tiny")
    (package.folder / "package.json").write_bytes(content)
    with pytest.raises(PackageError, match=r"package.json"):
        load_package(package.folder)


@pytest.mark.parametrize(
    ("onnx", "message"),
    [
        (b"not a model", "not a valid ONNX model|cannot run this model"),
        (tiny_onnx(input_name="pictures"), "takes \\['pictures'\\]"),
        (tiny_onnx(findings=2), "'logits' as tensor\\(float\\)"),
        (tiny_onnx(channels=3), "'images' as tensor\\(float\\)"),
        (tiny_onnx(size=48), "expected tensor\\(float\\) \\('slices', 1, 40, 40\\)"),
        (tiny_onnx(operator="ReduceMiracle"), "ReduceMiracle"),
    ],
)
def test_a_graph_that_does_not_fit_is_not_packaged(tmp_path: Path, onnx: bytes, message: str) -> None:
    with pytest.raises(PackageError, match=message):
        tiny_package(tmp_path / "tiny", onnx=onnx)
    assert not (tmp_path / "tiny").exists()


def test_a_graph_with_free_sizes_fits(tmp_path: Path) -> None:
    assert tiny_package(tmp_path / "tiny", onnx=tiny_onnx(size="S")).name == "tiny"


def test_a_new_package_replaces_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    old = tiny_package(tmp_path / "tiny")
    new = tiny_package(tmp_path / "tiny", rule=Rule(threshold=0.3))
    assert load_package(tmp_path / "tiny").digest == new.digest != old.digest
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]
    (tmp_path / "tiny" / "notes.txt").write_text("mine")
    with pytest.raises(RequestError, match="holds files that are no part"):
        tiny_package(tmp_path / "tiny")
    assert (tmp_path / "tiny" / "notes.txt").read_text() == "mine"


def test_nothing_is_left_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        tiny_package(tmp_path / "tiny")
    assert list(tmp_path.iterdir()) == []


def test_packages_are_found_by_name_and_by_folder(tmp_path: Path) -> None:
    named = tiny_package(tmp_path / "models" / "tiny")
    tiny_package(tmp_path / "bundled" / "tiny", rule=Rule(threshold=0.9))
    other = tiny_package(tmp_path / "data" / "bregma" / "models" / "other", name="other")
    assert [package.name for package in installed_packages()] == ["other", "tiny"]
    assert find_package("tiny").digest == named.digest
    assert find_package(other.folder).name == "other"
    assert len(package_folders()) == 3


def test_a_package_that_is_not_there(tmp_path: Path) -> None:
    tiny_package(tmp_path / "models" / "tiny")
    with pytest.raises(RequestError, match="no package called 'tinny' is installed; did you mean 'tiny'"):
        find_package("tinny")
    (tmp_path / "empty").mkdir()
    with pytest.raises(PackageError, match=r"has no package.json"):
        find_package(tmp_path / "empty")


def test_a_damaged_package_is_left_out_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tiny_package(tmp_path / "models" / "good", name="good")
    tiny_package(tmp_path / "models" / "bad", name="bad")
    (tmp_path / "models" / "bad" / "model.onnx").write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        assert [package.name for package in installed_packages()] == ["good"]
    assert "'bad' is left out" in caplog.text


def test_verifying_says_what_was_looked_at(tmp_path: Path) -> None:
    package = tiny_package(tmp_path / "tiny")
    checks = verify_package(package.folder)
    assert [(check.name, check.passed) for check in checks] == [("digests", True), ("graph", True), ("answer", True)]
    assert package.digest in checks[0].message
    (package.folder / "model.onnx").write_bytes(b"")
    assert [(check.name, check.passed) for check in verify_package(package.folder)] == [("digests", False)]


def test_records_refuse_what_has_no_json() -> None:
    with pytest.raises(TypeError, match="Path has no place in a package"):
        to_json((Path("x"),))
    assert from_json(type(POINT), {**to_json(POINT), "precision": None}, "x").precision is None  # type: ignore[dict-item]


def test_a_package_from_before_its_work_was_counted_still_loads(tmp_path: Path) -> None:
    package = tiny_package(tmp_path / "tiny")
    card = json.loads((package.folder / "package.json").read_text())["card"]
    rewrite(package.folder, card={key: value for key, value in card.items() if key not in ("parameters", "macs")})
    assert load_package(package.folder).card == CARD
    rewrite(package.folder, card={key: value for key, value in card.items() if key != "sequence"})
    with pytest.raises(PackageError, match="card lacks the key 'sequence'"):
        load_package(package.folder)

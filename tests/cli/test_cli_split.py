"""`bregma split` as a person runs it: the table of findings, a subset, and copies on both sides."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from bregma.cli import main
from bregma.phantom import Scanner, draw, sample_head, write_dicom
from bregma.scan.terms import FINDINGS

pytestmark = pytest.mark.xdist_group("cli")

HEADS = 4


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["bregma", *map(str, words)])
    code = 0
    try:
        main()
    except SystemExit as stopped:
        code = stopped.code if isinstance(stopped.code, int) else 0
    said = capsys.readouterr()
    return code, said.out, said.err


def write_heads(folder: Path) -> list[str]:
    """Small drawn heads, one patient each; the series UIDs."""
    scanner = Scanner(size=64, slices=6, spacing_mm=26.0)
    uids = []
    for seed in range(HEADS):
        bleeds = ["subdural"] if seed % 2 else []
        phantom = draw(sample_head(np.random.default_rng(seed), bleeds=bleeds, scanner=scanner))
        write_dicom(phantom, folder / str(seed))
        uids.append(phantom.series_uid)
    return uids


def write_copy(source: Path, folder: Path) -> None:
    """The same head, a grey level brighter, under another patient's name and other UIDs."""
    folder.mkdir(parents=True)
    for path in source.glob("*.dcm"):
        image = pydicom.dcmread(path)
        image.PatientID = "somebody else"
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID"):
            setattr(image, keyword, f"{getattr(image, keyword)[:50]}.9{path.stem[-3:].lstrip('0')}"[:64])
        image.StudyInstanceUID, image.SeriesInstanceUID = "2.25.901", "2.25.902"
        image.PixelData = (image.pixel_array + 1).astype(image.pixel_array.dtype).tobytes()
        image.save_as(folder / path.name)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of four heads of four patients with labels of the scans, and one of five with a copy among them."""
    root = tmp_path_factory.mktemp("split")
    uids = write_heads(root / "heads")
    lines = [f"{uid},scan,,{k % 2},{k % 2},reader:a" for k, uid in enumerate(uids)]
    (root / "labels.csv").write_text("series_uid,level,part,any,subdural,source\n" + "\n".join(lines) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        for library in ("lib", "leaky"):
            if library == "leaky":
                write_copy(root / "heads" / "0", root / "heads" / "copy")
            for words in (
                ["import", root / "heads", "--library", root / library, "--workers", 1],
                ["labels", "import", root / "labels.csv", "--library", root / library],
            ):
                patch.setattr(sys, "argv", ["bregma", *map(str, words)])
                with pytest.raises(SystemExit) as stopped:
                    main()
                assert not stopped.value.code
    return root


def test_the_table_has_a_row_per_finding_with_the_gap(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    halves = ["--train", 0.5, "--validation", 0.5, "--test", 0]
    code, out, _ = run(capsys, monkeypatch, "split", "halves", "--library", world / "lib", *halves, "--check")
    assert code == 0
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.strip()}
    assert rows["any"] == ["1/2", "50.00%", "1/2", "50.00%", "0.00"]
    assert rows["subdural"] == ["1/2", "50.00%", "1/2", "50.00%", "0.00"]
    assert set(rows) >= {term.name for term in FINDINGS}
    assert "largest difference in prevalence: 0.00 points" in out
    assert "patients in two parts: 0" in out
    assert "train against validation: 0 patients, 0 studies and 0 scans by their pixels are shared; 0 pairs" in out


def test_a_subset_leaves_the_others_in_no_part(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = ["--train", 0.5, "--validation", 0.5, "--test", 0, "--subset", 0.5]
    code, out, _ = run(capsys, monkeypatch, "split", "few", "--library", world / "lib", *shares)
    assert code == 0
    assert "in no part: 2 patients, 2 scans" in out
    code, _, err = run(capsys, monkeypatch, "split", "none", "--library", world / "lib", "--subset", 0)
    assert code == 2
    assert "subset is 0" in err


def test_a_copy_on_the_other_side_is_named(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five patients, each but one in a part of its own kind: some seed parts the copy from its original."""
    shares = ["--train", 0.4, "--validation", 0.4, "--test", 0.2, "--check"]
    found = [
        run(capsys, monkeypatch, "split", f"s{seed}", "--library", world / "leaky", "--seed", seed, *shares)
        for seed in range(6)
    ]
    leaky = [out for code, out, _ in found if code == 1]
    assert leaky
    assert all("1 pair of scans look like copies" in out and "2.25.902" in out for out in leaky)
    assert all("1 pair" not in out for code, out, _ in found if code == 0)

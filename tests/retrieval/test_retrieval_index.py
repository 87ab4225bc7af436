"""An index keeps what it acknowledged, and nothing of another network gets in."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from retrieval_world import DIGEST, brute_force, build, entries, entry

from bregma.retrieval.entry import Entry, from_json, to_json
from bregma.retrieval.index import Index
from bregma.retrieval.manifest import Manifest, Part, write_manifest
from bregma.retrieval.writing import SUFFIX, only_writer
from bregma.scan.errors import LibraryError, RequestError
from bregma.scan.tumour import VoxelBox

ONE = np.ones((1, 2), np.float32)


def small(tmp_path: Path, **options: str) -> Index:
    return Index.create(tmp_path / "index", digest=DIGEST, width=2, **options)  # type: ignore[arg-type]


def keys(index: Index) -> list[tuple[str, int]]:
    return [one.key for one in index.entries()]


def test_an_entry_comes_back_as_it_was() -> None:
    full = entry("1.2.3", 4, patient="pü", labels={"type": "glioma"}, volume_ml=1.25, longest_mm=9.5, date="20200101")
    for one in (full, entry("1.2.4")):
        assert from_json(to_json(one)) == one


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"date": "2020-01-01"}, "expected YYYYMMDD"),
        ({"volume_ml": -1.0}, "volume_ml -1.0"),
        ({"longest_mm": float("nan")}, "longest_mm nan"),
        ({"patient": ""}, "expected a case, a patient"),
    ],
)
def test_entries_that_cannot_be(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        entry("1.2.3", **wrong)  # type: ignore[arg-type]


def test_what_was_added_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    index = small(tmp_path, form="int8")
    index.add(ONE, [entry("a")], digest=DIGEST)
    index.add(2 * ONE, [entry("b")], digest=DIGEST)
    again = Index.open(tmp_path / "index", digest=DIGEST)
    assert (len(again), again.cases(), keys(again)) == (2, {"a", "b"}, [("a", 1), ("b", 1)])
    assert again.vector("b", 1).tolist() == [2.0, 2.0]
    assert again.entries("a") == [entry("a")]
    assert again.manifest.form == "int8"
    again.check()
    with pytest.raises(RequestError, match="has no entry 2 of case b"):
        again.vector("b", 2)


def test_vectors_of_two_packages_never_meet(tmp_path: Path) -> None:
    index = small(tmp_path)
    with pytest.raises(RequestError, match="holds vectors of package dddddddddddddddd, not of eeee"):
        index.add(ONE, [entry("a")], digest="e" * 64)
    with pytest.raises(RequestError, match="use that package, or build an index with this one"):
        Index.open(tmp_path / "index", digest="e" * 64)
    assert len(index) == 0


def test_an_addition_is_whole_or_not_at_all(tmp_path: Path) -> None:
    index = small(tmp_path)
    index.add(ONE, [entry("a")], digest=DIGEST)
    for vectors, new, sentence in (
        (np.ones((2, 2)), [entry("b"), entry("a")], "entry 1 of case a is in the index already"),
        (np.ones((2, 2)), [entry("b"), entry("b")], "1 of 2 entries come twice"),
        (np.ones((1, 2)), [entry("b"), entry("c")], "1 vector for 2 entries"),
        (np.ones((1, 3)), [entry("b")], r"shape \(1, 3\)"),
        (np.array([[1.0, np.inf]]), [entry("b")], "1 vector of 1 cannot be measured"),
    ):
        with pytest.raises(RequestError, match=sentence):
            index.add(vectors.astype(np.float32), new, digest=DIGEST)
    index.add(np.empty((0, 2), np.float32), [], digest=DIGEST)
    assert keys(Index.open(tmp_path / "index")) == [("a", 1)]


def test_deleting_and_replacing(tmp_path: Path) -> None:
    index = small(tmp_path)
    four = [entry("a", 1), entry("a", 2), entry("b", 1), entry("c", 1)]
    index.add(np.arange(8, dtype=np.float32).reshape(4, 2), four, digest=DIGEST)
    assert index.delete("a", 2) == 1
    assert index.delete("a", 2) == 0
    assert index.delete("nobody") == 0
    assert keys(index) == [("a", 1), ("b", 1), ("c", 1)]
    index.add(ONE, [entry("a", 2)], digest=DIGEST)  # what was deleted may come again
    index.replace(5 * ONE, [entry("a", 7)], digest=DIGEST)
    assert keys(index) == [("a", 7), ("b", 1), ("c", 1)]
    assert index.vector("a", 7).tolist() == [5.0, 5.0]
    found = index.search(np.array([2.0, 3.0], np.float32), patient=None)
    assert [match.entry.key for match in found] == [("b", 1), ("a", 7), ("c", 1)]
    index.compact()
    assert [part.dead for part in index.manifest.parts] == [()]
    assert keys(index) == [("a", 7), ("b", 1), ("c", 1)]
    assert index.delete("a") + index.delete("b") + index.delete("c") == 3
    assert (len(index), index.segments, index.search(ONE[0], patient=None)) == (0, (), [])
    index.compact()
    assert len(Index.open(tmp_path / "index")) == 0


def test_many_small_additions_lie_in_few_segments_and_are_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    known, vectors = entries(60, rng), rng.standard_normal((60, 4), dtype=np.float32)
    index = Index.create(tmp_path / "index", digest=DIGEST, width=4)
    for start in range(0, 60, 2):
        index.add(vectors[start : start + 2], known[start : start + 2], digest=DIGEST)
    assert len(index.segments) <= 6
    assert len(list((tmp_path / "index").glob(f"*{SUFFIX}"))) == len(index.segments)
    answer = [(one.entry.key, one.distance) for one in index.search(vectors[3], patient=None)]
    assert answer == brute_force(vectors[3], vectors, known)


def test_readers_see_others_changes_after_refresh_and_keep_what_they_have_until_then(tmp_path: Path) -> None:
    writer = small(tmp_path)
    writer.add(ONE, [entry("a")], digest=DIGEST)
    reader = Index.open(tmp_path / "index")
    writer.replace(2 * ONE, [entry("a", 2)], digest=DIGEST)
    writer.compact()
    assert keys(reader) == [("a", 1)]
    assert [match.entry.key for match in reader.search(ONE[0], patient=None)] == [("a", 1)]
    reader.refresh()
    assert keys(reader) == [("a", 2)]


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    index = small(tmp_path)
    with only_writer(index.folder), pytest.raises(LibraryError, match="being written by another process"):
        index.add(ONE, [entry("a")], digest=DIGEST)
    index.add(ONE, [entry("a")], digest=DIGEST)


def test_places_that_are_no_index(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="is no index; make one"):
        Index.open(tmp_path)
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(RequestError, match="not an empty folder"):
        Index.create(tmp_path, digest=DIGEST, width=2)
    with pytest.raises(RequestError, match="'int9'; did you mean 'int8'"):
        Index.create(tmp_path / "new", digest=DIGEST, width=2, form="int9")
    with pytest.raises(RequestError, match="expected a width and a digest"):
        Index.create(tmp_path / "new", digest="", width=2)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "parts": [{}]}'])
def test_a_damaged_manifest_is_said(tmp_path: Path, text: str) -> None:
    index = small(tmp_path)
    (index.folder / "index.json").write_text(text)
    with pytest.raises(LibraryError, match=r"index\.json of index 'index' cannot be read"):
        Index.open(index.folder)


def test_an_index_of_the_future_is_left_alone(tmp_path: Path) -> None:
    index = small(tmp_path)
    fields = json.loads((index.folder / "index.json").read_text())
    (index.folder / "index.json").write_text(json.dumps({**fields, "format": 2}))
    with pytest.raises(LibraryError, match="has format 2"):
        Index.open(index.folder)


@pytest.mark.parametrize("at", ["start", "header", "length", "nothing"])
def test_a_damaged_segment_is_said_at_once(tmp_path: Path, at: str) -> None:
    index = small(tmp_path)
    index.add(ONE, [entry("a")], digest=DIGEST)
    path = index.segments[0].path
    data = bytearray(path.read_bytes())
    if at == "length":
        data = data[:-65]
    elif at == "nothing":
        data = bytearray()
    else:
        data[0 if at == "start" else 40] ^= 1
    path.unlink()  # what is mapped must not change under its reader
    path.write_bytes(data)
    with pytest.raises(LibraryError, match="restore the index from a backup"):
        Index.open(index.folder)


def test_a_changed_number_is_found_by_checking(tmp_path: Path) -> None:
    index = small(tmp_path)
    index.add(ONE, [entry("a")], digest=DIGEST)
    path = index.segments[0].path
    data = path.read_bytes().replace(ONE.tobytes(), (2 * ONE).tobytes())
    path.unlink()
    path.write_bytes(data)
    with pytest.raises(LibraryError, match="has other vectors than were written"):
        Index.open(index.folder).check()


def test_a_lost_segment_is_said(tmp_path: Path) -> None:
    index = small(tmp_path)
    write_manifest(index.folder, Manifest(DIGEST, 2, "float32", parts=(Part("gone.vectors", 3),)))
    with pytest.raises(LibraryError, match=r"gone\.vectors is missing"):
        Index.open(index.folder)


WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    import numpy as np
    from bregma.retrieval.entry import Entry
    from bregma.retrieval.index import Index
    from bregma.scan.tumour import VoxelBox

    index = Index.open(Path(sys.argv[1]))
    for number in range(int(sys.argv[2]), 10_000_000):
        box = VoxelBox((0, 0, 0), (1, 1, 1))
        one = Entry(case=f"case {number}", number=1, patient="p", modality="MR", box=box, best_slice=0)
        vector = np.full((1, 2), number, np.float32)
        (index.replace if number % 3 == 0 else index.add)(vector, [one], digest=index.manifest.digest)
        if number % 5 == 0:
            index.delete(f"case {number}")
        print(number, flush=True)
    """
)


def test_killed_while_adding_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """A process that adds, replaces and deletes is killed with SIGKILL at moments that it does not choose."""
    index = small(tmp_path)
    rng = np.random.default_rng(1)
    done, lived = -1, 0
    for _ in range(5):
        command = [sys.executable, "-c", WRITER, str(index.folder), str(done + 1)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(int(rng.integers(1, 12))):
                done = int(process.stdout.readline())
            _wait_a_little(rng)
            process.send_signal(signal.SIGKILL)
            said = process.stdout.read().split()
            done = int(said[-1]) if said else done
            assert process.wait() == -signal.SIGKILL
        again = Index.open(index.folder, digest=DIGEST)
        again.check()
        acknowledged = {f"case {number}" for number in range(done + 1) if number % 5}
        begun = {f"case {done + 1}"}
        assert acknowledged <= again.cases() <= acknowledged | begun
        for number in range(1, done + 1):
            if number % 5:
                assert again.vector(f"case {number}", 1).tolist() == [number, number]
        again.delete(f"case {done + 1}")
        lived = len(again)
    assert lived > 4
    again.add(ONE, [entry("after the last")], digest=DIGEST)  # and sweeps
    assert {path.name for path in index.folder.iterdir()} == {
        *("index.json", "write.lock"),
        *(part.name for part in Index.open(index.folder).manifest.parts),
    }


def _wait_a_little(rng: np.random.Generator) -> None:
    signal.sigtimedwait([], float(rng.uniform(0, 0.02)))


@pytest.mark.parametrize("step", ["segment written", "manifest written"])
def test_a_crash_between_any_two_steps_leaves_the_state_before(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends right after a file is on the disk and before it has its place."""
    index = small(tmp_path)
    index.add(ONE, [entry("a")], digest=DIGEST)
    name = "array_file" if step == "segment written" else "manifest"

    def die(temporary: Path, final: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"bregma.retrieval.{name}.settle", die)
    with pytest.raises(KeyboardInterrupt):
        index.replace(2 * ONE, [entry("a", 2)], digest=DIGEST)
    monkeypatch.undo()
    again = Index.open(index.folder)
    assert keys(again) == [("a", 1)]
    again.add(ONE, [entry("b")], digest=DIGEST)
    assert keys(Index.open(index.folder)) == [("a", 1), ("b", 1)]
    assert not [path for path in index.folder.iterdir() if path.name.endswith(".part")]


def test_boxes_and_numbers_survive(tmp_path: Path) -> None:
    one = Entry(case="a", number=3, patient="p", modality="CT", box=VoxelBox((0, 1, 2), (3, 4, 5)), best_slice=2)
    index = build(tmp_path / "index", ONE, [one])
    assert index.entries() == [one]

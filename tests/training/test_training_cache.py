"""The cache of prepared scans: what was added comes back, and nothing damaged is ever used."""

import json
import multiprocessing
import zlib
from pathlib import Path

import numpy as np
import pytest

from bregma.training.slice_cache import SliceCache, from_grey, to_grey
from bregma.training.slice_file import PAGE

UID = "1.2.840.1"


def scan(seed: int = 0, *, slices: int = 3, channels: int = 2, size: int = 16) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    images = rng.random((slices, channels, size, size)).astype(np.float32)
    return images, rng.random((slices, size, size)).astype(np.float32)


def test_grey_by_hand() -> None:
    values = np.array([0.0, 0.5, 1.0, 0.001, 0.003], np.float32)
    np.testing.assert_array_equal(to_grey(values), [0, 128, 255, 0, 1])
    np.testing.assert_array_equal(to_grey(np.array([True, False])), [255, 0])
    assert from_grey(np.array([0, 255], np.uint8), np.empty(2, np.float32)).tolist() == [0.0, 1.0]


def test_what_was_added_comes_back_within_half_a_step(tmp_path: Path) -> None:
    images, mask = scan()
    SliceCache(tmp_path, "abc").add(UID, images, mask)
    found = SliceCache(tmp_path, "abc").get(UID)
    assert found.images.dtype == np.uint8
    assert np.abs(found.float_images() - images).max() <= 0.5 / 255 + 1e-6
    assert np.abs(found.float_mask() - mask).max() <= 0.5 / 255 + 1e-6


def test_added_and_read_are_the_same(tmp_path: Path) -> None:
    cache = SliceCache(tmp_path, "abc")
    added = cache.add(UID, *scan())
    found = cache.get(UID)
    np.testing.assert_array_equal(added.images, found.images)
    np.testing.assert_array_equal(added.mask, found.mask)


def test_an_unknown_mask_stays_unknown(tmp_path: Path) -> None:
    cache = SliceCache(tmp_path, "abc")
    cache.add(UID, scan()[0], None)
    assert cache.get(UID).mask is None
    assert cache.get(UID).float_mask() is None


def test_what_a_mask_was_made_from_is_remembered(tmp_path: Path) -> None:
    cache = SliceCache(tmp_path, "abc")
    assert cache.add(UID, *scan(), mask_digest="1234").mask_digest == "1234"
    assert cache.get(UID).mask_digest == "1234"
    cache.add(UID, *scan())
    assert cache.get(UID).mask_digest == ""


def test_a_known_empty_mask_is_not_unknown(tmp_path: Path) -> None:
    cache = SliceCache(tmp_path, "abc")
    cache.add(UID, scan()[0], np.zeros((3, 16, 16), bool))
    assert cache.get(UID).float_mask().max() == 0


def test_scans_and_settings_are_kept_apart(tmp_path: Path) -> None:
    SliceCache(tmp_path, "abc").add(UID, *scan())
    assert UID in SliceCache(tmp_path, "abc")
    assert UID not in SliceCache(tmp_path, "def")
    assert "1.2.840.2" not in SliceCache(tmp_path, "abc")
    with pytest.raises(LookupError, match=r"1\.2\.840\.2"):
        SliceCache(tmp_path, "abc").get("1.2.840.2")


def test_a_uid_is_never_a_path(tmp_path: Path) -> None:
    cache = SliceCache(tmp_path / "cache", "abc")
    cache.add("../../outside", *scan())
    assert "../../outside" in cache
    assert [p.name for p in tmp_path.iterdir()] == ["cache"]


def test_a_file_is_smaller_than_the_source_pixels(tmp_path: Path) -> None:
    cache = SliceCache(tmp_path, "abc")
    cache.add(UID, np.zeros((4, 3, 256, 256), np.uint8), None)
    assert cache.path(UID).stat().st_size < 4 * 512 * 512 * 2


def _truncate(content: bytes) -> bytes:
    return content[:-1]


def _flip_a_pixel(content: bytes) -> bytes:
    return content[:PAGE] + bytes([content[PAGE] ^ 1]) + content[PAGE + 1 :]


def _other_header(**changes: object) -> object:
    def damage(content: bytes) -> bytes:
        at = content.index(b'{"')
        header = json.loads(content[at:PAGE].rstrip(b"\0")) | changes
        words = json.dumps(header).encode()
        return (content[: at - 4] + len(words).to_bytes(4, "little") + words).ljust(PAGE, b"\0") + content[PAGE:]

    return damage


DAMAGES = {
    "empty": lambda content: b"",
    "cut in the header": lambda content: content[:100],
    "only the header": lambda content: content[:PAGE],
    "one byte short": _truncate,
    "one byte long": lambda content: content + b"\0",
    "one pixel changed": _flip_a_pixel,
    "other magic": lambda content: b"X" + content[1:],
    "no JSON": lambda content: content[:20] + b"\xff" * (PAGE - 20) + content[PAGE:],
    "another scan's": _other_header(series_uid="1.2.840.9"),
    "other settings": _other_header(digest="def"),
    "unknown key": _other_header(more=1),
    "shape of words": _other_header(shape=["a", 2, 16, 16]),
    "negative shape": _other_header(shape=[-3, 2, 16, 16]),
    "shape too large": _other_header(shape=[1 << 40, 2, 16, 16]),
    "JSON list": lambda content: content[:16] + (2).to_bytes(4, "little") + b"[]".ljust(PAGE - 20) + content[PAGE:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_prepared_again(tmp_path: Path, damage) -> None:
    images, mask = scan()
    SliceCache(tmp_path, "abc").add(UID, images, mask)
    path = SliceCache(tmp_path, "abc").path(UID)
    path.write_bytes(damage(path.read_bytes()))
    cache = SliceCache(tmp_path, "abc")
    assert UID not in cache
    calls = []
    again = cache.get_or_add(UID, lambda: calls.append(1) or (images, mask))
    assert calls == [1]
    np.testing.assert_array_equal(again.images, to_grey(images))
    np.testing.assert_array_equal(SliceCache(tmp_path, "abc").get(UID).images, to_grey(images))


def test_a_sound_file_is_not_prepared_again(tmp_path: Path) -> None:
    cache = SliceCache(tmp_path, "abc")
    cache.add(UID, *scan())

    def never() -> None:
        raise AssertionError

    assert cache.get_or_add(UID, never).images.shape == (3, 2, 16, 16)


def test_the_checksum_is_read_once_per_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = SliceCache(tmp_path, "abc")
    cache.add(UID, *scan(0))
    calls = []
    real = zlib.crc32
    monkeypatch.setattr("bregma.training.slice_cache.zlib.crc32", lambda *a: calls.append(1) or real(*a))
    cache.get(UID)
    cache.get(UID)
    assert len(calls) == 1
    cache.add(UID, *scan(1))
    calls.clear()
    cache.get(UID)
    assert len(calls) == 1


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = SliceCache(tmp_path, "abc")
    cache.add(UID, *scan(0))
    before = cache.get(UID).images.copy()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bregma.training.slice_cache.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        cache.add(UID, *scan(1))
    np.testing.assert_array_equal(cache.get(UID).images, before)
    assert [p.suffix for p in cache.path(UID).parent.iterdir()] == [".slices"]


def test_a_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"mask .* shape \(3, 8, 8\)"):
        SliceCache(tmp_path, "abc").add(UID, scan()[0], np.zeros((3, 8, 8), bool))


def test_a_uid_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="5000 characters"):
        SliceCache(tmp_path, "abc").add("1" * 5000, *scan())


def test_batches_of_slices_in_the_order_asked_for(tmp_path: Path) -> None:
    cache = SliceCache(tmp_path, "abc")
    scans = {f"1.{n}": scan(n)[0] for n in range(3)}
    for uid, images in scans.items():
        cache.add(uid, images, None)
    places = [("1.2", 0), ("1.0", 2), ("1.2", 1), ("1.1", 1), ("1.0", 0)]
    batches = list(cache.batches(places, 2))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    expected = np.stack([to_grey(scans[uid][index]) / np.float32(255) for uid, index in places])
    np.testing.assert_array_equal(np.concatenate(batches), expected)


def _add(folder: Path, seed: int) -> None:
    cache = SliceCache(folder, "abc")
    for _ in range(10):
        cache.add(UID, *scan(seed))


def test_two_processes_may_add_the_same_scan(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add, args=(tmp_path, 0)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    np.testing.assert_array_equal(SliceCache(tmp_path, "abc").get(UID).images, to_grey(scan(0)[0]))


def test_a_piece_is_the_same_as_in_the_whole(tmp_path: Path) -> None:
    cache = SliceCache(tmp_path, "abc")
    whole = cache.add(UID, *scan(slices=5), mask_digest="1234")
    for start, stop in ((0, 1), (1, 4), (4, 5), (0, 5)):
        piece = cache.read(UID, start, stop)
        np.testing.assert_array_equal(piece.images, whole.images[start:stop])
        np.testing.assert_array_equal(piece.mask, whole.mask[start:stop])
        assert piece.mask_digest == "1234"
    assert cache.read(UID, 0, 1, mask=False).mask is None
    cache.add("1.2", scan()[0], None)
    assert cache.read("1.2", 0, 1).mask is None


def test_a_scan_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    cache = SliceCache(tmp_path, "abc")
    cache.add(UID, *scan(0))
    cache.read(UID, 0, 1)
    other = SliceCache(tmp_path, "abc").add(UID, *scan(1, slices=4))
    np.testing.assert_array_equal(cache.read(UID, 3, 4).images, other.images[3:])


@pytest.mark.parametrize("damage", ["empty", "only the header"])
def test_a_piece_of_a_damaged_scan_is_never_read(tmp_path: Path, damage: str) -> None:
    cache = SliceCache(tmp_path, "abc")
    cache.add(UID, *scan())
    path = cache.path(UID)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(LookupError, match=UID):
        cache.read(UID, 0, 1)
    with pytest.raises(LookupError, match="not in the cache"):
        cache.read("1.2.3", 0, 1)


def test_a_file_that_ends_too_early_is_said(tmp_path: Path) -> None:
    cache = SliceCache(tmp_path, "abc")
    cache.add(UID, scan()[0], None)
    with pytest.raises(LookupError, match="ends 512 bytes before"):
        cache.read(UID, 2, 4)

"""Training input: ours against MONAI (CacheDataset, PersistentDataset) and TorchIO on the same drawn scans, in one run.

Single slices of 256 x 256 in three windows, shuffled, in batches of 32, varied as the recipes of the eight backbones
say: flips of 0.25 and 0.10, and on a quarter a crop that is brought back to full size. Every contender runs in a
process of its own, reads the same NIfTI files, and counts its first epoch with all its preparing. Processor time is
that of all its threads and workers, so that it says something while other things run; the rate is by the clock. The
peers do less: they take the files' grid as it is, while ours finds the head and centres it in millimetres; they
enlarge about the middle, while ours crops anywhere; their slices are cut out of memory maps by one line of ours. Peers
are needed for the comparison only:

    uv pip install -e ".[bench]"
"""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch

from bregma.io.files import list_entries
from bregma.io.nifti import load_nifti
from bregma.phantom.draw import draw
from bregma.phantom.studies import study_parameters
from bregma.preprocessing.augment import AugmentationSettings
from bregma.preprocessing.pipeline import Preprocessing, prepare
from bregma.preprocessing.window import PRESETS
from bregma.training.inputs import Inputs
from bregma.training.sampling import TrainingScan, plan_epoch
from bregma.training.sections import BatchesSection
from bregma.training.slice_cache import SliceCache

SCANS, SLICES, SIZE, BATCH, EPOCHS, CORES = 4, 32, 256, 32, 4, 2
WINDOWS = (PRESETS["brain"], PRESETS["subdural"], PRESETS["soft_tissue"])
FLIP_HORIZONTAL, FLIP_VERTICAL, CROP, CROP_SHARE = 0.25, 0.10, 0.25, 0.8
GOAL = 5000.0
Epoch = Callable[[], Iterator[Any]]


def write_heads(folder: Path) -> None:
    """One drawn head as SCANS NIfTI files, each with noise of its own: drawing takes longer than all that is timed."""
    phantom = draw(study_parameters(0, 0, 0.5, size=SIZE, slices=SLICES))
    width, height = phantom.volume.geometry.pixel_mm
    for number in range(SCANS):
        noise = np.random.default_rng(number).integers(-5, 6, phantom.volume.values.shape, dtype=np.int16)
        values = np.ascontiguousarray((phantom.volume.values + noise).transpose(2, 1, 0))
        nib.save(nib.Nifti1Image(values, np.diag([-width, -height, 5.0, 1.0])), folder / f"{number}.nii")


def ours(folder: Path, work: Path) -> Epoch:
    """Prepared once into the cache, then read, varied and put together by two threads."""
    settings = Preprocessing(WINDOWS, pixel_mm=1.0, field_of_view_mm=float(SIZE))
    cache = SliceCache(work, settings.digest)
    scans = []
    for number in range(SCANS):
        path = folder / f"{number}.nii"
        (entry,) = list_entries(path)[0]
        cache.add(str(number), prepare(load_nifti(entry, path).volume, settings).images, None)
        truth = np.zeros((SLICES, 1), np.float32)
        known = np.ones((SLICES, 1), np.bool_)
        scans.append(TrainingScan(str(number), truth, known, known[:, 0], truth[0], known[0], "slices"))
    varied = AugmentationSettings(
        flip_horizontal=FLIP_HORIZONTAL, flip_vertical=FLIP_VERTICAL, crop=CROP, crop_share=CROP_SHARE
    )
    inputs = Inputs(scans, cache, varied, masks=False, workers=CORES)
    batches = BatchesSection(scans=BATCH, slices_per_scan=0, balance=False, unit="slice")
    numbers = iter(range(10**6))

    def epoch() -> Iterator[Any]:
        plan = plan_epoch(scans, batches, seed=0, epoch=next(numbers))
        return (batch.images for batch, _ in inputs.batches(plan))

    return epoch


def slice_of(item: dict[str, Any]) -> np.ndarray:
    """(3, S, S) of one slice of a NIfTI file, windowed; only this slice is read."""
    plane = np.asanyarray(nib.load(item["path"]).dataobj[..., item["index"]]).astype(np.float32)
    return np.stack([np.clip((plane - window.low) / window.width, 0, 1) for window in WINDOWS])


def items(folder: Path) -> list[dict[str, Any]]:
    return [{"path": str(folder / f"{n}.nii"), "index": index} for n in range(SCANS) for index in range(SLICES)]


def monai(folder: Path, work: Path, *, persistent: bool) -> Epoch:
    from monai import transforms
    from monai.data import CacheDataset, DataLoader, PersistentDataset

    steps = transforms.Compose(
        [
            transforms.Lambda(slice_of),
            transforms.ToTensor(track_meta=False),
            transforms.RandFlip(prob=FLIP_HORIZONTAL, spatial_axis=0),
            transforms.RandFlip(prob=FLIP_VERTICAL, spatial_axis=1),
            transforms.RandZoom(prob=CROP, min_zoom=1.0, max_zoom=1 / CROP_SHARE, mode="bilinear"),
        ]
    )
    if persistent:
        data: Any = PersistentDataset(items(folder), steps, cache_dir=work)
    else:
        data = CacheDataset(items(folder), steps, num_workers=CORES, progress=False)
    loader = DataLoader(data, batch_size=BATCH, shuffle=True, num_workers=CORES, persistent_workers=True)
    return lambda: iter(loader)


def torchio(folder: Path, _work: Path) -> Epoch:
    """TorchIO keeps no cache of its own: its subjects are held in memory, prepared."""
    import torchio as tio

    prepared = [
        tio.Subject(slice=tio.ScalarImage(tensor=torch.from_numpy(slice_of(item))[..., None])) for item in items(folder)
    ]
    steps = tio.Compose(
        [
            tio.RandomFlip(axes=(0,), flip_probability=FLIP_HORIZONTAL),
            tio.RandomFlip(axes=(1,), flip_probability=FLIP_VERTICAL),
            tio.RandomAffine(scales=(1.0, 1 / CROP_SHARE), degrees=0, isotropic=True, p=CROP),
        ]
    )
    data = tio.SubjectsDataset(prepared, transform=steps)
    loader = tio.SubjectsLoader(data, batch_size=BATCH, shuffle=True, num_workers=CORES, persistent_workers=True)
    return lambda: (batch["slice"]["data"] for batch in loader)


CONTENDERS: dict[str, tuple[str, Callable[[Path, Path], Epoch]]] = {
    "bregma": ("bregma", ours),
    "MONAI CacheDataset": ("monai", lambda folder, work: monai(folder, work, persistent=False)),
    "MONAI PersistentDataset": ("monai", lambda folder, work: monai(folder, work, persistent=True)),
    "TorchIO": ("torchio", torchio),
}


def cpu_seconds() -> float:
    """Processor time of this process, its threads and its living workers, since each began."""
    ticks = 0
    for worker in multiprocessing.active_children():
        fields = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def contend(name: str, folder: Path, work: Path) -> dict[str, float]:
    """One contender: seconds of the first epoch, rate and processor time of the others, cache, and peak memory.

    Rate and processor time are each of the best epoch after the first. The memory is of this process; MONAI's and
    TorchIO's two workers come on top.
    """
    torch.set_num_threads(1)
    started = time.perf_counter()
    epoch = CONTENDERS[name][1](folder, work)
    seconds: list[float] = []
    cpu: list[float] = []
    first = 0.0
    for _ in range(EPOCHS):
        begun, worked, count = time.perf_counter(), cpu_seconds(), 0
        for batch in epoch():
            count += len(batch)
        if count != SCANS * SLICES:
            raise SystemExit(f"{name} gave {count} slices in an epoch; expected {SCANS * SLICES}")
        seconds.append(time.perf_counter() - begun)
        cpu.append(cpu_seconds() - worked)
        first = first or time.perf_counter() - started
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "slices_per_s": SCANS * SLICES / min(seconds[1:]),
        "cpu_us": 1e6 * min(cpu[1:]) / (SCANS * SLICES),
        "first_s": first,
        "cache_mib": sum(path.stat().st_size for path in work.rglob("*") if path.is_file()) / 2**20,
        "peak_mib": own / 1024,
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        heads = Path(name) / "heads"
        heads.mkdir()
        write_heads(heads)
        for number, (contender, (module, _)) in enumerate(CONTENDERS.items()):
            if importlib.util.find_spec(module) is None:
                print(f'inputs: {contender} is not installed: uv pip install -e ".[bench]"')
                continue
            work = Path(name) / f"work{number}"
            work.mkdir()
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.bench_inputs", contender, heads, work]
            found = json.loads(
                subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[-2]
            )
            print(
                f"inputs: {contender}: {found['cpu_us']:,.0f} us of processor time per slice, by the clock "
                f"{found['slices_per_s']:,.0f} slices/s (goal {GOAL:,.0f}), first epoch {found['first_s']:.1f} s, "
                f"cache on disk {found['cache_mib']:.0f} MiB, peak {found['peak_mib']:.0f} MiB"
            )


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(contend(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))))
    else:
        main()

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from bregma.models.predictor import Predictor
from bregma.reading import read_scan
from bregma.report.masks import lesion_numbers, write_masks
from tiny_models import head_scan, tiny_package


def test_lesions_are_numbered_in_the_grid_of_the_scan(tmp_path: Path) -> None:
    predictor = Predictor(tiny_package(tmp_path / "tiny"), threads=1)
    scan = head_scan(bleeds={2: 14.0, 3: 14.0, 7: 12.0})
    numbers = lesion_numbers(read_scan(scan, [predictor]))
    assert numbers.shape == scan.volume.values.shape
    assert [int(numbers[index].max()) for index in range(10)] == [0, 0, 1, 1, 0, 0, 0, 2, 0, 0]
    assert (scan.volume.values[numbers > 0] > 30).mean() > 0.85
    assert not lesion_numbers(read_scan(head_scan(), [predictor])).any()
    assert numbers.dtype == np.uint8


def test_masks_are_written_beside_a_reading(tmp_path: Path) -> None:
    predictor = Predictor(tiny_package(tmp_path / "tiny"), threads=1)
    reading = read_scan(head_scan(bleeds={2: 14.0, 3: 14.0}), [predictor])
    path = write_masks(tmp_path / "masks" / "P1", reading, as_dicom=False)
    assert path.name == "P1.nii.gz"
    image = nib.load(path)
    stored = np.asarray(image.dataobj)
    assert int((stored == 1).sum()) == int((lesion_numbers(reading) == 1).sum())
    # the bleed's middle, 30 mm to the patient's left, is at x = -30 in NIfTI's RAS
    middle = image.affine @ np.append(np.argwhere(stored == 1).mean(axis=0), 1.0)
    assert middle[:3] == pytest.approx([-30.0, 0.0, 12.5], abs=2.5)

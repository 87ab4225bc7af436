"""INSTANCE 2022, the intracranial hemorrhage segmentation challenge: 100 scans with outlines.

    train_2/data/001.nii.gz ... 100.nii.gz
    train_2/label/001.nii.gz ... 100.nii.gz      1 intracranial hemorrhage of any subtype

Li et al., "The state-of-the-art 3D anisotropic intracranial hemorrhage segmentation on non-contrast head CT: The
INSTANCE challenge", arXiv:2301.03281; and Li et al., IEEE J Biomed Health Inform 2022;26(3):1140-1151.
https://instance.grand-challenge.org. CC BY-NC-ND, by registration; not to be passed on.

The masks do not tell the subtypes apart: on a slice with a mark `any` is known, and no subtype. A slice without a mark
is known to be without blood. The 30 validation scans were handed out without masks; import them without a name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bregma.catalogue.importers.masked_volumes import MaskedVolumes, masked_parts
from bregma.catalogue.importers.named import named_candidate
from bregma.catalogue.importers.part import DataSetPart, LayoutError
from bregma.io.candidate import Candidate

NAME = "instance2022"
SOURCE = "dataset:instance2022"
LAYOUT = "train_2 (or train) with the folders 'data' and 'label' (.nii.gz)"

SCANS, MASKS = "data", "label"
PLACES = ("train_2", "train", "")
MEANING = {0: 0, 1: 6}


def parts(folder: Path) -> Iterator[DataSetPart]:
    """The data set, some scans at a time.

    Raises:
        LayoutError: there are no folders of scans and masks.
    """
    for place in PLACES:
        if (folder / place / SCANS).is_dir() and (folder / place / MASKS).is_dir():
            inside = f"{place}/" if place else ""
            return masked_parts(folder, MaskedVolumes(f"{inside}{SCANS}", f"{inside}{MASKS}", MEANING, SOURCE, named))
    raise LayoutError(NAME, f"there are no folders {SCANS!r} and {MASKS!r}", LAYOUT)


def named(folder: Path, name: str, file: str) -> Candidate:
    """A scan by its number; each is of another patient, as far as anybody says."""
    return named_candidate(folder, "nifti", (file,), data_set=NAME, scan=name, patient=name)

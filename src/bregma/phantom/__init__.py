"""Heads, bleeds and look-alikes whose truth is known, drawn from parameters in patient coordinates.

`sample_head` or a `HeadParameters` of one's own, then `draw`, then `write_dicom` or `write_nifti`; `write_studies`
makes a whole folder with labels and masks.
"""

from bregma.phantom.dicom import write_dicom
from bregma.phantom.draw import Phantom, draw
from bregma.phantom.nifti import write_masks, write_nifti
from bregma.phantom.parameters import Bleed, HeadParameters, LookAlikes, Operation, Pose, Scanner, Shape
from bregma.phantom.sample import sample_bleed, sample_head, sample_scanner
from bregma.phantom.studies import study_parameters, write_studies

__all__ = [
    "Bleed",
    "HeadParameters",
    "LookAlikes",
    "Operation",
    "Phantom",
    "Pose",
    "Scanner",
    "Shape",
    "draw",
    "sample_bleed",
    "sample_head",
    "sample_scanner",
    "study_parameters",
    "write_dicom",
    "write_masks",
    "write_nifti",
    "write_studies",
]

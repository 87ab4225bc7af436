"""Every code with which an input is refused, set aside or warned of, and what it means: one table, docs/codes.md is
written from it.
"""

from __future__ import annotations

from bregma.io import (
    dicom_seg,
    dicomdir,
    entry,
    figshare_mat,
    files,
    mr_pictures,
    nifti,
    nifti_grid,
    nifti_header,
    png,
    png_sidecar,
    zip_entries,
)

REFUSED_FILES = {
    "not_an_image": "The file is no image: not DICOM, NIfTI or a PNG slice, or a DICOM object without pixels.",
    "not_dicom": "The name says DICOM, the content does not: the file is empty, cut short or something else.",
    "bad_header": "The DICOM header is damaged, ends early or lacks what every image needs.",
    "nested_sequences": "The DICOM header nests sequences more deeply than any real file.",
    "unknown_syntax": "The pixels are encoded in a transfer syntax that no decoder here reads.",
    "bad_deflate": "The deflated data set is damaged.",
    "no_pixels": "The file describes an image but holds no pixels.",
    "truncated_pixels": "The file ends before the last pixel.",
    "oversized_pixels": "The file holds more pixels than its header describes, so that the header cannot be trusted.",
    "bad_pixels": "The compressed pixels cannot be decoded, or decode to another size than the header says.",
    "float_pixels": "The pixels are floating-point numbers, which no CT image has.",
    "unsupported_pixels": "The pixels have a number of bits that no CT image has.",
    "image_too_large": "The header claims more rows or columns than any CT image has; no memory was taken.",
    "scan_too_large": "The series has more voxels than any head scan; no memory was taken.",
    "too_many_frames": "The multi-frame file claims more frames than any head scan has.",
    "no_frame_positions": "The frames of a multi-frame file do not say where they lie, so they cannot be ordered.",
    "two_patients": "One series holds images of several patients; none of it is read.",
}
"""Files that are part of no scan."""

SET_ASIDE = {
    "localizer": "A scout view (localizer, topogram, surview), not a slice.",
    "dose_page": "A page about dose or patient, not a slice.",
    "color_image": "A colour image, not a CT slice.",
    "screen_capture": "A picture of a screen, or an image without a position among slices that have one.",
    "odd_slice": "An image whose matrix, pixel size or orientation differs from the rest of its series.",
    "duplicate": "The same image a second time; it is used once.",
    "same_uid_other_pixels": "Different images under one SOP Instance UID at one place; none of them is used.",
    "same_place": "Different images at one place of the patient; none of them is used.",
}
"""Images of a series that are no part of its volume, while the rest is read (a series of nothing else is refused)."""

REFUSED_SCANS = {
    "not_ct": "The modality is not CT; MR scans are kept in a library all the same, for tumours.",
    "not_mr": "The file says another modality, where an MR scan is asked for.",
    "not_head": "The file names another part of the body, or the section is larger than any head.",
    "not_axial": "The slices are sagittal, coronal or oblique, as in a reformat.",
    "projection": "A projection through many slices (MIP) or a rendering.",
    "computed_map": "A computed map (perfusion, virtual non-contrast, material), not an image of density.",
    "contrast": "Contrast agent was given; it looks like blood.",
    "blank_image": "The images are blank.",
    "not_hounsfield": "Most slices hold values that cannot be Hounsfield units.",
    "overlapping_acquisitions": "Several acquisitions lie over one another and nothing tells them apart.",
}
"""Scans that are put together and shown, but must not be read by a network trained on axial, non-contrast head CT."""

WARNINGS = {
    "single_slice": "One slice; nothing is known of the rest of the head.",
    "too_few_slices": "Fewer slices than a whole head needs.",
    "partial_cover": "The slices cover less than a head, or end below its top.",
    "missing_slices": "A gap between slices is larger than the pattern of the others explains.",
    "unreadable_slice": "Some slices are damaged and missing.",
    "conflicting_slices": "Different images contradict each other at some places; none of them is used.",
    "slices_set_aside": "Images of the series that do not fit the others are left out.",
    "split_series": "The series holds several acquisitions; each is a scan of its own (series_uid#2, #3 ...).",
    "study_of_two_patients": "The study goes under more than one patient id.",
    "no_series_uid": "The files name no series; they were put together by study and place.",
    "uid_reused": "Different slices carry one SOP Instance UID.",
    "no_orientation": "The file does not say where the image lies: no millimetres, no volumes, no left and right.",
    "no_rescale": "The file gives no rescale slope and intercept; its values are taken as Hounsfield units.",
    "spacing_unknown": "The spacing of an MR scan is not true: nothing is said in millimetres or millilitres.",
    "hu_doubtful": "The values of some slices may not be Hounsfield units.",
    "wrap_repaired": "The background of a 12-bit image had wrapped round and was put back.",
    "modality_unknown": "The file does not say that this is a CT (a bare secondary capture), but it looks like one.",
    "derived_image": "The images were computed from others (derived).",
    "lossy_compression": "The images were compressed with loss.",
    "burned_in_annotation": "Text is burned into the images.",
    "bone_kernel": "Reconstructed with a sharp kernel, whose noise hides small density differences.",
    "child": "The patient is younger than 18; the networks have learnt from adults.",
    "thick_slices": "Slices thicker than 7.5 mm, in which small bleeds can hide.",
}
"""What a reader of the result should know."""

MEDIA = {
    **entry.CODES,
    **files.CODES,
    **zip_entries.CODES,
    **dicomdir.CODES,
    **nifti_header.CODES,
    **nifti_grid.CODES,
    **nifti.CODES,
    **png_sidecar.CODES,
    **png.CODES,
    **mr_pictures.CODES,
    **figshare_mat.CODES,
    **dicom_seg.CODES,
}
"""Said of files, archives, NIfTI images and PNG slices: refusals, and warnings where the file is used all the same."""

LIBRARY = {
    "other_content": "The library has a series of this UID with other content; the stored one is kept.",
    "other_patient": "The library has the study under another patient.",
    "reader_failed": "Reading failed in a way that Bregma did not foresee.",
    "reader_crashed": "Reading ended the process that read, twice: a decoder failed on the pixel data.",
}
"""Scans that `bregma import` does not take; a test holds this against the catalogue's own table."""

TABLES: dict[str, dict[str, str]] = {
    "Files refused": REFUSED_FILES,
    "Images set aside": SET_ASIDE,
    "Scans refused": REFUSED_SCANS,
    "Warnings": WARNINGS,
    "Files, archives, NIfTI and PNG": MEDIA,
    "Scans not imported": LIBRARY,
}

CODES: dict[str, str] = {code: meaning for table in reversed(TABLES.values()) for code, meaning in table.items()}
"""Every code and its meaning."""


def as_markdown() -> str:
    """The tables as docs/codes.md."""
    lines = ["# Codes", "", "Written from `bregma.io.codes`; a test keeps the two together."]
    for title, table in TABLES.items():
        lines += ["", f"## {title}", "", "| code | meaning |", "| --- | --- |"]
        lines += [f"| `{code}` | {meaning} |" for code, meaning in table.items()]
    return "\n".join(lines) + "\n"

"""What the header's words mean for eligibility: kernels, contrast, parts of the body, ages."""

from __future__ import annotations

import numpy as np
import pytest

from bregma.io.dicom_header import Header
from bregma.io.eligibility import age_years, refusals, warnings_of
from bregma.io.hu_check import Content
from bregma.scan.volume import Geometry

GOOD = {
    "Modality": "CT", "BodyPartExamined": "HEAD", "RescaleSlope": "1", "RescaleIntercept": "-1024",
    "ImageType": "ORIGINAL\\PRIMARY\\AXIAL", "ConvolutionKernel": "H30s",
}  # fmt: skip


def header(**values: str) -> Header:
    return Header({**GOOD, **values}, "1.2.840.10008.1.2.1", "<", 0, 0)


def content(body: list[float]) -> Content:
    count = len(body)
    return Content(
        lowest=np.full(count, -1000, dtype=np.int16),
        highest=np.full(count, 1500, dtype=np.int16),
        air=1.0 - np.array(body),
        soft=np.full(count, 0.3),
        bone=np.full(count, 0.05),
    )


def stack(slices: int = 30, step: float = 5.0, side: float = 224.0) -> Geometry:
    origins = np.zeros((slices, 3))
    origins[:, 2] = np.arange(slices) * step
    return Geometry(64, 64, origins, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (side / 64, side / 64))


WHOLE = content([0.5] * 29 + [0.1])


def said(**values: str) -> set[str]:
    checks = ["ok"] * 30
    words = header(**values)
    found = [*refusals(words, stack(), WHOLE, checks), *warnings_of(words, stack(), WHOLE, checks)]
    return {remark.code for remark in found}


def test_a_plain_head_is_not_remarked_on() -> None:
    assert said() == set()


@pytest.mark.parametrize(
    "kernel",
    [
        "BONE",
        "BONEPLUS",
        "EDGE",
        "LUNG",
        "H60s",
        "H70h",
        "B70f",
        "B80s",
        "Hr64h\\3",
        "Br69d",
        "FC30",
        "FC81",
        "YD",
        "D",
    ],
)
def test_sharp_kernels(kernel: str) -> None:
    assert said(ConvolutionKernel=kernel) == {"bone_kernel"}


@pytest.mark.parametrize(
    "kernel",
    [
        "STANDARD",
        "STD+",
        "SOFT",
        "UB",
        "UA",
        "H31s",
        "H40s",
        "J40s\\3",
        "Hr38h",
        "Br40d",
        "B30f",
        "FC21",
        "FC64",
        "B",
        "",
    ],
)
def test_soft_kernels(kernel: str) -> None:
    assert said(ConvolutionKernel=kernel) == set()


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"ContrastBolusAgent": "Iohexol 350"}, "contrast"),
        ({"ContrastBolusAgent": "APPLIED"}, "contrast"),
        ({"SeriesDescription": "Head C+"}, "contrast"),
        ({"SeriesDescription": "HEAD WITH CONTRAST"}, "contrast"),
        ({"SeriesDescription": "Head w contrast 5mm"}, "contrast"),
        ({"ProtocolName": "CTA Head and Neck"}, "contrast"),
        ({"SeriesDescription": "ax MIP 10/3"}, "projection"),
        ({"ImageType": "ORIGINAL\\PRIMARY\\AXIAL\\MAXIP"}, "projection"),
        ({"ImageType": "ORIGINAL\\PRIMARY\\AXIAL\\CBF"}, "computed_map"),
        ({"Modality": "PT"}, "not_ct"),
        ({"BodyPartExamined": "CSPINE"}, "not_head"),
        ({"BodyPartExamined": "NECK"}, "not_head"),
        ({"BodyPartExamined": "", "StudyDescription": "CT lumbar spine"}, "not_head"),
    ],
)
def test_what_is_refused(values: dict[str, str], code: str) -> None:
    assert said(**values) == {code}


@pytest.mark.parametrize(
    "values",
    [
        {"ContrastBolusAgent": "NONE"},
        {"ContrastBolusAgent": "w/o"},
        {"ContrastBolusAgent": "Without contrast"},
        {"SeriesDescription": "HEAD W/O CONTRAST"},
        {"SeriesDescription": "Head without contrast"},
        {"StudyDescription": "CT HEAD WITH AND WITHOUT CONTRAST"},
        {"StudyDescription": "CT HEAD PERFUSION"},
        {"BodyPartExamined": "HEADNECK"},
        {"BodyPartExamined": "", "StudyDescription": "CT HEAD AND C-SPINE"},
        {"PatientAge": "018Y"},
        {"PatientAge": "unknown"},
    ],
)
def test_what_is_not(values: dict[str, str]) -> None:
    assert said(**values) == set()


@pytest.mark.parametrize(
    ("values", "years"),
    [
        ({"PatientAge": "071Y"}, 71.0),
        ({"PatientAge": "006M"}, 0.5),
        ({"PatientAge": "Y"}, None),
        ({}, None),
        ({"PatientBirthDate": "20000101", "StudyDate": "20100101"}, 10.0),
        ({"PatientBirthDate": "2000-01-01", "StudyDate": "20100101"}, None),
    ],
)
def test_age(values: dict[str, str], years: float | None) -> None:
    assert age_years(header(**values)) == years


@pytest.mark.parametrize(
    ("geometry", "body", "codes"),
    [
        (stack(30), [0.5] * 29 + [0.1], set()),
        (stack(30), [0.5] * 29 + [0.4], {"partial_cover"}),
        (stack(15), [0.5] * 14 + [0.1], {"partial_cover"}),
        (stack(6, step=25.0), [0.5] * 5 + [0.1], {"too_few_slices"}),
        (stack(1), [0.5], {"single_slice"}),
        (None, [0.5], {"single_slice", "no_orientation"}),
    ],
)
def test_cover(geometry: Geometry | None, body: list[float], codes: set[str]) -> None:
    found = warnings_of(header(), geometry, content(body), ["ok"] * len(body))
    assert {remark.code for remark in found} == codes


def test_a_trunk_is_too_large_for_a_head() -> None:
    found = refusals(header(BodyPartExamined=""), stack(side=400.0), WHOLE, ["ok"] * 30)
    assert [remark.code for remark in found] == ["not_head"]


def test_most_slices_decide_whether_these_are_hounsfield_units() -> None:
    doubt = "no soft tissue: values from -1000 to 3000"
    assert not refusals(header(), stack(), WHOLE, ["ok"] * 15 + [doubt] * 15)
    (found,) = refusals(header(), stack(), WHOLE, ["ok"] * 14 + [doubt] * 16)
    assert found.code == "not_hounsfield"

"""What an evaluation found, as one record; `json_of` writes it down."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bregma.evaluation.leakage import Leakage
from bregma.evaluation.levels import Level
from bregma.evaluation.localisation.froc import Froc
from bregma.evaluation.measure import Measure
from bregma.evaluation.scored import Excluded, Scored
from bregma.evaluation.worst import WorstError
from bregma.models.aggregate import RecallCeiling, Rule

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class Setup:
    """What was run on what, so that it can be done again.

    Attributes:
        label: the name of this package among those that are measured together.
        group: what it is taken together with: the other seeds of its recipe.
        package: name of the package.
        version: of the package.
        digest: SHA-256 over everything in the package; its threshold, preprocessing and calibration included.
        preprocessing: digest of its preprocessing settings.
        rule: slices to scan.
        split: name of the split; None for the whole library.
        part: part of it; None for all parts.
        sources: whose labels were the truth; None for all but models.
        seed: of the resamples.
        replicates: resamples.
        specificity: at which sensitivity is read off the ROC curve.
    """

    label: str
    group: str
    package: str
    version: str
    digest: str
    preprocessing: str
    rule: Rule
    split: str | None
    part: str | None
    sources: tuple[str, ...] | None
    seed: int
    replicates: int
    specificity: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a model costs.

    Attributes:
        parameters: numbers that training may change; None when the card does not say.
        macs: multiplications of one slice; None when the card does not say.
        model_bytes: size of its model file.
        arithmetic: of its convolutions, in ONNX Runtime: "fp32" or "int8".
        seconds: median time in the network per scan, measured in this run; None when nobody looked at the clock.
        seconds_p90: nine scans of ten took less.
        machine: where the time was measured.
    """

    parameters: int | None
    macs: int | None
    model_bytes: int
    arithmetic: str
    seconds: float | None
    seconds_p90: float | None
    machine: str | None


@dataclass(frozen=True, slots=True)
class Lesions:
    """Lesions found and imagined, on scans with a true mask.

    Attributes:
        scans: with a mask, bleeding or not.
        lesions: true lesions in them.
        found: of them, overlapped by the prediction.
        false: predicted lesions that overlap none.
        measures: recall of lesions, false lesions per scan, mean Dice of scans with a lesion.
        froc: of all marks of the map by their scores; None when no scan with geometry has a lesion.
    """

    scans: int
    lesions: int
    found: int
    false: int
    measures: tuple[Measure, ...]
    froc: Froc | None = None


@dataclass(frozen=True, slots=True)
class Ceiling:
    """How much recall the run rule leaves within reach, were every slice answered rightly.

    Attributes:
        counts: scans with all slices known and at least one positive, and those the rule fires on.
        recall: share of them, with its interval.
    """

    counts: RecallCeiling
    recall: Measure


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A package measured on a part of a library.

    Attributes:
        setup: what was run on what.
        recipe: name of the recipe on the package's card.
        recipe_digest: SHA-256 of that recipe.
        cost: parameters, size and time.
        scans: scores and truth of every scan that was read.
        levels: per finding, scans first, then slices; then all findings pooled, where there are several.
        lesions: None where no scan has both a predicted map and a true mask.
        ceiling: of the run rule.
        worst: the worst errors of each level and finding.
        excluded: what was not counted, and why.
        leakage: what the part shares with the others of its split.
    """

    setup: Setup
    recipe: str
    recipe_digest: str
    cost: Cost
    scans: tuple[Scored, ...]
    levels: tuple[Level, ...]
    lesions: Lesions | None
    ceiling: Ceiling
    worst: tuple[WorstError, ...]
    excluded: tuple[Excluded, ...]
    leakage: Leakage

    def level(self, level: str, finding: str) -> Level:
        """The figures of one level and finding.

        Raises:
            KeyError: the package does not answer it.
        """
        for one in self.levels:
            if (one.level, one.finding) == (level, finding):
                return one
        raise KeyError(
            f"no figures for {finding!r} at level {level!r}; there are {[(x.level, x.finding) for x in self.levels]}"
        )


def json_of(evaluation: Evaluation) -> dict[str, Json]:
    """Everything in an evaluation as JSON values; absent is null, and predictions keep their file, UID and z."""
    plain = {field.name: json_value(getattr(evaluation, field.name)) for field in dataclasses.fields(evaluation)}
    return {**plain, "scans": [_scan(scan) for scan in evaluation.scans]}


def _scan(scan: Scored) -> Json:
    columns = range(len(scan.findings))
    slices: list[Json] = [
        {
            "index": one.index,
            "file": one.file,
            "frame": one.frame,
            "sop_instance_uid": one.sop_instance_uid,
            "z_mm": one.z_mm,
            "scores": {scan.findings[k]: float(scan.slice_scores[i, k]) for k in columns},
            "truth": {scan.findings[k]: float(scan.slice_truth[i, k]) for k in columns if scan.slice_known[i, k]},
        }
        for i, one in enumerate(scan.slices)
    ]
    known = zip(scan.findings, scan.scan_truth, strict=True)
    return {
        "series_uid": scan.series_uid,
        "study_uid": scan.study_uid,
        "patient": scan.patient,
        "scores": {scan.findings[k]: float(scan.scan_scores[k]) for k in columns},
        "truth": {finding: value for finding, value in known if value is not None},
        "overlap": json_value(scan.overlap),
        "seconds": scan.seconds,
        "slices": slices,
    }


def json_value(value: object) -> Json:
    """Records, tuples and numbers as what `json.dumps` takes; a NaN is an error of ours, unknown is None."""
    if isinstance(value, Scored):
        return None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: json_value(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [json_value(item) for item in value]
    if isinstance(value, np.generic):
        return json_value(value.item())
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a {type(value).__name__} has no place in an evaluation: {value!r}")

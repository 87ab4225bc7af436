"""An evaluation as rows of text, for the terminal and the page: whoever shows them need not compute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bregma.evaluation.comparison import Difference
from bregma.evaluation.evaluation import Evaluation
from bregma.evaluation.leakage import Leakage
from bregma.evaluation.levels import Level, PointResult
from bregma.evaluation.localisation.froc import RATES
from bregma.evaluation.measure import Measure
from bregma.scan.counted import counted

TITLES = {
    "accuracy": "accuracy",
    "recall": "recall",
    "specificity": "specificity",
    "precision": "precision",
    "f1": "F1",
    "auc": "AUC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "log_loss": "log loss",
    "weighted_log_loss": "weighted log loss",
    "sensitivity_at_specificity": "sensitivity at specificity",
    "lesion_recall": "lesions found",
    "false_lesions_per_scan": "false lesions/scan",
    "dice": "Dice",
    **{f"lesions_found_at_{rate:g}": f"found at {rate:g} false/scan" for rate in RATES},
    "afroc_area": "AFROC area",
    "surface_mean_mm": "mean surface distance, mm",
    "surface_hausdorff95_mm": "95 % Hausdorff distance, mm",
    "recall_ceiling": "recall ceiling",
    "specificity_at_sensitivity": "specificity at sensitivity",
    "positive_likelihood_ratio": "likelihood ratio +",
    "negative_likelihood_ratio": "likelihood ratio -",
    "positive_predictive_value": "positive predictive value",
    "negative_predictive_value": "negative predictive value",
    "true_alerts": "true alerts a day",
    "false_alerts": "false alerts a day",
    "missed": "missed a day",
    "percent_agreement": "percent agreement",
    "cohen_kappa": "Cohen's kappa",
    "fleiss_kappa": "Fleiss' kappa",
    "krippendorff_alpha": "Krippendorff's alpha",
}
_PERCENT = frozenset(
    {
        *("accuracy", "recall", "specificity", "precision", "f1"),
        *("lesion_recall", "recall_ceiling", "sensitivity_at_specificity", "specificity_at_sensitivity"),
        *(f"lesions_found_at_{rate:g}" for rate in RATES),
        *("positive_predictive_value", "negative_predictive_value", "percent_agreement"),
    }
)

_A_DAY = frozenset({"true_alerts", "false_alerts", "missed"})

HEADER = ("what", "threshold", "figure", "value", "95 % interval", "positive")
"""Short enough for a terminal of 80 columns as long as the finding is `any`."""


def rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """Every figure on a row of its own, under `HEADER`."""
    out: list[tuple[str, ...]] = []
    for level in evaluation.levels:
        out.extend(_level_rows(level))
    if evaluation.lesions is not None:
        curve = evaluation.lesions.froc
        measures = (*evaluation.lesions.measures, *((*curve.at_rates, curve.afroc_area) if curve else ()))
        out.extend(("lesion any", "", *_cells(measure), "") for measure in measures)
    ceiling = evaluation.ceiling
    of = f"{ceiling.counts.reachable}/{ceiling.counts.scans}"
    out.append(("scan any", "", *_cells(ceiling.recall), of))
    return out


def notes(evaluation: Evaluation) -> list[str]:
    """What a reader of the figures must know: how many cases, and every warning."""
    sizes = [_size(level) for level in evaluation.levels]
    lesions = evaluation.lesions
    if lesions is not None:
        found = f"{lesions.found} of {lesions.lesions} found, {lesions.false} false"
        sizes.append(f"Lesions: {found}, on {lesions.scans} scans with a mask.")
    return [*sizes, *warnings(evaluation)]


def warnings(evaluation: Evaluation) -> list[str]:
    """Leakage, exclusions, what has no figure and why, too few patients."""
    return [*_leakage(evaluation), *_excluded(evaluation), *_reasons(evaluation), *_small(evaluation)]


def difference_text(difference: Difference) -> str:
    """With its sign, in percentage points for shares; "-" where undefined."""
    name, value = difference.name, difference.value
    return "-" if value is None else f"{scale_of(name) * value:+.{_digits(name)}f}"


def value_text(measure: Measure) -> str:
    """Percent with one decimal for shares, three decimals for the rest; "-" where undefined."""
    if measure.value is None:
        return "-"
    return (
        f"{scale_of(measure.name) * measure.value:.{_digits(measure.name)}f}{' %' if measure.name in _PERCENT else ''}"
    )


def interval_text(measure: Measure | Difference) -> str:
    """Such as "71.8 to 88.8"; "-" where there is none."""
    if measure.interval is None:
        return "-"
    low, high = (
        f"{scale_of(measure.name) * end:.{_digits(measure.name)}f}"
        for end in (measure.interval.low, measure.interval.high)
    )
    return f"{low} to {high}"


def point_text(result: PointResult) -> str:
    """A threshold by name and number."""
    return f"{result.point.name} {result.point.threshold:.3f}"


def _level_rows(level: Level) -> Iterator[tuple[str, ...]]:
    what, of = f"{level.level} {level.finding}", f"{level.positives}/{level.cases}"
    for measure in level.measures:
        yield (what, "", *_cells(measure), of)
    for result in level.points:
        for measure in result.measures:
            yield (what, point_text(result), *_cells(measure), of)


def _size(level: Level) -> str:
    """Cases of a level and the confusion table at its first threshold."""
    size = f"{level.finding} per {level.level}: {level.positives} of {level.cases} positive, {level.patients} patients"
    counts = level.points[0].counts
    table = f"TP {counts.tp:.0f}, FP {counts.fp:.0f}, FN {counts.fn:.0f}, TN {counts.tn:.0f}"
    return f"{size}; {table} at {point_text(level.points[0])}."


def _cells(measure: Measure) -> tuple[str, str, str]:
    return TITLES[measure.name], value_text(measure), interval_text(measure)


def scale_of(name: str) -> float:
    """By what a figure is multiplied where it is shown: 100 for shares."""
    return 100.0 if name in _PERCENT else 1.0


def _digits(name: str) -> int:
    return 1 if name in _PERCENT or name in _A_DAY else 3


def _leakage(evaluation: Evaluation) -> list[str]:
    leakage, setup = evaluation.leakage, evaluation.setup
    if not leakage.checked_against:
        return ["Leakage was not checked: there is no other part to compare with."]
    against = f"{counted(leakage.checked_against, 'scan')} of the other parts of split {setup.split!r}"
    doubt = _suspicions(leakage)
    if not leakage.found:
        return [
            f"No patient, study or pixels are shared with {against}; whether the package was trained on that split, "
            "only its card can say.",
            *doubt,
        ]
    shared = (
        f"{counted(len(leakage.patients), 'patient')}, {counted(len(leakage.studies), 'study', 'studies')}, "
        f"{counted(len(leakage.pixels), 'scan')} by their pixels"
    )
    return [f"LEAKAGE: {shared} are shared with {against}; these figures are too good to be believed.", *doubt]


def _suspicions(leakage: Leakage) -> list[str]:
    """Scans that look like changed copies, with the first pair to look at, and scans that could not be compared."""
    notes = []
    if leakage.alike:
        one, other = leakage.alike[0]
        pairs = counted(len(leakage.alike), "pair")
        notes.append(f"{pairs} of scans of two patients look like copies, such as {one} and {other}: look at them.")
    if leakage.unread:
        notes.append(f"Leakage was not checked for {counted(len(leakage.unread), 'scan')} that cannot be read.")
    return notes


def _excluded(evaluation: Evaluation) -> list[str]:
    groups: dict[tuple[str, str, str], list[int]] = {}
    for one in evaluation.excluded:
        groups.setdefault((one.level, one.finding or "all findings", one.reason), []).append(one.slices)
    return [
        f"Not counted: {counted(sum(slices), 'slice')} of {counted(len(slices), 'scan')} ({finding}): {reason}."
        if level == "slice"
        else f"Not counted: {counted(len(slices), 'scan')} ({finding}): {reason}."
        for (level, finding, reason), slices in groups.items()
    ]


def _reasons(evaluation: Evaluation) -> list[str]:
    seen: dict[str, None] = {}
    for level in evaluation.levels:
        everything: Sequence[Measure] = [*level.measures, *(m for result in level.points for m in result.measures)]
        for measure in everything:
            if measure.reason and measure.name != "calibration_error":
                seen[f"{level.level}, {level.finding}: {measure.reason}."] = None
    return list(seen)


def _small(evaluation: Evaluation) -> list[str]:
    few = min((level.patients for level in evaluation.levels), default=0)
    if few >= 20:
        return []
    return [f"Only {counted(few, 'patient')}: percentile intervals of so few are too narrow; take them as a hint."]

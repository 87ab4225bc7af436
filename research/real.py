"""A package on the real head CT at hand: one table, every figure with its 95 % interval by patient.

    python -m research.real [PACKAGE] [--data FOLDER] [--card]

The scans lie beside the checkout (../shared/data/ct, or --data) and are no part of the project; --card writes the table
into the package's card.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bregma.evaluation.cases import Cases
from bregma.evaluation.levels import Point, measure_level
from bregma.evaluation.measure import Measure
from bregma.io.find import find_scans
from bregma.models.card import Metric
from bregma.models.package import Package, find_package, installed_packages, write_package
from bregma.models.predictor import Predictor
from bregma.reading import Reading, read_scan
from bregma.scan.study import Refusal
from bregma.scan.terms import ANY
from research.real_outlines import outlined_slices

DATA = Path(__file__).parents[2] / "shared" / "data" / "ct"
Truth = Callable[[Reading, int], bool | None]
"""Whether a bleed shows on a slice of a reading; None where nobody knows."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """One folder of real slices and what is known of each."""

    title: str
    folder: str
    truth: Callable[[Path], Truth]


def read_all(folder: Path, predictor: Predictor) -> Iterator[Reading]:
    """Every eligible scan of a folder."""
    for found in find_scans(folder):
        if not isinstance(found, Refusal) and found.refusal is None:
            yield read_scan(found, [predictor])


def cases_of(readings: list[Reading], truth: Truth) -> Cases:
    """Slices with a known truth; a patient's slices stay together."""
    rows = []
    for reading in readings:
        column = reading.findings.index(ANY)
        for one in reading.scan.slices:
            if (known := truth(reading, one.index)) is not None:
                score = float(reading.slice_probabilities[one.index, column])
                rows.append(((reading.scan.series.series_uid, one.index), reading.scan.series.patient, score, known))
    return Cases(
        level="slice",
        finding=ANY,
        keys=tuple(row[0] for row in rows),
        patients=tuple(row[1] for row in rows),
        scores=np.array([row[2] for row in rows], dtype=np.float64),
        truth=np.array([row[3] for row in rows], dtype=np.bool_),
    )


def by_table(table: str, column: str) -> Callable[[Path], Truth]:
    """Truth from a table with a row per file."""

    def load(root: Path) -> Truth:
        with (root / table).open(newline="") as file:
            rows = list(csv.DictReader(file))
        name = "file" if "file" in rows[0] else "image"
        known = {Path(row[name]).name: row[column] == "1" for row in rows if row[column] != ""}
        return lambda reading, index: known.get(Path(reading.scan.slices[index].file).name)

    return load


def always(value: bool) -> Callable[[Path], Truth]:
    """The same truth for every slice."""
    return lambda _root: lambda _reading, _index: value


SETS = (
    DataSet("RSNA 2019 slices (DICOM)", "rsna_slices", by_table("rsna_slices/labels.csv", ANY)),
    DataSet("RSNA 2019 slices (NIfTI)", "rsna_nifti_slices", by_table("rsna_nifti_slices/labels.csv", ANY)),
    DataSet("CT-ICH slices, all with a bleed", "ct_ich_slices", always(True)),
    DataSet("PHE-SICH, lesion visible", "phe_sich/images", by_table("phe_sich/slices.csv", "lesion_visible")),
    DataSet("GE head, tilted, no bleed seen", "ge_head_tilt", always(False)),
    DataSet("Philips phantom, plastic", "philips_phantom_study", always(False)),
)


def measure(cases: Cases, threshold: float) -> tuple[Measure, ...]:
    """AUC where there are both kinds, recall and specificity at the package's threshold."""
    level = measure_level(
        cases, (Point("rule", threshold, "the package's rule"),), np.random.default_rng(0), replicates=2000
    )
    wanted = {"auc", "recall", "specificity"}
    return tuple(one for one in (*level.measures, *level.points[0].measures) if one.name in wanted)


def as_text(one: Measure) -> str:
    """Such as "0.912 [0.80 to 0.98]"; "-" where it is not defined."""
    if one.value is None:
        return "-"
    ends = "" if one.interval is None else f" [{one.interval.low:.2f} to {one.interval.high:.2f}]"
    return f"{one.value:.3f}{ends}"


def metrics_of(title: str, cases: Cases, measures: tuple[Measure, ...]) -> Iterator[Metric]:
    """The figures as a card carries them."""
    data = f"{title}: {len(cases.truth)} real slices of {len(set(cases.patients))}, {int(cases.truth.sum())} bleed"
    for one in measures:
        if one.value is not None:
            low, high = (one.interval.low, one.interval.high) if one.interval else (None, None)
            yield Metric(one.name, cases.level, cases.finding, data, one.value, low, high)


def write_card(package: Package, metrics: list[Metric]) -> Package:
    """The same package with the real figures in its card, in place of those of an earlier time."""
    kept = tuple(one for one in package.card.metrics if "real slices" not in one.data)
    return write_package(
        package.folder,
        onnx=package.model_bytes(),
        name=package.name,
        version=package.version,
        card=replace(package.card, metrics=(*kept, *metrics)),
        preprocessing=package.preprocessing,
        findings=package.findings,
        rule=package.rule,
        operating_points=package.operating_points,
        calibration=package.calibration,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", nargs="?", help="name or folder; the first installed one if left out")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--card", action="store_true", help="write the figures into the package's card")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"no real scans at {options.data}; give their folder with --data")
    package = find_package(options.package) if options.package else installed_packages()[0]
    predictor = Predictor(package)
    print(f"{package.name} {package.version} {package.digest[:12]}, slices called at {package.rule.threshold:.3f}")
    metrics: list[Metric] = []
    for each in SETS:
        readings = list(read_all(options.data / each.folder, predictor))
        cases = cases_of(readings, each.truth(options.data))
        measures = measure(cases, package.rule.threshold)
        lesions = sum(lesion.volume_ml or 0.0 for reading in readings for lesion in reading.lesions)
        print(f"{each.title}: {len(cases.truth)} slices, {int(cases.truth.sum())} with a bleed, {lesions:.1f} mL drawn")
        print("    " + "  ".join(f"{one.name} {as_text(one)}" for one in measures))
        if outlined := outlined_slices(readings, options.data / each.folder):
            dices, found = [one.dice for one in outlined], sum(one.found for one in outlined)
            print(f"    {found} of {len(outlined)} outlined bleeds found, Dice {np.mean(dices):.2f} on average")
        metrics += metrics_of(each.title, cases, measures)
    if options.card:
        print(f"card written; the digest is now {write_card(package, metrics).digest[:12]}")


if __name__ == "__main__":
    main()

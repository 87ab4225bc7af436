"""A new place by new reference cases alone: one place is left out of all training, then its cases are added.

`python -m research.anatomy_extension --weights FILE --out DIR --leave-out cerebellum ...` on the regions of
research/anatomy_phantoms.py (the same `--out` uses what was seen there). Without its cases a place cannot be named;
with them nothing is trained again.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from bregma.evaluation.place_figures import PlaceFigures, place_figures
from bregma.models.neighbours import Codes
from bregma.scan.terms import ANATOMY
from bregma.training.basenet_training import embed, fit_basenet
from bregma.training.region_set import RegionSet, patient_numbers
from bregma.training.relation_training import fit_relation, relation_scores
from bregma.training.train_anatomy import references_of
from research.anatomy_regions import Regions, add_arguments, recipe_of, regions_of

PLACES = len(ANATOMY)


def main() -> None:
    """Leave out place after place."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--leave-out", nargs="+", required=True)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    regions = regions_of(asked)
    rows = [row for place in asked.leave_out for row in _left_out(place, regions, asked)]
    (asked.out / "extension.json").write_text(json.dumps(rows, indent=1))
    for row in rows:
        print(json.dumps(row), flush=True)


def without(regions: RegionSet, place: str) -> RegionSet:
    """The regions of all other places, with their versions."""
    keep = np.array([case.place != place for case in regions.cases])
    number = np.cumsum(keep) - 1
    versions = keep[regions.owner]
    kept = tuple(case for case, one in zip(regions.cases, keep, strict=True) if one)
    return RegionSet(kept, regions.features[versions], number[regions.owner[versions]].astype(np.intp))


def _left_out(place: str, regions: Regions, asked: argparse.Namespace) -> list[dict[str, object]]:
    """Both ways of comparing, before and after the place's cases are added."""
    fewer, at, rows = without(regions.training, place), ANATOMY.index(place), []
    base = fit_basenet(fewer, recipe_of("anatomy_rn", asked).basenet.settings, seed=asked.seed)
    few, all_of_them = references_of(base, fewer), references_of(base, regions.training)
    vectors, patients = embed(base, regions.test.plain), patient_numbers(regions.training, regions.test)[1]
    for arm in ("anatomy_rn", "anatomy_rn_nn"):
        settings = recipe_of(arm, asked).relation.settings
        if settings is None:
            raise ValueError(f"recipe {arm} compares nothing")
        network = fit_relation(few, settings, classes=PLACES, seed=asked.seed)
        scores = [
            relation_scores(network, one, vectors, patients, settings, classes=PLACES) for one in (few, all_of_them)
        ]
        before, after = (_figures(regions.test, one.argmax(axis=1)) for one in scores)
        rows.append(
            {
                "place": place,
                "arm": arm,
                "cases": int((regions.training.places == at).sum()),
                "support": before.support[at],
                "recall": [round(one.places["recall"][at].value, 3) for one in (before, after)],
                "precision": [round(one.places["precision"][at].value, 3) for one in (before, after)],
                "weighted f1": [round(one.weighted["f1"].value, 3) for one in (before, after)],
            }
        )
    return rows


def _figures(test: RegionSet, said: Codes) -> PlaceFigures:
    return place_figures(test.places, said, patient_numbers(test)[0], classes=PLACES, replicates=2)


if __name__ == "__main__":
    main()

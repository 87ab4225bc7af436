"""The arms of the anatomy paper on regions of drawn heads: figures per place, after 5 epochs, and after equal time.

`python -m research.anatomy_phantoms --weights FILE --out DIR`. Regions come in the paper's proportions, heads are split
80:20, every seed draws weights and order anew; the three arms with both paths share one BaseNet per seed. Figures pool
the answers of all seeds and resample heads. Times are CPU seconds of this process, whose arithmetic has one thread.
Letters: N regions, C places.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from bregma.evaluation.place_figures import KINDS, Codes, Figure, PlaceFigures, place_differences, place_figures
from bregma.models.neighbours import nearest
from bregma.scan.terms import ANATOMY
from bregma.training.anatomy_recipe import AnatomyRecipe
from bregma.training.basenet_training import basenet_scores, embed, fit_basenet
from bregma.training.region_set import patient_numbers
from bregma.training.relation_training import EpochEnd, fit_relation, relation_scores
from bregma.training.train_anatomy import Trained, references_of
from research.anatomy_regions import Regions, add_arguments, recipe_of, regions_of

SINGLE, COMPARING = ("anatomy_local", "anatomy_global"), ("anatomy_rn", "anatomy_rn_nn")
ARMS = ("anatomy_basenet", *SINGLE, "distance alone", *COMPARING)
PAIRS = (("anatomy_rn", "anatomy_basenet"), ("anatomy_rn_nn", "anatomy_basenet"), ("anatomy_rn_nn", "anatomy_rn"))
PLACES = len(ANATOMY)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One arm with one seed.

    Attributes:
        said: (N,) places of the test regions.
        seconds: CPU seconds of training, features not counted.
        epochs: (epoch, CPU seconds, weighted F1) of stage two.
    """

    said: Codes
    seconds: float
    epochs: tuple[tuple[int, float, float], ...] = ()


def main() -> None:
    """Draw, look once, train every arm with every seed, and say how each did."""
    asked = _arguments()
    regions = regions_of(asked)
    print(f"{len(regions.training.cases)} regions to train, {len(regions.test.cases)} to test", flush=True)
    answers: dict[str, list[Answer]] = {arm: [] for arm in ARMS}
    for seed in asked.seeds:
        for arm, answer in _answers(asked, regions, seed):
            answers[arm].append(answer)
            print(
                f"seed {seed} {arm}: {answer.seconds:.1f} s, {(answer.said == regions.test.places).mean():.3f}",
                flush=True,
            )
        (asked.out / "figures.json").write_text(json.dumps(_document(regions, answers), indent=1))


def _answers(asked: argparse.Namespace, regions: Regions, seed: int) -> list[tuple[str, Answer]]:
    """Every arm with one seed."""
    found = []
    for arm in ("anatomy_basenet", *SINGLE):
        recipe, started = recipe_of(arm, asked), time.process_time()
        base = fit_basenet(regions.training, recipe.basenet.settings, seed=seed)
        seconds = time.process_time() - started
        said = basenet_scores(base, regions.test.plain).argmax(axis=1)
        found.append((arm, Answer(said, seconds)))
        if arm == "anatomy_basenet":
            trained = Trained(regions.eyes, base, None, references_of(base, regions.training))
            found.append(("distance alone", _by_distance(trained, regions, recipe.relation.k)))
    return found + [(arm, _compare(recipe_of(arm, asked), trained, regions, seed)) for arm in COMPARING]


def _by_distance(trained: Trained, regions: Regions, k: int) -> Answer:
    """No second stage: the place whose k nearest cases are nearest on average."""
    started = time.process_time()
    vectors, patients = embed(trained.base, regions.test.plain), patient_numbers(regions.training, regions.test)[1]
    table = nearest(vectors, patients, trained.references, k=k, classes=PLACES)
    mean = (table.weight * np.where(table.weight > 0, table.distance, 0)).sum(axis=2)
    mean[table.weight.sum(axis=2) == 0] = np.inf
    return Answer(mean.argmin(axis=1), time.process_time() - started)


def _compare(recipe: AnatomyRecipe, trained: Trained, regions: Regions, seed: int) -> Answer:
    """Stage two on a BaseNet, looked at after every epoch."""
    settings = recipe.relation.settings
    if settings is None:
        raise ValueError(f"recipe {recipe.name} compares nothing")
    patients = patient_numbers(regions.training, regions.test)[1]
    vectors, truth = embed(trained.base, regions.test.plain), regions.test.places
    rows: list[tuple[int, float, float]] = []
    started, looking, said = time.process_time(), 0.0, truth

    def look(end: EpochEnd) -> None:
        nonlocal looking, said
        before = time.process_time()
        scores = relation_scores(end.network, trained.references, vectors, patients, settings, classes=PLACES)
        said = scores.argmax(axis=1)
        found = place_figures(truth, said, patients, classes=PLACES, replicates=2)
        rows.append((end.epoch, before - started - looking, found.weighted["f1"].value))
        looking += time.process_time() - before

    fit_relation(trained.references, settings, classes=PLACES, seed=seed, after_epoch=look)
    return Answer(said, rows[-1][1], tuple(rows))


def _document(regions: Regions, answers: dict[str, list[Answer]]) -> dict[str, Any]:
    test, seeds = regions.test, len(next(iter(answers.values())))
    truth, heads = np.tile(test.places, seeds), np.tile(patient_numbers(test)[0], seeds)
    said = {arm: np.concatenate([one.said for one in found]) for arm, found in answers.items()}
    arms = {arm: _arm(place_figures(truth, said[arm], heads, classes=PLACES), answers[arm]) for arm in answers}
    differences = {
        f"{one} - {other}": {
            f"{kind} {name}": _figure(figure)
            for (kind, name), figure in place_differences(truth, said[one], said[other], heads, classes=PLACES).items()
        }
        for one, other in PAIRS
    }
    train = np.bincount(regions.training.places, minlength=PLACES).tolist()
    support = np.bincount(test.places, minlength=PLACES).tolist()
    return {"places": list(ANATOMY), "train": train, "test": support, "arms": arms, "differences": differences}


def _arm(found: PlaceFigures, answers: list[Answer]) -> dict[str, Any]:
    means = {f"{kind} {name}": _figure(one) for kind in KINDS for name, one in getattr(found, kind).items()}
    places = {name: [_figure(one) for one in places] for name, places in found.places.items()}
    epochs = np.mean([one.epochs for one in answers], axis=0).round(3).tolist() if answers[0].epochs else []
    return {"means": means, "places": places, "seconds": [round(one.seconds, 2) for one in answers], "epochs": epochs}


def _figure(one: Figure) -> list[float]:
    """The value, and the ends of its interval where it has one."""
    ends = () if one.interval is None else (one.interval.low, one.interval.high)
    return [round(float(value), 4) for value in (one.value, *ends)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    return parser.parse_args()


if __name__ == "__main__":
    main()

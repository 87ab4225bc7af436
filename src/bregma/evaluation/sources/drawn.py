"""Every figure of a source on resampled patients, drawn once for whoever asks: the table, and every pair."""

from __future__ import annotations

import numpy as np

from bregma.evaluation.levels import Drawn, draw_figures
from bregma.evaluation.sources.held import Held
from bregma.evaluation.sources.question import SourceQuestion


class Draws:
    """What was drawn for the sources of one finding; the same cases get the same resamples, so pairs are paired."""

    def __init__(self, question: SourceQuestion) -> None:
        """Start with nothing drawn.

        Args:
            question: for thresholds, resamples and their seed.
        """
        self._question = question
        self._known: dict[tuple[str, bytes, bytes], Drawn] = {}

    def of(self, held: Held, which: int, source: str) -> Drawn:
        """The figures of `levels.every_figure` at the source's threshold.

        Args:
            held: sources and reference.
            which: the place of the source among them.
            source: its name.
        """
        cases, question = held.cases[which], self._question
        key = (source, held.places.tobytes(), cases.truth.tobytes())
        if key not in self._known:
            self._known[key] = draw_figures(
                cases,
                held.codes,
                [question.threshold(source)],
                np.random.default_rng(question.seed),
                replicates=question.replicates,
                specificity=question.specificity,
            )
        return self._known[key]

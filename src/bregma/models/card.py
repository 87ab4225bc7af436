"""A model's card: what it saw, what it was measured on, where it ends."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured figure, with the data it was measured on.

    Attributes:
        name: such as "recall" or "AUC".
        level: "slice", "scan" or "lesion".
        finding: a name from scan.terms.
        data: what it was measured on, in words ("phantoms, validation part, 18 scans").
        value: the figure.
        low: lower end of its 95 % interval; None when there is none.
        high: upper end.
    """

    name: str
    level: str
    finding: str
    data: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """What a reader must know before trusting a model.

    Attributes:
        summary: one sentence: what the model answers.
        intended_use: for whom and for what, and what not.
        trained_on: the data it learned from, in words and numbers.
        measured_on: the data its figures come from.
        limits: what it has not seen, and where it fails, one sentence each.
        recipe: name of the training recipe.
        recipe_digest: SHA-256 of the recipe.
        command: the command that makes the same package again.
        metrics: the table of figures.
        sequence: whether a slice's answer depends on the other slices, so that a scan is read whole.
        parameters: numbers that were learned; None when the package was written before they were counted.
        macs: multiply-adds for one prepared slice; None likewise.
        arithmetic: of its convolutions: "int8" for a package that was quantised, None for fp32.
    """

    summary: str
    intended_use: str
    trained_on: str
    measured_on: str
    limits: tuple[str, ...]
    recipe: str
    recipe_digest: str
    command: str
    metrics: tuple[Metric, ...] = ()
    sequence: bool = False
    parameters: int | None = None
    macs: int | None = None
    arithmetic: str | None = None

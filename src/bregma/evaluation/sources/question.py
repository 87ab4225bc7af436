"""What is asked when sources are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bregma.evaluation.bootstrap import REPLICATES
from bregma.evaluation.figures import SPECIFICITY
from bregma.evaluation.references import Reference, Rule
from bregma.scan.errors import RequestError, did_you_mean

READER = "reader:"
THRESHOLD = 0.5
SENSITIVITY = 0.95


@dataclass(frozen=True, slots=True)
class SourceQuestion:
    """Who is judged against what.

    Attributes:
        reference: what counts as true.
        sources: who is judged, in this order; differences are to the first.
        thresholds: source -> from which value on it calls positive; 0.5 for the others.
        all_pairs: differences between all of them, not only to the first.
        specificity: at which sensitivity is read off the curve of graded sources.
        sensitivity: at which specificity is.
        prevalence: for predictive values and the day; None for neither.
        scans_per_day: for the expected day; needs a prevalence.
        subgroups: facts by which figures are broken down.
        seed: of the resamples.
        replicates: resamples of patients.
    """

    reference: Reference
    sources: tuple[str, ...]
    thresholds: Mapping[str, float] = field(default_factory=dict)
    all_pairs: bool = False
    specificity: float = SPECIFICITY
    sensitivity: float = SENSITIVITY
    prevalence: float | None = None
    scans_per_day: float | None = None
    subgroups: tuple[str, ...] = ()
    seed: int = 0
    replicates: int = REPLICATES

    def __post_init__(self) -> None:
        if not self.sources:
            raise RequestError("there is no source to judge; name one or more, such as reader:a")
        if self.scans_per_day is not None and self.prevalence is None:
            raise RequestError(f"{self.scans_per_day:g} scans a day mean nothing without a prevalence; state it")
        for share, name in ((self.specificity, "specificity"), (self.sensitivity, "sensitivity")):
            if not 0.0 < share < 1.0:
                raise RequestError(f"{name} is {share:g}; expected a share between 0 and 1, such as 0.9")

    def threshold(self, source: str) -> float:
        """From which value on a source calls positive."""
        return self.thresholds.get(source, THRESHOLD)


def reference_named(text: str, known: Sequence[str], panel: Sequence[str] = ()) -> Reference:
    """A reference from words: "majority", "consensus", "latent", "adjudicated:SOURCE" or the name of a source.

    Args:
        text: the words.
        known: all sources there are.
        panel: who makes it; all readers when empty, but for the adjudicator.

    Raises:
        RequestError: the words mean nothing, or there is nobody to make it.
    """
    word, colon, adjudicator = text.partition(":")
    by_rule = {rule.value: rule for rule in Rule if rule is not Rule.SOURCE}
    if text in known:
        return Reference(Rule.SOURCE, (text,))
    rule = by_rule.get(word)
    if rule is None or bool(colon) != (rule is Rule.ADJUDICATED) or (colon and adjudicator not in known):
        words = [*(w for w in by_rule if w != Rule.ADJUDICATED), *(f"{Rule.ADJUDICATED}:{s}" for s in known), *known]
        raise RequestError(f"there is no reference {text!r}{did_you_mean(text, words)}")
    members = [one for one in (panel or [s for s in known if s.startswith(READER)]) if one != adjudicator]
    if not members:
        raise RequestError(f"nobody makes the reference {text!r}: no source begins with {READER!r}; name a panel")
    return Reference(rule, tuple(members), adjudicator or None)


def thresholds_of(words: Sequence[str], known: Sequence[str]) -> dict[str, float]:
    """Source -> threshold from words such as "0.3" (for all) and "model:x=0.7".

    Raises:
        RequestError: a word is no threshold, or names no source.
    """
    thresholds: dict[str, float] = {}
    for word in sorted(words, key=lambda one: "=" in one):
        source, _, text = word.rpartition("=")
        try:
            value = float(text)
        except ValueError:
            raise RequestError(f"threshold {word!r} is no number; expected such as 0.5 or model:x=0.5") from None
        if not 0.0 <= value <= 1.0:
            raise RequestError(f"threshold {word!r} is out of reach; what sources say lies between 0 and 1")
        if source and source not in known:
            raise RequestError(f"threshold {word!r} names no source{did_you_mean(source, known)}")
        thresholds.update(dict.fromkeys([source] if source else known, value))
    return thresholds

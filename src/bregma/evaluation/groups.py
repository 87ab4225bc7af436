"""Which evaluations belong together: the seeds of one recipe, taken as one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bregma.evaluation.evaluation import Evaluation
from bregma.scan.errors import RequestError


@dataclass(frozen=True, slots=True)
class Group:
    """Models that are compared as one, by the mean of their figures.

    Attributes:
        name: what they have in common.
        members: at least one; several are seeds of one recipe.
    """

    name: str
    members: tuple[Evaluation, ...]

    def __post_init__(self) -> None:
        if len({member.recipe_digest for member in self.members}) > 1:
            labels = ", ".join(member.setup.label for member in self.members)
            raise RequestError(
                f"packages of group {self.name!r} come from different recipes ({labels}); "
                "only seeds of one recipe have a mean"
            )

    @property
    def findings(self) -> tuple[str, ...]:
        """What all members answer, in the order of the first."""
        first, *others = (member.scans[0].findings for member in self.members)
        return tuple(finding for finding in first if all(finding in other for other in others))


def alone(evaluations: Sequence[Evaluation]) -> list[Group]:
    """Every evaluation as a group of its own."""
    return [Group(evaluation.setup.label, (evaluation,)) for evaluation in evaluations]


def by_group(evaluations: Sequence[Evaluation]) -> list[Group]:
    """Evaluations with the same `setup.group` together, in the order in which the groups first appear.

    Raises:
        RequestError: a group holds packages of different recipes.
    """
    names = dict.fromkeys(evaluation.setup.group for evaluation in evaluations)
    return [Group(name, tuple(e for e in evaluations if e.setup.group == name)) for name in names]

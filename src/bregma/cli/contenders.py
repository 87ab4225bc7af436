"""The packages of `bregma evaluate`: what each is called, and which are seeds of one recipe."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bregma.evaluation.evaluate import Contender
from bregma.models.manifest import MANIFEST
from bregma.models.package import Package, find_package
from bregma.scan.errors import RequestError

_SEED = re.compile(r"(?P<name>.+)-\d+")
"""`bregma train` is usually told to write its runs to NAME-SEED."""


def contenders_of(asked: Sequence[str], *, grouped: bool) -> list[Contender]:
    """Find packages and give each a name of its own.

    Args:
        asked: names of installed packages, or folders.
        grouped: whether the seeds of a recipe are taken together: runs called NAME-SEED under NAME, other packages
            under their own name.

    Raises:
        PackageError: a folder is no whole package.
        RequestError: there is neither such a package nor such a folder, or a group mixes recipes.
    """
    packages = [find_package(each) for each in asked]
    runs = [run_name(each, package) for each, package in zip(asked, packages, strict=True)]
    names = [package.name for package in packages]
    labels = _distinct(names if len(set(names)) == len(names) else runs)
    groups = [_family(run, package) if grouped else "" for run, package in zip(runs, packages, strict=True)]
    _check_recipes(packages, groups if grouped else labels, labels)
    return [Contender(*parts) for parts in zip(packages, labels, groups, strict=True)]


def _check_recipes(packages: Sequence[Package], groups: Sequence[str], labels: Sequence[str]) -> None:
    """Before hours of reading: only seeds of one recipe have a mean."""
    for group in dict.fromkeys(groups):
        of_group = [place for place, name in enumerate(groups) if name == group]
        if len({packages[place].card.recipe_digest for place in of_group}) > 1:
            names = ", ".join(labels[place] for place in of_group)
            raise RequestError(
                f"group {group!r} mixes packages of different recipes ({names}); only seeds of one recipe have a mean: "
                "name runs NAME-SEED, or leave --group out"
            )


def run_name(asked: str, package: Package) -> str:
    """The folder of the run that a package was trained in, or the package's name when it is installed."""
    folder = Path(asked)
    if not (folder / MANIFEST).is_file():
        return package.name
    folder = folder.resolve()
    return folder.parent.name if folder.name == "package" else folder.name


def _family(run: str, package: Package) -> str:
    match = _SEED.fullmatch(run)
    return match["name"] if match else package.name


def _distinct(labels: Sequence[str]) -> list[str]:
    """The same labels; of those that are alike, the second is "name (2)"."""
    seen: Counter[str] = Counter()
    distinct: list[str] = []
    for label in labels:
        seen[label] += 1
        distinct.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return distinct

"""The network that a recipe describes, with its first weights; one that reads along the scan stands on a finished run.

Letters: C channels, S prepared size, E features.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from bregma.networks.by_name import NETWORKS
from bregma.networks.sequence import SequenceReader
from bregma.scan.errors import RequestError
from bregma.training.checkpoint import BEST, restore_weights
from bregma.training.network_sections import SequenceSection
from bregma.training.recipe import Recipe

RECIPE, IDENTITY = "recipe.json", "run.json"
"""Where a run keeps its recipe, and what else decides it."""

_log = logging.getLogger(__name__)


def make_network(recipe: Recipe, *, seed: int) -> nn.Module:
    """The recipe's network with its first weights, which the seed fixes.

    Raises:
        RequestError: the run that `network.base` names is not there, not finished, or saw other slices than these.
    """
    if isinstance(recipe.network, SequenceSection):
        return _make_reader(recipe, recipe.network, seed)
    torch.manual_seed(seed)
    shape = recipe.network.model_dump(exclude={"name"})
    return NETWORKS[recipe.network.name](
        channels=recipe.preprocessing.settings.channels, findings=len(recipe.findings), **shape
    )


def base_identity(recipe: Recipe, split: str) -> dict[str, str]:
    """What else decides a run: {"base": SHA-256 of the frozen network's file} where there is one, or nothing.

    Args:
        recipe: of the run.
        split: of the run; when the frozen network learned from another one, that is logged.
    """
    if not isinstance(recipe.network, SequenceSection):
        return {}
    folder = _finished(Path(recipe.network.base))
    if (folder / IDENTITY).is_file():
        other = json.loads((folder / IDENTITY).read_text()).get("split")
        if other != split:
            _log.warning(
                "network.base learned from split %r, this run from %r: figures on validation are only honest if none "
                "of its patients taught the frozen network",
                other,
                split,
            )
    return {"base": hashlib.sha256((folder / BEST).read_bytes()).hexdigest()}


def load_slice_network(folder: Path, *, called: str = "network.base") -> tuple[Recipe, nn.Module]:
    """A finished run's recipe and its best network, in evaluation form.

    Args:
        folder: of the run.
        called: what the folder is, for errors.

    Raises:
        RequestError: there is no such run, or its network reads along the scan itself.
    """
    try:
        recipe = Recipe.model_validate_json((_finished(folder, called) / RECIPE).read_bytes())
    except ValidationError as error:
        raise RequestError(
            f"{called} is {str(folder)!r}, whose {RECIPE} is no recipe of this version: {error.errors()[0]['msg']}"
        ) from error
    if recipe.network.sequence:
        raise RequestError(
            f"{called} is {str(folder)!r}, a {recipe.network.name!r} that reads along the scan itself; "
            "expected a network that sees each slice by itself"
        )
    network = make_network(without_first_weights(recipe), seed=0)
    restore_weights(folder / BEST, network)
    return recipe, network.eval()


def _finished(folder: Path, called: str = "network.base") -> Path:
    """The folder, when it holds what a run leaves behind."""
    for name in (RECIPE, BEST):
        if not (folder / name).is_file():
            raise RequestError(
                f"{called} is {str(folder)!r}, which has no {name}; expected the folder of a slice network's run, "
                "as `bregma train` leaves it after its first look at the validation part"
            )
    return folder


def _make_reader(recipe: Recipe, section: SequenceSection, seed: int) -> SequenceReader:
    trained, frozen = load_slice_network(Path(section.base))
    _check_alike(recipe, trained)
    settings = recipe.preprocessing.settings
    with torch.inference_mode():
        features, _ = frozen.look(torch.zeros(1, settings.channels, settings.size, settings.size))  # type: ignore[operator]
    torch.manual_seed(seed)
    return SequenceReader(
        frozen,
        features=features.shape[1],
        findings=len(recipe.findings),
        hidden=section.hidden,
        layers=section.layers,
        dropout=section.dropout,
        reads=section.reads,
    )


def _check_alike(recipe: Recipe, trained: Recipe) -> None:
    """Refuse to show a network other slices than it knows, or to ask it for other findings."""
    here, there = _what_is_shown(recipe), _what_is_shown(trained)
    for key in here:
        if here[key] != there[key]:
            raise RequestError(
                f"recipe {recipe.name!r} has {key} {here[key]!r}, but the network of network.base was trained with "
                f"{there[key]!r}; write that"
            )
    varied = {key: value for key, value in recipe.augmentation.model_dump().items() if value}
    if varied:
        raise RequestError(
            f"recipe {recipe.name!r} has [augmentation] {varied}, but learns from slices that are looked at only once, "
            "as they are; write 0 for each"
        )


def _what_is_shown(recipe: Recipe) -> Mapping[str, Any]:
    settings = asdict(recipe.preprocessing.settings)
    parts = {f"preprocessing.{key}": value for key, value in settings.items()}
    return {"findings": recipe.findings, **parts}


def without_first_weights(recipe: Recipe) -> Recipe:
    """The recipe for a network whose weights are replaced at once: its first ones need not be looked for."""
    if "weights" not in type(recipe.network).model_fields:
        return recipe
    return recipe.model_copy(update={"network": recipe.network.model_copy(update={"weights": "random"})})

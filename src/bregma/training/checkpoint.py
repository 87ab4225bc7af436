"""The state of a run, saved whole and restored whole; a file is there whole or not at all.

Nothing is unpickled: files are read with torch's weights-only reader, which knows tensors and plain values and nothing
that could run.
"""

from __future__ import annotations

import math
import os
import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from pickle import UnpicklingError  # what torch's weights-only reader raises; nothing is unpickled
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from bregma.scan.errors import RequestError
from bregma.training.learned import Learned

LAST, BEST = "last.pt", "best.pt"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands; with the seed, this is all of the data's random state (see sampling).

    Attributes:
        epoch: from 0.
        step: steps of this epoch that are done.
        loss: sum of their losses.
        best: best validation figure so far, higher is better; None before the first.
        right: pairs of a slice and a finding that were answered rightly in them.
        asked: all of those pairs.
    """

    epoch: int = 0
    step: int = 0
    loss: float = 0.0
    best: float | None = None
    right: int = 0
    asked: int = 0

    def after(self, step: int, learned: Learned) -> Position:
        """The position after one more step."""
        return replace(
            self,
            step=step,
            loss=self.loss + learned.loss,
            right=self.right + learned.right,
            asked=self.asked + learned.asked,
        )

    @property
    def accuracy(self) -> float:
        """Share of the slices' answers of this epoch that were right; NaN where no slice was known."""
        return self.right / self.asked if self.asked else math.nan


def save_state(path: Path, *, network: nn.Module, optimizer: Optimizer, position: Position) -> None:
    """Everything that decides how the run goes on: weights, optimiser, position, torch's random states."""
    state = {
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "position": asdict(position),
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    _save_whole(path, state)


def restore_state(path: Path, *, network: nn.Module, optimizer: Optimizer) -> Position:
    """Put a saved state back; the position says where to go on.

    Raises:
        RequestError: the file is damaged or of another network.
    """
    state = _load(path)
    try:
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        if state["random_cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(state["random_cuda"])
        return Position(**state["position"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RequestError(f"{path.name} does not fit this run ({error}); start another run folder") from error


def save_weights(path: Path, network: nn.Module) -> None:
    """The weights alone, for the package."""
    _save_whole(path, {"network": network.state_dict()})


def restore_weights(path: Path, network: nn.Module) -> None:
    """Undo `save_weights`.

    Raises:
        RequestError: the file is damaged or of another network.
    """
    try:
        network.load_state_dict(_load(path)["network"])
    except (KeyError, RuntimeError) as error:
        raise RequestError(f"{path.name} does not fit this network ({error}); start another run folder") from error


def write_whole(path: Path, content: bytes) -> None:
    """A small file, whole or not at all, also after a power cut."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _into_place(part, path)


def _save_whole(path: Path, state: dict[str, Any]) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    _into_place(part, path)


def _into_place(part: Path, path: Path) -> None:
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _load(path: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # torch only warns of files that are none of its own
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, UserWarning, UnpicklingError) as error:
        raise RequestError(
            f"{path.name} cannot be read ({error.__class__.__name__}); the file is damaged: start another run folder"
        ) from error
    return state

"""A program that trains in children which kill themselves with -9, and begins them anew until they finish.

Children are forked after the imports and before any arithmetic, so that twenty of them cost seconds.
Usage: killed_runs.py FOLDER KILLS; prints one line per finished run: "<name> <times killed>".
"""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils import tensorboard

from bregma.evaluation.ranking import rank
from bregma.training import checkpoint, loop
from bregma.training.recipe import load_recipe
from bregma.training.train import Run, prepare_job
from conftest import TINY, DrawnLibrary

EPOCHS = 4
RECIPE = load_recipe("radnet", {**TINY, "optimizer.epochs": EPOCHS, "network.dropout": 0.3})


def train_whole(root: Path) -> None:
    run = root / "run"
    run.mkdir(parents=True, exist_ok=True)
    loop.fit(prepare_job(RECIPE, DrawnLibrary(root), Run(run, device="cpu", threads=1)))


def dying(act: Any, rng: random.Random, chance: float, *, after: bool) -> Any:
    """`act`, but sometimes the process is killed just before or just after it."""

    def acting(*arguments: Any) -> Any:
        dies = rng.random() < chance
        value = act(*arguments) if after or not dies else None
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    return acting


def survives(root: Path, seed: int, chance: float) -> bool:
    """Train in a child; whether it came to the end."""
    child = os.fork()
    if child == 0:
        rng = random.Random(seed)
        loop.learn = dying(loop.learn, rng, chance, after=True)
        checkpoint._into_place = dying(checkpoint._into_place, rng, chance / 3, after=False)
        try:
            train_whole(root)
        except Exception as error:  # noqa: BLE001  # said by the exit status
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


def warm_up() -> None:
    """Import what torch imports late, or each child would take its ten seconds for it."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    torch.optim.SGD([parameter], lr=0.1).step()
    tensorboard.SummaryWriter  # noqa: B018
    rank(np.zeros(2), np.array([True, False]))


if __name__ == "__main__":
    warm_up()
    folder, wanted = Path(sys.argv[1]), int(sys.argv[2])
    assert survives(folder / "whole", seed=0, chance=0.0)
    print("whole 0", flush=True)
    kills = attempts = runs = 0
    while kills < wanted:
        runs, here = runs + 1, 0
        while not survives(folder / f"broken{runs}", seed=(attempts := attempts + 1), chance=0.2):
            here += 1
        kills += here
        print(f"broken{runs} {here}", flush=True)

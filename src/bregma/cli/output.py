"""Where commands print: results to stdout, progress and errors to stderr. rich is imported at the first print."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

Progress = Callable[[int, int], None]


@cache
def console() -> Console:
    """Where results go: stdout."""
    from rich.console import Console

    return Console(soft_wrap=False)


@cache
def wide_console() -> Console:
    """Where tables with UIDs go: stdout, with lines as long as they are, so that a UID can be copied."""
    from rich.console import Console

    return Console(width=1000)


@cache
def errors() -> Console:
    """Where refusals, errors and progress go: stderr."""
    from rich.console import Console

    return Console(stderr=True)


def print_error(sentence: str) -> None:
    """Say in one line why a command stops."""
    errors().print("error:", style="bold red", end=" ")
    errors().print(sentence, highlight=False, markup=False, soft_wrap=True)


def print_hint(sentence: str) -> None:
    """Say in one line, beside the results, what may explain them."""
    errors().print(f"note: {sentence}", highlight=False, markup=False, soft_wrap=True)


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """A bar on stderr with time left, if a person is looking; the callback takes (done, total)."""
    with progress_bars(title) as (show,):
        yield show


@contextlib.contextmanager
def progress_bars(*titles: str) -> Iterator[tuple[Progress, ...]]:
    """`progress_bar` for stages that follow one another; each bar but the first appears when its stage begins."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=errors(), disable=not errors().is_terminal) as bar:
        tasks = [bar.add_task(title, total=None, visible=title is titles[0]) for title in titles]

        def shower(task: TaskID) -> Progress:
            return lambda done, total: bar.update(task, completed=done, total=total, visible=True)

        yield tuple(shower(task) for task in tasks)

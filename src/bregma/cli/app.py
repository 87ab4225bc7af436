"""The program `bregma`: its verbs, its exit codes and how it says that something is wrong.

Exit codes: 0 everything asked for was done; 1 some inputs were refused, or a check failed; 2 the request itself was
wrong, or a place cannot be read or written. Ctrl-C ends a command with 130; what it had reported as done is done.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from bregma import __version__
from bregma.cli import (
    compare,
    demo,
    doctor,
    evaluate,
    index,
    library,
    models,
    phantom,
    read,
    readers,
    similar,
    split,
    train,
    worklist,
)
from bregma.cli.output import print_error
from bregma.scan.errors import BregmaError, StoppedError, not_written

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""

app = typer.Typer(
    name="bregma",
    help="Reads head scans: bleeds per slice, per scan and per lesion. Not a medical device.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bregma {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[  # noqa: ARG001 - read by its callback
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log what is done, step by step, to stderr.")] = False,
) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )


for module in (
    demo,
    read,
    library,
    split,
    train,
    evaluate,
    compare,
    readers,
    worklist,
    index,
    similar,
    phantom,
    doctor,
):
    module.add_to(app)
app.add_typer(models.app, name="models")


def main() -> None:
    """Run the program; what goes wrong is one sentence, never a traceback."""
    try:
        app()
    except BregmaError as error:
        print_error(str(error))
        sys.exit(INTERRUPTED if isinstance(error, StoppedError) else 2)
    except OSError as error:
        name = f"{Path(error.filename).name!r}" if isinstance(error.filename, str) else "a file"
        print_error(not_written(name, error))
        sys.exit(2)
    except SystemExit as stopped:
        if stopped.code == INTERRUPTED:
            print_error("stopped; what was reported as done is done")
        raise

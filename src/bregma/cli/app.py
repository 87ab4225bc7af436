"""The program `bregma`: its verbs, its exit codes and how it says that something is wrong.

Exit codes: 0 everything asked for was done; 1 some inputs were refused, or a check failed; 2 the request itself was
wrong. Ctrl-C ends a command with 1; what it had reported as done is done.
"""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from bregma import __version__
from bregma.cli import demo, doctor, evaluate, library, models, phantom, read, train
from bregma.cli.output import errors
from bregma.scan.errors import BregmaError

app = typer.Typer(
    name="bregma",
    help="Reads head scans: bleeds per slice, per scan and per lesion. Not a medical device.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
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


for module in (demo, read, library, train, evaluate, phantom, doctor):
    module.add_to(app)
app.add_typer(models.app, name="models")


def main() -> None:
    """Run the program; errors of the family BregmaError are one sentence, never a traceback."""
    try:
        app()
    except BregmaError as error:
        errors.print(f"[bold red]error:[/] {_plain(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")

"""`bregma index`: lesions as vectors in an index, to be found again by `bregma similar`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bregma.cli.library import UrlOption
from bregma.cli.output import console, print_error, progress_bar
from bregma.cli.tumour_ties import warn_of_ties
from bregma.scan.counted import counted
from bregma.scan.errors import LibraryError, RefusedError, RequestError

if TYPE_CHECKING:
    from bregma.catalogue.library import Library
    from bregma.cli.indexers import Indexer, Lesions
    from bregma.retrieval.index import Index

    Source = Callable[[], Lesions]

IndexArgument = Annotated[Path, typer.Argument(help="The index's folder.")]

index_app = typer.Typer(help="Keep lesions as vectors, to be found again.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(index_app, name="index")


@index_app.command()
def add(
    index: Annotated[Path, typer.Argument(help="The index's folder; made if there is none.")],
    *,
    model: Annotated[Path, typer.Option("--model", "-m", help="The package that makes the vectors.")],
    library: Annotated[Path | None, typer.Option("--library", "-L", help="Take its outlined lesions.")] = None,
    url: UrlOption = None,
    scan: Annotated[list[str] | None, typer.Option(help="Only this series of the library; repeatable.")] = None,
    path: Annotated[Path | None, typer.Option(help="Take one scan from a path instead; needs --mask.")] = None,
    mask: Annotated[Path | None, typer.Option(help="NIfTI mask of the lesion in that scan.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="What it is: type=meningioma; repeatable.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Scans that are there already, again.")] = False,
    form: Annotated[str, typer.Option(help="Of a new index: float32, pairs16 or int8.")] = "float32",
) -> None:
    """Bring lesions into an index. What is there is passed over, so that a stopped run goes on when called again.

    Exit code 1 when scans could not be used.

    Example: `bregma index add tumours.index --library lib --model tumour-package`
    """
    from bregma.catalogue.library import Library
    from bregma.cli.indexers import indexer_of

    if (library is None) == (path is None) or (path is None) != (mask is None):
        raise RequestError("give either --library, or --path with --mask")
    indexer = indexer_of(model)
    opened = _open_or_create(index, indexer, form)
    with Library.open(library, url=url) if library is not None else nullcontext() as held:
        sources: list[Source]
        if held is not None:
            chosen = _chosen(held, indexer, scan, opened, replace=replace)
            sources = [partial(indexer.of_series, held, uid) for uid in chosen]
        elif path is not None and mask is not None:
            sources = [partial(indexer.of_path, path, mask, _said(label or []))]
        wrong = _bring(opened, indexer, sources, replace=replace)
        if held is not None:
            here = opened.cases() & {record.series_uid for record in held.scans()}
            warn_of_ties(held, here, "add with --replace")
    opened.compact()
    console().print(f"{counted(len(opened), 'lesion')} of {counted(len(opened.cases()), 'scan')} in {index.name}")
    if wrong:
        raise typer.Exit(1)


@index_app.command()
def delete(
    index: IndexArgument,
    case: Annotated[list[str], typer.Argument(help="Series UIDs whose lesions go.")],
    *,
    number: Annotated[int | None, typer.Option(help="Only this lesion of each.")] = None,
) -> None:
    """Take lesions out of an index. Exit code 1 when one of the scans has none in it.

    Example: `bregma index delete tumours.index 1.2.840.1`
    """
    from bregma.retrieval.index import Index

    opened = Index.open(index)
    gone = {one: opened.delete(one, number) for one in case}
    console().print(f"{counted(sum(gone.values()), 'lesion')} deleted, {len(opened)} left")
    if absent := [one for one, count in gone.items() if not count]:
        print_error(f"nothing of {', '.join(absent)} is in {index.name!r}")
        raise typer.Exit(1)


@index_app.command()
def show(
    index: IndexArgument,
    *,
    check: Annotated[bool, typer.Option("--check", help="Read everything and compare it with its checksums.")] = False,
) -> None:
    """Say what an index holds: the package of its vectors, lesions, patients, labels.

    Example: `bregma index show tumours.index --check`
    """
    from bregma.retrieval.index import Index

    opened = Index.open(index)
    entries = opened.entries()
    patients, cases = {one.patient for one in entries}, {one.case for one in entries}
    lines = [
        f"package    {opened.manifest.facts.get('package', '')} {opened.manifest.digest[:16]}",
        f"vectors    {opened.manifest.width} wide, scanned as {opened.manifest.form}",
        f"lesions    {len(entries)} of {counted(len(cases), 'scan')} of {counted(len(patients), 'patient')}",
    ]
    for criterion in sorted({name for one in entries for name in one.labels}):
        terms = Counter(one.labels[criterion] for one in entries if criterion in one.labels)
        known = ", ".join(f"{term} {count}" for term, count in terms.most_common())
        lines.append(f"{criterion:10} {known}; unknown {len(entries) - terms.total()}")
    if check:
        opened.check()
        lines.append("checked    as it was written")
    console().print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _open_or_create(folder: Path, indexer: Indexer, form: str) -> Index:
    from bregma.retrieval.index import Index
    from bregma.retrieval.manifest import NAME

    if (folder / NAME).exists():
        return Index.open(folder, digest=indexer.digest)
    facts = {"package": indexer.name}
    return Index.create(folder, digest=indexer.digest, width=indexer.width, form=form, facts=facts)


def _chosen(
    library: Library, indexer: Indexer, wanted: Sequence[str] | None, index: Index, *, replace: bool
) -> list[str]:
    """The series to bring in, in order of their UIDs."""
    there = indexer.series(library)
    if unknown := sorted(set(wanted or ()) - set(there)):
        raise RequestError(f"series {unknown[0]} has no outlined lesions in the library")
    known = set() if replace else index.cases()
    return [uid for uid in there if (not wanted or uid in wanted) and uid not in known]


def _bring(index: Index, indexer: Indexer, sources: Sequence[Source], *, replace: bool) -> int:
    """Embed scan after scan; each is on the disk before the next begins. Returns how many could not be used."""
    wrong = 0
    with progress_bar("embedding") as progress:
        for done, source in enumerate(sources):
            progress(done, len(sources))
            try:
                vectors, entries = source()
                (index.replace if replace else index.add)(vectors, entries, digest=indexer.digest)
            except (LibraryError, RefusedError) as error:
                print_error(str(error))
                wrong += 1
        progress(len(sources), len(sources))
    return wrong


def _said(labels: Iterable[str]) -> dict[str, str]:
    """Labels as a person writes them: "type=meningioma"."""
    said = dict[str, str]()
    for text in labels:
        name, equals, term = text.partition("=")
        if not equals:
            raise RequestError(f"--label {text!r} is no label; expected CRITERION=TERM, such as type=meningioma")
        said[name.strip()] = term.strip()
    return said

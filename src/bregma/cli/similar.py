"""`bregma similar`: which earlier cases look like this one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bregma.cli.library import UrlOption
from bregma.cli.output import console, print_hint, wide_console
from bregma.cli.targets import check_targets
from bregma.scan.errors import BregmaError, RequestError
from bregma.scan.study import MR

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bregma.catalogue.library import Library
    from bregma.report.gallery import See, Seen
    from bregma.report.similar_contract import Answer
    from bregma.retrieval.entry import Entry
    from bregma.retrieval.index import Index
    from bregma.retrieval.where import Where
    from bregma.scan.tumour import TumourScan, VoxelBox

    Vector = NDArray[np.float32]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(similar)


def similar(
    what: Annotated[str, typer.Argument(help="A series UID of the index, or the path of a scan.")],
    *,
    index: Annotated[Path, typer.Option(help="Where to look; see bregma index.")],
    model: Annotated[Path | None, typer.Option("--model", "-m", help="The index's package; needed for a path.")] = None,
    box: Annotated[
        str | None, typer.Option(metavar="Z0,Y0,X0,Z1,Y1,X1", help="The lesion in a path's scan; ends are not in it.")
    ] = None,
    mask: Annotated[Path | None, typer.Option(help="The lesion in a path's scan, as a NIfTI mask.")] = None,
    number: Annotated[int | None, typer.Option(help="Only this lesion of the series.")] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="Only hits like type=meningioma or longest_mm=10..30; repeatable.")
    ] = None,
    per_patient: Annotated[bool, typer.Option("--per-patient", help="Only the nearest of each patient.")] = False,
    own_patient: Annotated[
        bool, typer.Option("--own-patient", help="Other scans of the same patient may be hits.")
    ] = False,
    top: Annotated[int, typer.Option(min=1, help="At most so many hits.")] = 10,
    library: Annotated[Path | None, typer.Option("--library", "-L", help="Whose pixels the gallery shows.")] = None,
    url: UrlOption = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write the answer as how-to/similar.md says.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a gallery: query and hits side by side.")] = None,
) -> None:
    """Find the cases most like a lesion, nearest first; none of the same series, nor of its patient unless asked.

    Examples: `bregma similar 1.2.840.1 --index tumours.index --where type=meningioma --per-patient`;
    `bregma similar scan.nii.gz --box 10,60,80,18,90,110 --index tumours.index --model package --html similar.html`
    """
    from bregma.report.contract import write_json
    from bregma.report.gallery import write_gallery
    from bregma.report.similar_contract import Answer, similar_document
    from bregma.retrieval.index import Index
    from bregma.retrieval.where import parse_where

    check_targets(files=[json, html])
    conditions, opened = parse_where(where or []), Index.open(index)
    scan = _pointed_at(Path(what), box, mask, model) if Path(what).exists() else None
    if scan is None and (box or mask):
        raise RequestError(f"there is nothing at {what!r}; --box and --mask belong to the path of a scan")
    asked = _from_index(opened, what, number) if scan is None else _embedded(opened, scan, model)
    answers = []
    for entry, vector in asked:
        found = opened.search(
            vector,
            patient=entry.patient,
            case=entry.case,
            top=top,
            where=conditions,
            per_patient=per_patient,
            own_patient=own_patient,
        )
        answers.append(Answer(entry, tuple(found)))
    _print(answers)
    if not any(answer.matches for answer in answers):
        _say_why_nothing(opened, conditions)
    if json is not None:
        write_json(json, similar_document(opened, answers))
    if html is not None:
        write_gallery(html, answers, _see(scan, library, url))
        console().print(f"  page: {html}", highlight=False, soft_wrap=True)


def box_of(text: str) -> VoxelBox:
    """A box as a person writes it.

    Raises:
        RequestError: it is none.
    """
    from bregma.scan.tumour import VoxelBox

    try:
        numbers = [int(part) for part in text.split(",")]
        z0, y0, x0, z1, y1, x1 = numbers
    except ValueError as error:
        raise RequestError(
            f"--box {text!r} is no box; expected six whole numbers, first slice, row and column, then their ends"
        ) from error
    return VoxelBox((z0, y0, x0), (z1, y1, x1))


def _pointed_at(path: Path, box: str | None, mask: Path | None, model: Path | None) -> TumourScan:
    from bregma.cli.tumour_inputs import drawn_scan, one_scan
    from bregma.models.anatomy_installed import is_anatomy_folder

    if model is not None and is_anatomy_folder(model):
        raise RequestError(
            f"{model.name!r} is a package of places; ask about bleeds with bregma read {path.name} "
            f"--anatomy {model.name} --similar INDEX, and add --region FILE for one that you drew"
        )
    if (box is None) == (mask is None):
        raise RequestError(f"where is the lesion in {path.name!r}? give either --box or --mask")
    return drawn_scan(one_scan(path), box=None if box is None else box_of(box), mask=mask)


def _from_index(index: Index, case: str, number: int | None) -> list[tuple[Entry, Vector]]:
    """The lesions of a case with their vectors."""
    entries = [entry for entry in index.entries(case) if number in (None, entry.number)]
    if not entries:
        which = "" if number is None else f" with number {number}"
        raise RequestError(
            f"{case!r} is neither a path nor a series{which} in index {index.folder.name!r}; check it, or add the scan"
        )
    return [(entry, index.vector(*entry.key)) for entry in entries]


def _embedded(index: Index, scan: TumourScan, model: Path | None) -> list[tuple[Entry, Vector]]:
    """The lesions of a scan from outside, turned into vectors by the index's package."""
    from bregma.cli.tumour_inputs import embedder_of
    from bregma.retrieval.measure import entries_of

    if model is None:
        raise RequestError("a scan from a path needs the package that made the index: add --model FOLDER")
    embedder = embedder_of(model)
    index.demand(embedder.digest)
    entries = entries_of(scan, modality="MR")
    vectors = embedder.embed(scan.volume, [entry.box for entry in entries])
    return list(zip(entries, vectors, strict=True))


def _see(scan: TumourScan | None, folder: Path | None, url: str | None) -> See:
    """Finds the slice of an entry: in the scan asked about, or in a library."""
    from bregma.catalogue.library import Library

    library = None if folder is None else Library.open(folder, url=url)

    def see(entry: Entry) -> Seen | None:
        if scan is not None and entry.case == scan.series_uid:
            return _slice(scan, entry)
        return None if library is None else _in_library(library, entry)

    return see


def _in_library(library: Library, entry: Entry) -> Seen | None:
    """What a library shows of an entry; None when it does not have it any more."""
    from bregma.cli.tumour_inputs import outlined_scan

    with suppress(BregmaError):
        return _slice(outlined_scan(library, entry.case), entry)
    with suppress(BregmaError):
        return None if entry.modality == MR else _bleed(library, entry)
    return None


def _bleed(library: Library, entry: Entry) -> Seen:
    """A slice of a CT in the brain window, with what was outlined within the lesion's box."""
    import numpy as np

    from bregma.preprocessing.window import PRESETS
    from bregma.report.gallery import Seen

    window = PRESETS["brain"]
    place, at = library.scan(entry.case).geometry, entry.best_slice
    whole, box = library.mask(entry.case), entry.box
    mask = None
    if whole is not None:
        inside = slice(box.start[1], box.stop[1]), slice(box.start[2], box.stop[2])
        mask = np.zeros(whole.shape[1:], bool)
        mask[inside] = whole[at][inside]
    values = np.clip(library.slice_values(entry.case, at), window.low, window.high)
    return Seen(values, mask, (1.0, 1.0) if place is None else place.pixel_mm)


def _slice(scan: TumourScan, entry: Entry) -> Seen:
    from bregma.report.gallery import Seen

    place = scan.volume.geometry
    mask = scan.map[entry.best_slice] == entry.number
    pixel_mm = (1.0, 1.0) if place is None else place.pixel_mm
    return Seen(scan.volume.values[entry.best_slice], mask, pixel_mm)


def _print(answers: list[Answer]) -> None:
    from rich.table import Table

    for answer in answers:
        title = f"like {answer.asked.number} of {answer.asked.case}"
        columns = ("", "distance", "labels", "mm", "date", "patient", "case")
        table = Table(*columns, title=title, title_justify="left", box=None, pad_edge=False)
        for rank, match in enumerate(answer.matches, start=1):
            one = match.entry
            labels = ", ".join(term for _, term in sorted(one.labels.items())) or "-"
            size = "-" if one.longest_mm is None else f"{one.longest_mm:.0f}"
            words = (str(rank), f"{match.distance:.3f}", labels, size, one.date or "-", one.patient)
            table.add_row(*words, f"{one.case} / {one.number}")
        wide_console().print(table)


def _say_why_nothing(index: Index, conditions: Where) -> None:
    """A word that no lesion of the index has is likely mistyped; it is no error, since a later lesion may have it."""
    from bregma.scan.errors import did_you_mean

    said = index.words()
    for name, terms in conditions.words.items():
        if name not in said:
            print_hint(f"the index says nothing of {name!r}{did_you_mean(name, said)}")
        for term in sorted(terms - said.get(name, terms)):
            print_hint(f"no lesion of the index has {name}={term}{did_you_mean(term, said[name])}")
    print_hint("no other lesion in the index meets the conditions")

"""The one warning about lesions of which sources contradict each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bregma.cli.output import errors
from bregma.scan.counted import counted

if TYPE_CHECKING:
    from bregma.catalogue.library import Library


def warn_of_ties(library: Library, series_uids: Iterable[str], remedy: str) -> None:
    """Say how many labels are kept as unknown because as many sources say one thing as another; nothing if none.

    Args:
        library: whose labels they are.
        series_uids: of scans in it.
        remedy: what the user is to do, once the table of one source is right and imported again.
    """
    from bregma.catalogue.tumour_votes import contested, votes

    ties = [(uid, tie) for uid in sorted(series_uids) for tie in contested(votes(library.labels(uid)))]
    if ties:
        errors().print(
            f"warning: sources contradict each other on {counted(len(ties), 'label')}, first in series {ties[0][0]}, "
            f"{ties[0][1]}; kept as unknown: correct the table of one source, import it again, then {remedy}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )

"""What was offered to a library and not taken, kept as rows."""

from __future__ import annotations

import hashlib
import json

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bregma.catalogue.library import Library
from bregma.catalogue.tables import RefusalRow
from bregma.scan.study import Refusal


def keep_refusal(library: Library, refusal: Refusal) -> None:
    """A refusal as a row, once, however often the file is offered."""
    about = json.dumps([refusal.code, refusal.series_uid, sorted(refusal.files)])
    key = hashlib.sha256(about.encode()).hexdigest()
    row = RefusalRow(
        key=key,
        code=refusal.code,
        reason=refusal.reason,
        files=list(refusal.files),
        series_uid=refusal.series_uid,
    )
    try:
        with Session(library.engine.execution_options(writes=True)) as session, session.begin():
            if session.scalar(select(RefusalRow.id).where(RefusalRow.key == key)) is None:
                session.add(row)
    except IntegrityError:  # another import has just written the same row
        pass

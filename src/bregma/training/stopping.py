"""Ending a run cleanly: the first Ctrl-C or SIGTERM asks, the loop answers after the step it is at."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSign:
    """While it is open, signals only set `raised`; a second one ends the program at once.

    Attributes:
        raised: whether somebody asked to stop.
    """

    def __init__(self) -> None:
        self.raised = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        # Python gives signals to the main thread only; elsewhere whoever started the thread handles them.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._put_back()

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.raised = True
        self._put_back()

    def _put_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal gave us
        self._before = {}

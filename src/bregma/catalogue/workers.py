"""Workers for an import: a few processes, few scans in flight, and none outlives the parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2
"""Items in flight per worker: one being read, one waiting, so that memory stays flat."""


@dataclass(frozen=True, slots=True)
class Work(Generic[Item, Result]):
    """What is done with each item.

    Attributes:
        ready: the result, if this process knows it without any work; else None.
        do: the work, in a worker; picklable.
        crashed: the result for an item that twice killed its process (a decoder's segmentation fault, say).
    """

    ready: Callable[[Item], Result | None]
    do: Callable[[Item], Result]
    crashed: Callable[[Item], Result]

    def here(self, item: Item) -> Result:
        """The result, made in this process."""
        known = self.ready(item)
        return self.do(item) if known is None else known


def in_order(items: Iterable[Item], work: Work[Item, Result], *, workers: int) -> Iterator[Result]:
    """One result per item, in order, by several processes.

    Args:
        items: taken as they are needed, never all at once.
        work: what is done with each.
        workers: how many processes; 1 is this process.
    """
    if workers <= 1:
        yield from map(work.here, items)
        return
    pending = iter(items)
    while True:
        lost: list[tuple[Item, Future[Result]]] = []
        yield from _until_broken(pending, work, workers, lost)
        if not lost:
            return
        yield from _one_by_one(lost, work)


def _until_broken(
    pending: Iterator[Item], work: Work[Item, Result], workers: int, lost: list[tuple[Item, Future[Result]]]
) -> Iterator[Result]:
    """Results until the items end or a worker dies; then `lost` holds what was in flight."""
    flight: deque[tuple[Item, Future[Result]]] = deque()
    pool = _pool(workers)
    try:
        while True:
            while len(flight) < workers * AHEAD and (item := next(pending, None)) is not None:
                flight.append((item, Future()))
                flight[-1] = (item, _submit(pool, item, work))
            if not flight:
                return
            result = flight[0][1].result()
            flight.popleft()
            yield result
    except BrokenProcessPool:
        lost.extend(flight)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, item: Item, work: Work[Item, Result]) -> Future[Result]:
    known = work.ready(item)
    if known is None:
        with _interrupts_held():
            return pool.submit(work.do, item)
    future: Future[Result] = Future()
    future.set_result(known)
    return future


def _succeeded(future: Future[Result]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _one_by_one(lost: list[tuple[Item, Future[Result]]], work: Work[Item, Result]) -> Iterator[Result]:
    """Results of what was in flight when a worker died: whoever dies alone is the culprit."""
    pool = _pool(1)
    try:
        for item, future in lost:
            if _succeeded(future):
                yield future.result()
                continue
            try:
                with _interrupts_held():
                    running = pool.submit(work.do, item)
                result = running.result()
            except BrokenProcessPool:
                result = work.crashed(item)
                pool.shutdown()
                pool = _pool(1)
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _pool(workers: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")  # a forked child would share database connections and threads
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits, and processes started in here are born deaf to it: none spills a trace while it still starts."""
    resource_tracker.ensure_running()  # now, since starting it lifts the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)

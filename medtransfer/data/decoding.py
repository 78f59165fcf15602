"""Many cases read and prepared in order, in this process or in several."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.core.errors import ReadError
from medtransfer.data.ledger import LedgerRow, after
from medtransfer.data.outcome import Outcome, prepared_item


@dataclass(frozen=True, kw_only=True)
class Case:
    """What one row of a cohort asks for.

    Attributes:
        place: File, member of an archive, or folder with one series.
        series: SeriesInstanceUID, where the place holds several.
        part: Which part of the series.
    """

    place: Path
    series: str = ""
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class How:
    """Settings that all cases share."""

    preprocess: PreprocessConfig
    read: ReadConfig


def outcomes(cases: Sequence[Case], how: How, *, workers: int = 1) -> Iterator[Outcome]:
    """What became of each case, in their order; at most two a worker are held at a time.

    A worker that dies (out of memory, say) costs the case that it died of: `WorkerDied`.
    """
    if workers <= 1:
        for case in cases:
            yield outcome(case, how)
        return
    done = 0
    while done < len(cases):
        try:
            for found in _in_workers(cases[done:], how, workers):
                done += 1
                yield found
        except BrokenProcessPool:
            yield _alone(cases[done], how)
            done += 1


def outcome(case: Case, how: How) -> Outcome:
    """What became of one case."""
    return prepared_item(case.place, preprocess=how.preprocess, settings=how.read, series=case.series, part=case.part)


def _in_workers(cases: Sequence[Case], how: How, workers: int) -> Iterator[Outcome]:
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        waiting: deque[Future[Outcome]] = deque()
        for case in cases:
            waiting.append(pool.submit(outcome, case, how))
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _alone(case: Case, how: How) -> Outcome:
    """The first case without an answer, in a process of its own: it may be another one that the pool died of."""
    try:
        return next(_in_workers([case], how, 1))
    except BrokenProcessPool:
        error = ReadError(
            "the process that read it died",
            code="WorkerDied",
            path=case.place,
            hint="It may need more memory than there is: use fewer workers, or leave it out.",
            stage="pixels",
        )
        return Outcome(prepared=None, row=after(LedgerRow(path=str(case.place)), error))

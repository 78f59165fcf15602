"""Progress on standard error, so that standard output stays clean for results.

On a terminal a bar; elsewhere (a log, a queue of jobs) one line every half minute. Time to go follows the pace of the
last minutes, and not that of the start, so that a run that goes on where it stopped, or slows down, tells no tales.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

WINDOW: Final = 300.0
"""Seconds over which the pace is taken."""

_EVERY: Final = 30.0
_SAMPLES: Final = 1000


@runtime_checkable
class Advance(Protocol):
    """Move on by `steps`, with a short note beside it."""

    def __call__(self, steps: int = 1, note: str = "") -> None:
        """Move on."""


class Pace:
    """Steps a second over the last `WINDOW` seconds, or at least over the last step.

        v = (n_now − n_then) / (t_now − t_then)

    Args:
        done: Steps that were done before, by another run say.
        now: When this one starts, in seconds of any clock.
    """

    def __init__(self, *, done: int, now: float) -> None:
        self._seen = deque([(now, done)], maxlen=_SAMPLES)

    def at(self, done: int, now: float) -> None:
        """So many steps are done by now."""
        while len(self._seen) > 1 and self._seen[1][0] <= now - WINDOW:
            self._seen.popleft()
        self._seen.append((now, done))

    def to_go(self, left: int) -> timedelta | None:
        """How long the steps that are left will take; None where nobody can know."""
        (then, before), (now, done) = self._seen[0], self._seen[-1]
        if done <= before or now <= then:
            return None
        return timedelta(seconds=round(left * (now - then) / (done - before)))


@contextmanager
def progress_bar(description: str, total: int, *, done: int = 0, quiet: bool = True) -> Iterator[Advance]:
    """Show how far `total` steps have got, and the time to go; nothing at all where `quiet`.

    Args:
        description: What is being done.
        total: Steps in all.
        done: Those of them that were done before.
        quiet: Show nothing.
    """
    if quiet:
        yield _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (  # narrow enough for a note of three or four terms on 80 characters
        TextColumn("{task.description:<14}"),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[note]}"),
    )
    console = Console(stderr=True)
    say = _silent if console.is_terminal else _lines(console, description, total, done)
    with Progress(*columns, console=console, speed_estimate_period=WINDOW) as bars:
        task = bars.add_task(description, total=total, completed=done, note="")

        def advance(steps: int = 1, note: str = "") -> None:
            bars.advance(task, steps)
            if note:
                bars.update(task, note=note)
            say(steps, note)

        yield advance


def _lines(console: Console, description: str, total: int, done: int) -> Advance:
    """A line now and then; nothing on what takes less than half a minute."""
    said = time.monotonic()
    pace = Pace(done=done, now=said)

    def advance(steps: int = 1, note: str = "") -> None:
        nonlocal done, said
        done += steps
        now = time.monotonic()
        pace.at(done, now)
        if now - said >= _EVERY:
            said, left = now, pace.to_go(total - done)
            parts = (f"{description}: {done:,} of {total:,}", note, f"{left} to go" if left is not None else "")
            console.print(", ".join(part for part in parts if part), highlight=False, markup=False, soft_wrap=True)

    return advance


def _silent(steps: int = 1, note: str = "") -> None:
    del steps, note

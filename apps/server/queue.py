"""The inference queue: work is done one at a time, outside the script threads, and the same work only once.

A job is known by its key, which holds the digests of all that it depends on (bundle and study), so that an answer can
never be another study's. Answers of the last jobs are kept; what failed is forgotten, and tried anew when asked again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Final, Generic, Literal, TypeVar, cast

import medtransfer as mt

T = TypeVar("T")

State = Literal["waiting", "running", "done", "failed"]

MOST_WAITING: Final = 32
"""Jobs that may wait; whoever comes then is told to come back."""

MOST_KEPT: Final = 64
"""Answers that are kept."""


class BusyError(mt.MedTransferError):
    """The queue is full: nothing was done."""

    exit_code = 2


class Job(Generic[T]):
    """One piece of work, which several sessions may wait for."""

    def __init__(self, key: str, work: Callable[[], T], queue: Queue) -> None:
        self.key = key
        self.state: State = "waiting"
        self._work, self._queue = work, queue
        self._done = threading.Event()
        self._found: T | None = None
        self._error: BaseException | None = None

    @property
    def position(self) -> int:
        """How many jobs come first; 0 once it runs, and afterwards."""
        return self._queue.ahead_of(self)

    def result(self, timeout: float | None = None) -> T:
        """The answer; waits for it.

        Raises:
            TimeoutError: It is not there within `timeout` seconds.
            Exception: What the work raised.
        """
        if not self._done.wait(timeout):
            msg = "the work is not done yet"
            raise TimeoutError(msg)
        if self._error is not None:
            raise self._error
        return cast("T", self._found)

    def run(self) -> None:
        """Do the work; for the queue's worker only."""
        try:
            self._found = self._work()
            self.state = "done"
        except BaseException as error:  # noqa: BLE001 the worker has to live; who waits gets the error
            self._error, self.state = error, "failed"
        del self._work
        self._done.set()


class Queue:
    """A bounded queue with one worker, which starts with the first job."""

    def __init__(self, *, most_waiting: int = MOST_WAITING, most_kept: int = MOST_KEPT) -> None:
        self._most_waiting, self._most_kept = most_waiting, most_kept
        self._changed = threading.Condition()
        self._waiting: deque[Job[Any]] = deque()
        self._jobs: OrderedDict[str, Job[Any]] = OrderedDict()
        self._running: Job[Any] | None = None
        self._worker: threading.Thread | None = None

    def submit(self, key: str, work: Callable[[], T]) -> Job[T]:
        """The job of that key: the one that there is, else a new one.

        Raises:
            BusyError: Too many jobs wait.
        """
        with self._changed:
            known = self._jobs.get(key)
            if known is not None and known.state != "failed":
                self._jobs.move_to_end(key)
                return known
            if len(self._waiting) >= self._most_waiting:
                raise BusyError(
                    f"{len(self._waiting)} studies wait for the model already",
                    code="Busy",
                    hint="Try again in a minute: the images can be looked at meanwhile.",
                )
            job = Job(key, work, self)
            self._jobs[key] = job
            self._waiting.append(job)
            self._forget_old()
            if self._worker is None:
                self._worker = threading.Thread(target=self._serve, name="inference", daemon=True)
                self._worker.start()
            self._changed.notify_all()
            return job

    def ahead_of(self, job: Job[Any]) -> int:
        """How many jobs come before this one."""
        with self._changed:
            if job not in self._waiting:
                return 0
            return self._waiting.index(job) + (self._running is not None)

    def length(self) -> int:
        """How many jobs wait or run."""
        with self._changed:
            return len(self._waiting) + (self._running is not None)

    def _forget_old(self) -> None:
        ended = [key for key, job in self._jobs.items() if job.state in {"done", "failed"}]
        for key in ended[: max(0, len(ended) - self._most_kept)]:
            del self._jobs[key]

    def _serve(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                job = self._running = self._waiting.popleft()
                job.state = "running"
            job.run()
            with self._changed:
                self._running = None
                self._forget_old()


INFERENCE: Final = Queue()
"""The server's own."""


def submit(key: str, work: Callable[[], T]) -> Job[T]:
    """As `Queue.submit`, of the server's own queue."""
    return INFERENCE.submit(key, work)

"""The queue: one at a time, the same work once, never another study's answer, and a limit."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import medtransfer as mt
from apps.server.queue import BusyError, Queue


def until(what: object) -> None:
    """Wait for something that happens in the worker."""
    end = time.monotonic() + 5
    while not what():  # pyright: ignore[reportCallIssue]
        assert time.monotonic() < end
        time.sleep(0.002)


def test_work_is_done_outside_of_the_asking_thread_and_once() -> None:
    queue, threads = Queue(), []
    jobs = [queue.submit("a", lambda: threads.append(threading.current_thread().name) or 7) for _ in range(3)]
    assert [job.result(5) for job in jobs] == [7, 7, 7]
    assert threads == ["inference"]
    assert queue.submit("a", lambda: 8).result(5) == 7
    assert queue.length() == 0


def test_two_first_users_share_one_job() -> None:
    queue, calls = Queue(), []
    ready = threading.Barrier(8)
    found: list[int] = []

    def user() -> None:
        ready.wait()
        found.append(queue.submit("network", lambda: calls.append(1) or 3).result(5))

    users = [threading.Thread(target=user) for _ in range(8)]
    for one in users:
        one.start()
    for one in users:
        one.join()
    assert (len(calls), found) == (1, [3] * 8)


def test_positions_count_who_comes_first() -> None:
    queue, gate = Queue(), threading.Event()
    jobs = [queue.submit(str(number), gate.wait) for number in range(4)]
    until(lambda: jobs[0].state == "running")
    assert [job.position for job in jobs] == [0, 1, 2, 3]
    assert queue.length() == 4
    with pytest.raises(TimeoutError):
        jobs[1].result(0.01)
    gate.set()
    assert [job.result(5) for job in jobs] == [True] * 4
    assert [job.position for job in jobs] == [0] * 4


def test_a_full_queue_refuses_with_a_cure_and_takes_again() -> None:
    queue, gate = Queue(most_waiting=2), threading.Event()
    first = queue.submit("0", gate.wait)
    until(lambda: first.state == "running")
    for number in (1, 2):
        queue.submit(str(number), gate.wait)
    with pytest.raises(BusyError) as caught:
        queue.submit("3", gate.wait)
    assert (caught.value.code, caught.value.exit_code) == ("Busy", 2)
    assert caught.value.hint
    assert isinstance(caught.value, mt.MedTransferError)
    assert queue.submit("2", gate.wait).state == "waiting", "who waits already is not refused"
    gate.set()
    until(lambda: queue.length() == 0)
    assert queue.submit("3", lambda: "in").result(5) == "in"


def test_what_fails_is_said_to_all_and_tried_anew() -> None:
    queue, tries = Queue(), []

    def work() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise mt.MedTransferError("no", code="No")
        return "yes"

    job = queue.submit("a", work)
    for _ in range(2):
        with pytest.raises(mt.MedTransferError, match="no"):
            job.result(5)
    assert job.state == "failed"
    assert queue.submit("a", work).result(5) == "yes"


def test_even_an_exit_does_not_stop_the_worker() -> None:
    queue = Queue()

    def leave() -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        queue.submit("a", leave).result(5)
    assert queue.submit("b", lambda: 1).result(5) == 1


def test_answers_are_kept_up_to_a_limit_the_last_used_longest() -> None:
    queue, calls = Queue(most_kept=2), []
    for key in "abac":
        queue.submit(key, lambda key=key: calls.append(key)).result(5)
    until(lambda: queue.length() == 0)
    queue.submit("a", lambda: calls.append("a again")).result(5)
    assert calls == ["a", "b", "c"]
    queue.submit("b", lambda: calls.append("b again")).result(5)
    assert calls == ["a", "b", "c", "b again"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from("abcdef"), max_size=24))
def test_a_key_always_gets_its_own_answer(keys: list[str]) -> None:
    queue = Queue(most_kept=2)
    jobs = [(key, queue.submit(key, lambda key=key: key.upper())) for key in keys]
    assert all(job.result(5) == key.upper() for key, job in jobs)

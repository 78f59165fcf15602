"""Laws of decoding processes: whatever a decoder does costs its own image, by name, and never the program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from medtransfer.core.errors import ReadError
from medtransfer.data.isolation import pool as pools
from medtransfer.data.isolation.pool import Pool, isolation_available
from medtransfer.data.isolation.shared import SharedBuffer
from medtransfer.data.isolation.work import Part, Work

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOT = 4096

pytestmark = pytest.mark.skipif(not isolation_available(), reason="this system cannot isolate processes")


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(2, allowed=("decoding_victims",))
    yield made
    made.close()


def work(*deeds: dict[str, Any] | str, **options: Any) -> tuple[Work, dict[int, bytes], dict[int, dict[str, Any]]]:
    pixels: dict[int, bytes] = {}
    results: dict[int, dict[str, Any]] = {}

    def collect(number: int, result: dict[str, Any], view: memoryview) -> None:
        pixels[number], results[number] = bytes(view), result

    parts = [
        Part(values={"deed": deed} if isinstance(deed, str) else deed, path=Path(f"{number}.dcm"))
        for number, deed in enumerate(deeds)
    ]
    settings = {"seconds": 20.0, "memory": 2**24, **options}
    made = Work(run="decoding_victims:behave", parts=parts, slot=SLOT, collect=collect, **settings)
    return made, pixels, results


def failure(pool: Pool, *deeds: dict[str, Any] | str, **options: Any) -> ReadError:
    with pytest.raises(ReadError) as caught:
        pool.run(work(*deeds, **options)[0], [])
    return caught.value


def write(value: int) -> dict[str, Any]:
    return {"deed": "write", "value": value}


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").split()[2] not in "ZX"
    except FileNotFoundError:
        return False


def gone(process: int) -> bool:
    end = time.monotonic() + 10
    while alive(process) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(process)


def test_each_image_arrives_at_its_own_place(pool: Pool) -> None:
    made, pixels, _ = work(*(write(number) for number in range(50)))
    pool.run(made, [])
    assert pixels == {number: bytes([number]) * SLOT for number in range(50)}
    assert len(pool.processes()) == 2


@pytest.mark.parametrize(
    ("deed", "code", "words"),
    [
        ("crash", "DecoderCrashed", "SIGSEGV"),
        ("kill", "DecoderCrashed", "SIGKILL"),
        ("exit", "DecoderCrashed", "status 3: last words"),
        ("garbage", "DecoderCrashed", "nonsense"),
        ("foreign", "Corrupt", "OverflowError: too far"),
        ("short", "Truncated", "EOFError"),
    ],
)
def test_what_goes_wrong_names_the_file_and_the_next_image_decodes(
    pool: Pool, deed: str, code: str, words: str
) -> None:
    error = failure(pool, write(1), deed)
    assert (error.code, error.path) == (code, "1.dcm")
    assert words in error.message
    made, pixels, _ = work(write(7))
    pool.run(made, [])
    assert pixels[0] == b"\x07" * SLOT


def test_a_decoder_that_hangs_is_ended_in_time(pool: Pool) -> None:
    pool.run(work(write(1))[0], [])
    start = time.monotonic()
    error = failure(pool, write(1), "hang", seconds=0.5)
    assert (error.code, error.path) == ("DecoderTimeout", "1.dcm")
    assert time.monotonic() - start < 10
    assert all(alive(process) for process in pool.processes())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much address space is in use")
def test_a_decoder_gets_no_more_memory_than_its_image_needs(pool: Pool) -> None:
    error = failure(pool, {"deed": "eat", "bytes": 2**31})
    assert (error.code, error.path) == ("SizeLimit", "0.dcm")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory is in use")
def test_a_process_that_leaks_is_replaced() -> None:
    pool = Pool(1, allowed=("decoding_victims",))
    numbers = []
    for _ in range(2):
        made, _, results = work({"deed": "eat", "bytes": 600 * 2**20}, memory=2**30)
        pool.run(made, [])
        numbers.append(results[0]["process"])
    pool.close()
    assert numbers[0] != numbers[1]
    assert all(gone(number) for number in numbers)


def test_the_pool_survives_twenty_kills(pool: Pool) -> None:
    for _ in range(20):
        assert failure(pool, "crash").code == "DecoderCrashed"
    made, pixels, _ = work(*(write(number) for number in range(8)))
    pool.run(made, [])
    assert len(pixels) == 8
    assert len(pool.processes()) <= 2


def test_a_process_killed_between_tasks_is_replaced_unseen(pool: Pool) -> None:
    pool.run(work(write(1))[0], [])
    (process,) = pool.processes()
    os.kill(process, signal.SIGKILL)
    assert gone(process)
    made, pixels, _ = work(write(2))
    pool.run(made, [])
    assert pixels[0] == b"\x02" * SLOT


def test_several_threads_share_the_pool(pool: Pool) -> None:
    seen: dict[int, dict[int, bytes]] = {}

    def decode(thread: int) -> None:
        made, pixels, _ = work(*(write(thread) for _ in range(40)))
        pool.run(made, [])
        seen[thread] = pixels

    threads = [threading.Thread(target=decode, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {thread: set(pixels.values()) for thread, pixels in seen.items()} == {
        thread: {bytes([thread]) * SLOT} for thread in range(4)
    }
    assert len(pool.processes()) <= 2


def test_notes_and_warnings_come_back_once(pool: Pool) -> None:
    notes: list[str] = []
    pool.run(work("warn", "warn")[0], notes)
    assert notes == ["Odd", "DecoderWarning: odd"]


def test_bytes_can_be_given_instead_of_a_path(pool: Pool) -> None:
    with SharedBuffer(SLOT) as given:
        given.view()[:] = b"\x09" * SLOT
        made, pixels, _ = work("copy", given=given)
        pool.run(made, [])
    assert pixels[0] == b"\x09" * SLOT


def test_a_process_inherits_nothing_worth_stealing_and_loads_little(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "hunter2")
    made, _, results = work("look")
    pool.run(made, [])
    assert "A_SECRET" not in results[0]["names"]
    assert results[0]["stdin"]
    assert results[0]["interrupt"]
    assert not {"torch", "pandas", "pydicom", "pydantic", "jaxtyping"} & set(results[0]["modules"])


def test_only_allowed_functions_are_run() -> None:
    pool = Pool(1)
    assert "ended with status" in failure(pool, write(1)).message
    pool.close()


def test_a_fork_starts_afresh(pool: Pool) -> None:
    pool.run(work(write(1))[0], [])
    before = pool.processes()
    pool.forget()
    assert pool.processes() == ()
    assert all(gone(process) for process in before)
    made, pixels, _ = work(write(2))
    pool.run(made, [])
    assert pixels[0] == b"\x02" * SLOT


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("deed", ["write", "hang"])
def test_no_process_outlives_a_program_that_is_killed(deed: str) -> None:
    """One that hangs is ended by its own timer, its limit and five seconds later."""
    program = (
        "import sys, threading, time; from pathlib import Path\n"
        "from medtransfer.data.isolation.pool import Pool\n"
        "from medtransfer.data.isolation.work import Part, Work\n"
        "pool = Pool(1, allowed=('decoding_victims',))\n"
        "def run(deed, seconds):\n"
        "    part = Part(values={'deed': deed, 'value': 1}, path=Path('a'))\n"
        "    pool.run(Work(run='decoding_victims:behave', parts=[part], slot=64, collect=lambda *_: None,\n"
        "                  seconds=seconds, memory=0), [])\n"
        "run('write', 20)\n"
        "if sys.argv[1] == 'hang':\n"
        "    threading.Thread(target=run, args=('hang', 1), daemon=True).start()\n"
        "    time.sleep(0.3)\n"
        "print(*pool.processes(), flush=True); time.sleep(60)\n"
    )
    places = os.pathsep.join([str(Path(__file__).parent.parent), str(Path(pools.__file__).parents[3])])
    with subprocess.Popen(
        [sys.executable, "-c", program, deed],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": places},
    ) as parent:
        assert parent.stdout is not None
        (process,) = (int(word) for word in parent.stdout.readline().split())
        assert alive(process)
        parent.kill()
    assert gone(process)


def test_without_isolation_the_same_function_runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "isolation_available", lambda: False)
    made, pixels, results = work(write(3), write(4))
    pools.run(made, [])
    assert pixels == {0: b"\x03" * SLOT, 1: b"\x04" * SLOT}
    assert results[0]["process"] == os.getpid()
    with pytest.raises(ReadError, match="too far") as caught:
        pools.run(work("foreign")[0], [])
    assert caught.value.path == "0.dcm"


def test_a_code_is_a_word_whatever_the_process_says(pool: Pool) -> None:
    error = failure(pool, "escape")
    assert error.code == "Corrupt"
    assert "\x1b" not in str(error)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux seals the size of shared memory")
def test_shared_memory_cannot_be_cut_short(pool: Pool) -> None:
    assert failure(pool, "cut").code == "Unreadable"
    with SharedBuffer(2**20) as buffer:
        pixels = buffer.view()
        pixels[:] = b"\1" * len(pixels)
        with pytest.raises(PermissionError):
            os.ftruncate(buffer.descriptor, 0)
        buffer.empty(beyond=2**21)
        assert pixels[0] == 1
        buffer.empty(beyond=0)
        assert os.fstat(buffer.descriptor).st_blocks == 0
        assert not any(pixels)

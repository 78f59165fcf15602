"""Reading in a process of its own with a limit on its memory: what each file costs, and which errors it ends in.

Run as a program, it takes one path a line and answers one JSON object a line.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

LIMIT_MIB = 3072
"""Address space beyond what the imports take."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one place cost.

    Attributes:
        path: The place.
        seconds: From looking at it to the last voxel.
        cpu: The same without waiting for other programs.
        grown: By how many MiB the peak memory of the process stands above that after the imports.
        foreign: An exception that is not ours, raised or merely wrapped; empty where there is none.
        codes: Codes of the ledger's rows that are not `read`.
        unnamed: Errors that do not name a file below the place.
        read: How many scans were read.
    """

    path: str
    seconds: float
    cpu: float
    grown: float
    foreign: str
    codes: tuple[str, ...]
    unnamed: tuple[str, ...]
    read: int


def costs(paths: list[Path], *, timeout: float = 280) -> tuple[Cost, ...]:
    """Ingest and read each path in one process of limited memory.

    Raises:
        AssertionError: The process died.
    """
    done = subprocess.run(
        [sys.executable, __file__],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    facts = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(facts) == len(paths)
    return tuple(Cost(**{**fact, "codes": tuple(fact["codes"]), "unnamed": tuple(fact["unnamed"])}) for fact in facts)


def main() -> None:
    """Warm up on a good file, limit the memory, and go through the paths on the standard input."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from catalogue.control import ct_bytes

    with tempfile.TemporaryDirectory() as folder:
        good = Path(folder) / "good.dcm"
        good.write_bytes(ct_bytes())
        _cost(good, 0)
    limit = _address_space() + (LIMIT_MIB << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    start = _peak()
    for line in sys.stdin:
        print(json.dumps(_cost(Path(line.rstrip("\n")), start)), flush=True)  # noqa: T201


def _cost(place: Path, start: float) -> dict[str, object]:
    from catalogue.outcomes import ACCIDENT, outcome_of

    from medtransfer.core.errors import MedTransferError

    foreign, codes, unnamed, read = "", [], [], 0
    began, worked = time.perf_counter(), time.process_time()
    try:
        outcome = outcome_of(place)
    except MedTransferError as error:
        codes, unnamed = [error.code], [] if error.path else [error.code]
    except Exception as error:  # noqa: BLE001 - any other exception is what is looked for
        foreign = f"{type(error).__name__}: {error}"[:300]
    else:
        codes = [row.code for row in outcome.ledger.rows if row.status != "read"]
        unnamed = [error.code for error in outcome.errors if not (error.path and error.path.startswith(str(place)))]
        read = len(outcome.scans)
        foreign = next((row.reason for row in outcome.ledger.rows if ACCIDENT.search(row.reason)), "")
    return {
        "path": str(place),
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - worked,
        "grown": _peak() - start,
        "foreign": foreign,
        "codes": codes,
        "unnamed": unnamed,
        "read": read,
    }


def _peak() -> float:
    """Largest resident set so far, in MiB; Linux counts in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()

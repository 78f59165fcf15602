"""Does transfer help, and which? Real cohorts, real ImageNet weights, few labels; README.md has the answer.

    MEDTRANSFER_DATA=... python -m benchmarks.transfer run                 fill the table, cell by cell
    MEDTRANSFER_DATA=... python -m benchmarks.transfer run --stage 2       then the second backbone
    MEDTRANSFER_DATA=... python -m benchmarks.transfer run --smoke         a few cells of four steps, elsewhere
    python -m benchmarks.transfer status                                   what is missing, and how long it will take
    python -m benchmarks.transfer table                                    write the README's tables from the rows

What is done stands in results/*.csv and is not done again. Several processes may run at once, best each on one core
(OMP_NUM_THREADS=1); each takes what nobody else works on. Killed at any time, one loses the cells it was at.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

from benchmarks.transfer.cells import Cell, Trial, cells, matches, only_of
from benchmarks.transfer.methods import FIRST, METHODS, SECOND, SMOKE, WHOLE
from benchmarks.transfer.progress import remaining
from benchmarks.transfer.report import second_stage, write_tables
from benchmarks.transfer.results import Results
from benchmarks.transfer.work import Workplace, claimed, do, is_done, waiting
from medtransfer.core.errors import MedTransferError

HERE = Path(__file__).parent
PATIENCE = 10.0
"""Seconds between looks at what other processes are doing."""


def main() -> int:
    arguments = _arguments()
    if arguments.command == "table":
        write_tables(Results(arguments.results), HERE / "README.md", replicates=arguments.replicates)
        return 0
    data = os.environ.get("MEDTRANSFER_DATA")
    if arguments.command == "run" and not data:
        print("skipped: MEDTRANSFER_DATA is not set")
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        results, out = (
            (Path(temporary), arguments.out / "smoke") if arguments.smoke else (arguments.results, arguments.out)
        )
        study = SMOKE if arguments.smoke else WHOLE
        place = Workplace(data=Path(data or "."), out=out, results=Results(results), study=study)
        todo = _cells(arguments, place)
        if arguments.command == "status":
            print(remaining(place, todo))
            return 0
        return run(place, todo, minutes=arguments.minutes)


def run(place: Workplace, todo: list[Cell], *, minutes: float) -> int:
    """Do what can be done until nothing is left or the time is over; returns the exit code."""
    end, failed = time.monotonic() + 60 * minutes, set[Cell | Trial]()
    while True:
        open_tasks = [task for task in waiting(place, todo) if task not in failed]
        if not open_tasks:
            break
        idle = True
        for task in open_tasks:
            if time.monotonic() >= end:
                print(f"stopped after {minutes:g} minutes; {len(open_tasks)} tasks could go on", flush=True)
                return 0
            with claimed(place, task) as ours:
                if not ours:
                    continue
                idle = False
                if not is_done(place, task):
                    _try(place, task, failed)
            break
        if idle:
            time.sleep(PATIENCE)  # everything that is left is somebody else's, or waits for it
    for task in sorted(failed, key=lambda task: task.name):
        print(f"failed: {task.name}", flush=True)
    return 3 if failed else 0


def _try(place: Workplace, task: Cell | Trial, failed: set[Cell | Trial]) -> None:
    """Do it; what fails is named, put aside for this process, and must not end the night."""
    try:
        print(do(place, task), flush=True)
    except MedTransferError as error:
        print(f"{task.name} FAILED: {error}", flush=True)
        failed.add(task)
    except Exception:  # noqa: BLE001
        print(f"{task.name} FAILED\n{traceback.format_exc()}", flush=True)
        failed.add(task)


def _cells(arguments: argparse.Namespace, place: Workplace) -> list[Cell]:
    if arguments.stage == 2:
        return [
            cell
            for cell in cells(SECOND, study=place.study, methods=second_stage(place.results))
            if matches(cell, arguments.only)
        ]
    return [cell for cell in cells(FIRST, study=place.study, methods=METHODS) if matches(cell, arguments.only)]


def _arguments() -> argparse.Namespace:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("command", choices=("run", "status", "table"))
    words.add_argument("--smoke", action="store_true", help="a few cells of four steps; nothing is kept")
    words.add_argument(
        "--only", type=only_of, default={}, metavar="KEY=VALUE,…", help="such as method=bss/delta,seed=0"
    )
    words.add_argument("--stage", type=int, choices=(1, 2), default=1, help="2: the second backbone")
    words.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing new after so many")
    words.add_argument("--replicates", type=int, default=2000, help="of the bootstrap, for `table`")
    words.add_argument("--out", type=Path, default=Path("runs/transfer"), help="pictures, features, tables, locks")
    words.add_argument("--results", type=Path, default=HERE / "results")
    return words.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""What an evaluation costs: time on 10⁵ predictions, memory on 10⁶, DeLong from 10² to 10⁶, and peers on the same rows.

time      each part with its bootstrap (2,000 replicates, patients with one to five studies), and all of points 1 to
          4 from two drawings; median of several runs
memory    the largest resident set of a process of its own that evaluates 10⁶ rows
delong    AUROC with its interval, by the number of rows: time a row, and memory
peers     a bootstrapped AUROC against `confidenceinterval` and against scikit-learn in a loop, taking turns; time a
          replicate, since the peers' 2,000 take a minute

python benchmarks/evaluation.py
python benchmarks/evaluation.py --only time peers --repetitions 7
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import sklearn
from sklearn.metrics import roc_auc_score

from medtransfer.core.config.evaluation import EvaluationConfig
from medtransfer.core.results import Estimate, OperatingPoint, Predictions
from medtransfer.evaluation.calibration.one_finding import begin, calibration, finish
from medtransfer.evaluation.discrimination import discrimination, discrimination_statistic
from medtransfer.evaluation.evaluate import evaluate
from medtransfer.evaluation.intervals import class_strata, patient_bootstrap
from medtransfer.evaluation.metrics import auroc
from medtransfer.evaluation.operating_figures import operating_figures, operating_statistic
from medtransfer.evaluation.positive import Positive, ascending
from medtransfer.evaluation.ranking import ranking
from medtransfer.evaluation.resampling import resampled
from medtransfer.evaluation.roc import auroc_estimate
from medtransfer.evaluation.usefulness import usefulness, usefulness_statistic

REPLICATES: Final = 2000
ROWS, MANY = 100_000, 1_000_000
SEED: Final = 7
THRESHOLD: Final = 0.3

_RATE: Final = Estimate(name="sensitivity", value=0.8, method="none", n=1)
POINT: Final = OperatingPoint(
    rule="sensitivity",
    goal=0.8,
    threshold=THRESHOLD,
    positive="ill",
    chosen_on="validation",
    sensitivity=_RATE,
    specificity=_RATE,
)


def rows(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, probability and patient of n studies; a fifth are ill."""
    generator = np.random.default_rng(SEED)
    groups = np.repeat(np.arange(n), generator.integers(1, 6, n))[:n]
    truth = generator.random(n) < 0.2
    own = generator.normal(size=n)[groups]
    score = (own + generator.normal(size=n)) / 2**0.5 + 1.3 * truth
    return truth, 1 / (1 + np.exp(2.2 - 1.3 * score)), groups


def view_of(n: int) -> Positive:
    return ascending(*rows(n))


def predictions_of(n: int) -> Predictions:
    """The same studies as a table."""
    truth, p, groups = rows(n)
    table = pd.DataFrame(
        {
            "study_id": np.char.mod("%07d", np.arange(n)),
            "patient_id": np.char.mod("%07d", groups),
            "site": "north",
            "split": "test",
            "truth": np.where(truth, "ill", "well"),
            "probability_well": 1 - p,
            "probability_ill": p,
            "decision": np.where(p >= THRESHOLD, "ill", "not ill"),
            "flags": "",
            "bundle_sha256": "0" * 64,
            "status": "read",
            "error": "",
        }
    )
    return Predictions(
        table=table, classes=("well", "ill"), positive="ill", operating_point=POINT, bundle_sha256="0" * 64
    )


def of_discrimination(n: int) -> Callable[[], object]:
    view = view_of(n)
    return lambda: discrimination(view, of="ill", rest="well", seed=SEED, replicates=REPLICATES)


def of_operating(n: int) -> Callable[[], object]:
    view = view_of(n)
    wanted = {"": operating_statistic(view, POINT)}
    return lambda: operating_figures(view, POINT, resampled(wanted, view.groups, seed=SEED, replicates=REPLICATES)[""])


def of_calibration(n: int) -> Callable[[], object]:
    view = view_of(n)
    return lambda: calibration(view, of="ill", seed=SEED, replicates=REPLICATES)


def of_usefulness(n: int) -> Callable[[], object]:
    view = view_of(n)
    wanted = {"": usefulness_statistic(view, THRESHOLD)}
    return lambda: usefulness(view, THRESHOLD, resampled(wanted, view.groups, seed=SEED, replicates=REPLICATES)[""])


def of_points_1_to_4(n: int) -> Callable[[], object]:
    """All parts: one drawing within strata for AUROC and ROC, one without for everything else."""
    view = view_of(n)

    def run() -> None:
        begun = begin(view)
        wanted = {
            "discrimination": discrimination_statistic(view),
            "operating": operating_statistic(view, POINT),
            "calibration": begun.cells.counts,
            "usefulness": usefulness_statistic(view, THRESHOLD),
        }
        drawn = resampled(wanted, view.groups, seed=SEED, replicates=REPLICATES)
        discrimination(view, of="ill", rest="well", seed=SEED, replicates=REPLICATES, drawn=drawn["discrimination"])
        operating_figures(view, POINT, drawn["operating"])
        finish(begun, drawn["calibration"], of="ill")
        usefulness(view, THRESHOLD, drawn["usefulness"])

    return run


def of_evaluate(n: int) -> Callable[[], object]:
    """As a user calls it, from the table on."""
    predictions = predictions_of(n)
    return lambda: evaluate(predictions, config=EvaluationConfig(seed=SEED, replicates=REPLICATES))


CASES: Final[dict[str, Callable[[int], Callable[[], object]]]] = {
    "discrimination": of_discrimination,
    "operating point": of_operating,
    "calibration": of_calibration,
    "usefulness": of_usefulness,
    "points 1 to 4": of_points_1_to_4,
    "evaluate()": of_evaluate,
}


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock, and of the processors."""
    clock, processors = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processors


def time_part(arguments: argparse.Namespace) -> dict[str, Any]:
    found = {}
    for name in arguments.cases:
        work = CASES[name](ROWS)
        runs = [timed(work) for _ in range(arguments.repetitions)]
        found[name] = {
            "seconds": round(statistics.median(clock for clock, _ in runs), 2),
            "from": round(min(clock for clock, _ in runs), 2),
            "to": round(max(clock for clock, _ in runs), 2),
            "processor_seconds": round(statistics.median(processors for _, processors in runs), 2),
        }
        print(name, found[name], flush=True)
    return {"rows": ROWS, "replicates": REPLICATES, "runs": arguments.repetitions, "cases": found}


def memory_part(arguments: argparse.Namespace) -> dict[str, Any]:
    """Of a process of its own each, imports and the rows themselves included."""
    found = {}
    for name in arguments.cases:
        command = [sys.executable, __file__, "--alone", name, "--rows", str(MANY)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found[name] = json.loads(said)
        print(name, found[name], flush=True)
    return {"rows": MANY, "replicates": REPLICATES, "cases": found}


def alone(name: str, n: int) -> dict[str, float]:
    work = CASES[name](n)
    before = _peak()
    seconds, processors = timed(work)
    return {
        "peak_mib": _peak(),
        "peak_before_mib": before,
        "seconds": round(seconds, 1),
        "processor_seconds": round(processors, 1),
    }


def delong_part(arguments: argparse.Namespace) -> dict[str, Any]:
    """AUROC, clustered variance and interval, of rows in no order; in processor time."""
    found = {}
    for n in (10**2, 10**3, 10**4, 10**5, 10**6):
        truth, p, groups = rows(n)
        before = _peak()
        runs = [timed(lambda: auroc_estimate(truth, p, groups))[1] for _ in range(max(5, 20_000 // n))]  # noqa: B023
        found[str(n)] = {
            "microseconds_a_row": round(1e6 * statistics.median(runs) / n, 3),
            "over_n_log_n_nanoseconds": round(1e9 * statistics.median(runs) / (n * np.log2(n)), 2),
            "more_memory_mib": round(_peak() - before, 1),
        }
        print(n, found[str(n)], flush=True)
    return found


def peers_part(arguments: argparse.Namespace) -> dict[str, Any]:
    """Unclustered, since the peers know no patients; the same rows, each in its turn."""
    confidenceinterval = import_module("confidenceinterval")  # Not a dependency: README.md says how it is installed.

    truth, p, _ = rows(ROWS)
    scores: Any = p
    view = ascending(truth, p, np.arange(ROWS))
    y: Any = truth.astype(int)
    generator = np.random.default_rng(SEED)

    def ours() -> None:
        statistic = auroc.statistic(ranking(view.truth, view.probability))
        strata = class_strata(view.truth.astype(np.int64), view.groups)
        patient_bootstrap(statistic, view.groups, seed=SEED, replicates=REPLICATES, strata=strata)

    def theirs() -> None:
        confidenceinterval.roc_auc_score(
            y, scores, method="bootstrap_percentile", n_resamples=arguments.peer_replicates, random_state=generator
        )

    def loop() -> None:
        for _ in range(arguments.peer_replicates):
            drawn = generator.integers(0, ROWS, ROWS)
            roc_auc_score(y[drawn], p[drawn])

    turns = [(timed(ours)[0], timed(theirs)[0], timed(loop)[0]) for _ in range(arguments.repetitions)]
    each = [(a / REPLICATES, b / arguments.peer_replicates, c / arguments.peer_replicates) for a, b, c in turns]
    found: dict[str, Any] = {"ours_milliseconds": round(1e3 * statistics.median(a for a, _, _ in each), 3)}
    for place, name in ((1, "confidenceinterval"), (2, "scikit-learn in a loop")):
        ratios = [one[place] / one[0] for one in each]
        found[name] = {
            "milliseconds": round(1e3 * statistics.median(one[place] for one in each), 3),
            "times_as_slow": round(statistics.median(ratios), 1),
            "from": round(min(ratios), 1),
            "to": round(max(ratios), 1),
        }
    print(found, flush=True)
    return {"rows": ROWS, "turns": arguments.repetitions, **found}


PARTS: Final = {"time": time_part, "memory": memory_part, "delong": delong_part, "peers": peers_part}


def _peak() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--only", nargs="+", choices=tuple(PARTS), default=list(PARTS))
    words.add_argument("--cases", nargs="+", choices=tuple(CASES), default=list(CASES))
    words.add_argument("--repetitions", type=int, default=5)
    words.add_argument("--peer-replicates", type=int, default=20)
    words.add_argument("--out", type=Path, default=Path("benchmarks/results/evaluation.json"))
    words.add_argument("--alone", choices=tuple(CASES), help=argparse.SUPPRESS)
    words.add_argument("--rows", type=int, default=MANY, help=argparse.SUPPRESS)
    arguments = words.parse_args()
    if arguments.alone:
        print(json.dumps(alone(arguments.alone, arguments.rows)))
        return 0
    found = json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.out.is_file() else {}
    found["machine"] = {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }
    for name in arguments.only:
        found[name] = PARTS[name](arguments)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How often do 95 % intervals hold the truth? Simulated cohorts of which the truth is known in closed form.

A cohort has n = events / .2 studies of patients with `cluster` studies each. A study's finding and its score are

    y = [ √ρ·v + √(1−ρ)·e < Φ⁻¹(.2) ]       s = δ·y + √ρ·u + √(1−ρ)·e′       p = logit⁻¹(logit .2 + δ·s − δ²/2)

with standard normal u and v of the patient, e and e′ of the study, and ρ the intra-class correlation. So that, for
studies of different patients,

    AUROC = Φ(δ/√2)     sensitivity = Φ(δ − c) = .8 at the threshold c     PPV = .2·.8 / (.2·.8 + .8·Φ(−c))

and p is calibrated: its slope is 1. `events` is what a cohort has on average, as cohorts are drawn, not composed.

The grid: events 10, 20, 50, 200, 500 × AUROC .6, .8, .95 × cluster 1, 5 × correlation 0, .5; analytic intervals in all
60 cells, bootstrap ones in six. Rows are kept as they come, so that an interrupted run goes on where it stopped.

    python benchmarks/coverage.py run --minutes 60
    python benchmarks/coverage.py run --cells "20 0.8 5 0.5" "50 0.95 1 0" --cohorts 200 --out runs/coverage.csv
    python benchmarks/coverage.py table
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Final, NamedTuple

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from medtransfer.evaluation.bootstrapped import on_logit_scale
from medtransfer.evaluation.calibration.one_finding import begin
from medtransfer.evaluation.calibration.replicates import regression_replicates
from medtransfer.evaluation.calibration.weak import weak_calibration
from medtransfer.evaluation.intervals import class_strata, patient_bootstrap
from medtransfer.evaluation.metrics import auroc
from medtransfer.evaluation.percentile import percentile_estimate
from medtransfer.evaluation.positive import Positive, ascending
from medtransfer.evaluation.proportions import proportion
from medtransfer.evaluation.ranking import ranking
from medtransfer.evaluation.resampling import resampled
from medtransfer.evaluation.roc import auroc_estimate, between_patients

EVENTS: Final = (10, 20, 50, 200, 500)
AUROCS: Final = (0.6, 0.8, 0.95)
CLUSTERS: Final = (1, 5)
CORRELATIONS: Final = (0.0, 0.5)
PREVALENCE: Final = 0.2
SENSITIVITY: Final = 0.8
REPLICATES: Final = 2000
SEED: Final = 2026

Ends = tuple[float | None, float | None]


class Cell(NamedTuple):
    """One scenario."""

    events: int
    auroc: float
    cluster: int
    correlation: float

    def __str__(self) -> str:
        return f"{self.events} {self.auroc:g} {self.cluster} {self.correlation:g}"


GRID: Final = tuple(Cell(*one) for one in product(EVENTS, AUROCS, CLUSTERS, CORRELATIONS))
BOOTSTRAPPED: Final = (
    Cell(20, 0.8, 1, 0.0),
    Cell(20, 0.95, 5, 0.5),
    Cell(50, 0.6, 1, 0.0),
    Cell(50, 0.8, 5, 0.5),
    Cell(200, 0.95, 1, 0.0),
    Cell(200, 0.8, 5, 0.5),
)


@dataclass(frozen=True)
class Cohort:
    """Studies, the threshold, and what seeds the bootstrap."""

    view: Positive
    threshold: float
    seed: int

    @property
    def called(self) -> np.ndarray:
        return self.view.probability >= self.threshold


def simulated(cell: Cell, number: int) -> Cohort:
    """Cohort `number` of a cell: always the same one."""
    generator = np.random.default_rng(np.random.SeedSequence(SEED, spawn_key=(GRID.index(cell), number)))
    patients = round(cell.events / PREVALENCE / cell.cluster)
    own, noise = cell.correlation**0.5, (1 - cell.correlation) ** 0.5
    shape = (patients, cell.cluster)
    latent, score = (
        own * generator.normal(size=(patients, 1)) + noise * generator.normal(size=shape) for _ in range(2)
    )
    truth = (latent < norm.ppf(PREVALENCE)).ravel()
    delta = distance(cell)
    p = expit(logit(PREVALENCE) + delta * (score.ravel() + delta * truth) - delta**2 / 2)
    cut = expit(logit(PREVALENCE) + delta * threshold(cell) - delta**2 / 2)
    groups = np.repeat(np.arange(patients), cell.cluster)
    return Cohort(view=ascending(truth, p, groups), threshold=float(cut), seed=number)


def distance(cell: Cell) -> float:
    """δ, between the means of those with the finding and those without."""
    return float(2**0.5 * norm.ppf(cell.auroc))


def threshold(cell: Cell) -> float:
    """c, of the score."""
    return float(distance(cell) - norm.ppf(SENSITIVITY))


def true_ppv(cell: Cell) -> float:
    found = PREVALENCE * SENSITIVITY
    return float(found / (found + (1 - PREVALENCE) * norm.cdf(-threshold(cell))))


def auroc_analytic(one: Cohort) -> Ends:
    found = auroc_estimate(one.view.truth, one.view.probability, one.view.groups)
    return found.low, found.high


def auroc_bootstrap(one: Cohort) -> Ends:
    """As `discrimination` makes it, without the curves."""
    truth, probability, groups = one.view.truth, one.view.probability, one.view.groups
    if truth.all() or not truth.any():
        return None, None
    degrees = between_patients(truth, probability, groups).degrees
    if np.isnan(degrees):
        return None, None
    strata = class_strata(truth.astype(np.int64), groups)
    wanted = {"": auroc.statistic(ranking(truth, probability))}
    drawn = resampled(wanted, groups, seed=one.seed, replicates=REPLICATES, strata=strata, workers=1)[""]
    value = auroc.measure(truth, probability)
    found = on_logit_scale("", value, drawn, groups, degrees=degrees, strata=strata)
    return found.low, found.high


def sensitivity_analytic(one: Cohort) -> Ends:
    found = proportion("", one.called[one.view.truth], one.view.groups[one.view.truth])
    return found.low, found.high


def sensitivity_bootstrap(one: Cohort) -> Ends:
    return _share(one.called & one.view.truth, one.view.truth, one)


def ppv_analytic(one: Cohort) -> Ends:
    found = proportion("", one.view.truth[one.called], one.view.groups[one.called])
    return found.low, found.high


def ppv_bootstrap(one: Cohort) -> Ends:
    return _share(one.called & one.view.truth, one.called, one)


def slope_analytic(one: Cohort) -> Ends:
    found = weak_calibration(one.view).slope
    return found.low, found.high


def slope_bootstrap(one: Cohort) -> Ends:
    begun = begin(one.view)
    fit, design = begun.weak.with_slope, np.column_stack([np.ones(one.view.truth.size), begun.x.values])
    if fit is None:
        return None, None
    counts = resampled({"": begun.cells.counts}, one.view.groups, seed=one.seed, replicates=REPLICATES, workers=1)[""]
    drawn = regression_replicates(design, one.view.truth - fit.fitted, fit, begun.cells, counts)[:, 1]
    found = percentile_estimate("", float(fit.coefficients[1]), drawn, n=one.view.truth.size)
    return found.low, found.high


def _share(success: np.ndarray, among: np.ndarray, one: Cohort) -> Ends:
    columns = np.column_stack([success, among]).astype(np.float64)

    def share(weights: np.ndarray) -> np.ndarray:
        found = weights @ columns
        return np.divide(found[:, 0], found[:, 1], out=np.full(len(found), np.nan), where=found[:, 1] > 0)

    found = patient_bootstrap(share, one.view.groups, seed=one.seed, replicates=REPLICATES)
    return (None, None) if found is None else found


MEASURES: Final[dict[str, tuple[Callable[[Cell], float], Callable[[Cohort], Ends], Callable[[Cohort], Ends]]]] = {
    "AUROC": (lambda cell: cell.auroc, auroc_analytic, auroc_bootstrap),
    "sensitivity": (lambda _: SENSITIVITY, sensitivity_analytic, sensitivity_bootstrap),
    "PPV": (true_ppv, ppv_analytic, ppv_bootstrap),
    "calibration slope": (lambda _: 1.0, slope_analytic, slope_bootstrap),
}
"""What is measured: its true value, its analytic interval, its bootstrap interval."""

COLUMNS: Final = (
    *("events", "auroc", "cluster", "correlation", "measure", "interval"),
    *("cohorts", "with_interval", "covered", "below", "above", "mean_width", "seconds"),
)
"""`below` and `above` count the intervals that lie wholly below or above the truth."""

Job = tuple[Cell, str, str]


def measured(job: Job, cohorts: int) -> dict[str, str | float]:
    """One row: an interval of a measure in a cell."""
    cell, name, kind = job
    truth_of, analytic, bootstrap = MEASURES[name]
    interval, truth, started = bootstrap if kind == "bootstrap" else analytic, truth_of(cell), time.perf_counter()
    found = [interval(simulated(cell, number)) for number in range(cohorts)]
    ends = np.array([pair for pair in found if None not in pair], dtype=np.float64).reshape(-1, 2)
    below, above = int((ends[:, 1] < truth).sum()), int((ends[:, 0] > truth).sum())
    return {
        **cell._asdict(),
        "measure": name,
        "interval": kind,
        "cohorts": cohorts,
        "with_interval": len(ends),
        "covered": len(ends) - below - above,
        "below": below,
        "above": above,
        "mean_width": round(float((ends[:, 1] - ends[:, 0]).mean()), 5) if len(ends) else "",
        "seconds": round(time.perf_counter() - started, 1),
    }


def run(arguments: argparse.Namespace) -> None:
    """Measure what the file does not hold yet, the small cohorts first."""
    cells = [cell for cell in GRID if not arguments.cells or str(cell) in arguments.cells]
    jobs: list[Job] = [(cell, name, "analytic") for cell in cells for name in arguments.measures]
    jobs += [(cell, name, "bootstrap") for cell in cells if cell in BOOTSTRAPPED for name in arguments.measures]
    done = {(_cell(row), row["measure"], row["interval"]) for row in _rows(arguments.out)}
    waiting = [job for job in jobs if job not in done]
    end = time.monotonic() + 60 * arguments.minutes
    print(f"{len(jobs)} rows, {len(jobs) - len(waiting)} there already", flush=True)
    with ProcessPoolExecutor(arguments.workers, initializer=partial(os.nice, 10)) as pool:
        running = set()
        while running or (waiting and time.monotonic() < end):
            while waiting and len(running) < arguments.workers and time.monotonic() < end:
                running.add(pool.submit(measured, waiting.pop(0), arguments.cohorts))
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for one in finished:
                _append(arguments.out, one.result())
    print(f"{len(waiting)} rows left", flush=True)


def table(arguments: argparse.Namespace) -> None:
    """Markdown: coverage in per cent, one row a cell, one column an interval; below it, what the aims say."""
    rows = list(_rows(arguments.out))
    for kind in ("analytic", "bootstrap"):
        ours = {(_cell(row), row["measure"]): row for row in rows if row["interval"] == kind}
        if ours:
            print(f"\n{kind.capitalize()} intervals: coverage in % (of cohorts that have an interval)\n")
            print("\n".join(_table(ours)))


def _table(ours: dict[tuple[Cell, str], dict[str, str]]) -> Iterator[str]:
    names = [name for name in MEASURES if any(measure == name for _, measure in ours)]
    yield f"| events | AUROC | studies a patient | correlation | {' | '.join(names)} |"
    yield "|---" * (4 + len(names)) + "|"
    for cell in GRID:
        if any(one == cell for one, _ in ours):
            said = [_said(ours.get((cell, name))) for name in names]
            yield f"| {' | '.join(f'{part:g}' for part in cell)} | {' | '.join(said)} |"
    yield ""
    for name in names:
        found = {cell: _coverage(row) for (cell, measure), row in ours.items() if measure == name}
        enough = {cell: one for cell, one in found.items() if cell.events >= 20}
        if enough:
            worst = min(enough, key=enough.__getitem__)
            yield (
                f"- {name}: mean {mean(found.values()):.1f} over {len(found)} cells; from 20 events on "
                f"{mean(enough.values()):.1f}, the lowest {enough[worst]:.1f} ({worst})"
            )


def _said(row: dict[str, str] | None) -> str:
    if row is None:
        return ""
    missing = int(row["cohorts"]) - int(row["with_interval"])
    without = f" ({100 * missing / int(row['cohorts']):.1f} without)" if missing else ""
    return f"{_coverage(row):.1f}{without}"


def _coverage(row: dict[str, str]) -> float:
    return 100 * int(row["covered"]) / max(1, int(row["with_interval"]))


def _cell(row: dict[str, str]) -> Cell:
    return Cell(int(row["events"]), float(row["auroc"]), int(row["cluster"]), float(row["correlation"]))


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _append(path: Path, row: dict[str, str | float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = not path.is_file()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(row)
    print(" ".join(f"{key}={value}" for key, value in row.items()), flush=True)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("command", choices=("run", "table"))
    words.add_argument("--cells", nargs="+", metavar="CELL", help='such as "20 0.8 5 0.5"; all without')
    words.add_argument("--measures", nargs="+", choices=tuple(MEASURES), default=list(MEASURES))
    words.add_argument("--cohorts", type=int, default=2000)
    words.add_argument("--minutes", type=float, default=600.0, help="no further row is begun after so many")
    words.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    words.add_argument("--out", type=Path, default=Path("benchmarks/results/coverage.csv"))
    arguments = words.parse_args()
    {"run": run, "table": table}[arguments.command](arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How much is left, and how long it will take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from benchmarks.transfer.cells import Cell, Trial
from benchmarks.transfer.methods import BACKBONES, METHODS, method_of
from benchmarks.transfer.work import Workplace, waiting

SECONDS = {"squeezenet1_1": 0.11, "mobilenet_v2": 1.0}
"""A step of one domain on one core, until rows say better."""
AROUND = 8.0
"""Seconds of a fit beside its steps: reading tables and headers, hashing pictures, predicting."""
ON_THE_EDGE = 0.5
"""How often one rate beyond the grid is tried."""


def remaining(place: Workplace, todo: Sequence[Cell]) -> str:
    """One line a backbone and method, and the sum, in hours of one core."""
    done, trials = place.cells(), place.trials()
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for task, row in (*done.items(), *trials.items()):
        seconds[task.backbone, task.method].append(float(row["seconds"]))
    open_cells = [cell for cell in todo if cell not in done]
    untuned = {task.setting for task in waiting(place, open_cells) if isinstance(task, Trial)}
    lines, total = [], 0.0
    for backbone in BACKBONES:
        for name in METHODS:
            cells = [cell for cell in open_cells if (cell.backbone, cell.method) == (backbone, name)]
            settings = [setting for setting in untuned if (setting.backbone, setting.method) == (backbone, name)]
            if not (cells or settings):
                continue
            each = _each(backbone, name, place, seconds)
            fits = _expected_trials(place, backbone, name) * len(settings)
            hours = (len(cells) + fits) * each / 3600
            total += hours
            lines.append(
                f"{backbone:<14} {name:<12} {len(cells):>4} cells, about {fits:>4.0f} tuning fits: {hours:5.1f} h"
            )
    return "\n".join([*lines, f"{total:.1f} hours of one core"])


def _each(backbone: str, name: str, place: Workplace, seconds: dict[tuple[str, str], list[float]]) -> float:
    """Seconds of a fit: the median of the rows, or a guess."""
    if known := seconds.get((backbone, name)):
        return median(known) + AROUND
    method = method_of(name, place.study)
    if method.kind == "regression":
        return AROUND
    return method.steps * SECONDS[backbone] * (2 if method.source else 1) + AROUND


def _expected_trials(place: Workplace, backbone: str, name: str) -> float:
    each = len(place.study.rates) + ON_THE_EDGE
    method = method_of(name, place.study)
    flat = 2.0 if method.until_flat else 0.0  # one longer run, which counts twice
    return (each + flat + len(method.strengths[1:])) * len(BACKBONES[backbone].tuning_seeds)

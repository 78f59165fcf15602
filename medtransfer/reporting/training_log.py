"""`terms.csv` of a run, read for drawing: per term its value and weight at every step, its gradient once an epoch."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64


@dataclass(frozen=True, kw_only=True)
class TermCourse:
    """One term along a run.

    Attributes:
        steps: Optimiser steps.
        values: Unweighted, one a step.
        weights: What the term was multiplied by in J, one a step.
        epochs: Whose gradient was measured.
        gradients: ‖∂Ω/∂θ‖ of the unweighted term at the last step of these epochs; of a proximal term, how far it moved
            the parameters over their rates, its weight included.
    """

    name: str
    steps: Float64[np.ndarray, " step"]
    values: Float64[np.ndarray, " step"]
    weights: Float64[np.ndarray, " step"]
    epochs: Float64[np.ndarray, " epoch"]
    gradients: Float64[np.ndarray, " epoch"]


def read_terms(log: Path) -> tuple[TermCourse, ...]:
    """Every term of a run, in the order in which it was logged."""
    rows: dict[str, list[dict[str, str]]] = {}
    with log.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["term"], []).append(row)
    return tuple(_course(name, of_term) for name, of_term in rows.items())


def _course(name: str, rows: list[dict[str, str]]) -> TermCourse:
    measured = [row for row in rows if row["gradient_norm"]]
    return TermCourse(
        name=name,
        steps=_numbers(rows, "step"),
        values=_numbers(rows, "value"),
        weights=_numbers(rows, "weight"),
        epochs=_numbers(measured, "epoch"),
        gradients=_numbers(measured, "gradient_norm"),
    )


def _numbers(rows: list[dict[str, str]], column: str) -> Float64[np.ndarray, " row"]:
    return np.array([float(row[column]) for row in rows], dtype=np.float64)

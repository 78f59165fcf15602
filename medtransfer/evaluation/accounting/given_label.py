"""Whether a score follows the site or the scanner among studies of the same truth.

    θ = Σ_s w_s·θ_s,   w_s ∝ m_s·n_s / (m_s + n_s + 1),   s = with the finding, without it

where θ_s is the chance that one of the m_s studies with the value scores above one of the n_s without it, ties half.
The weights are van Elteren's. ½ is what a score has that rests on the finding alone: a prevalence that differs between
sites moves it not at all. The variance sums the influence of each patient over both strata,

    Var θ = G/(G−1) · Σ_i (Σ_s w_s·(a_is/m_s + b_is/n_s))²,   a, b: the patient's placement values less θ_s

so that patients with several studies, on several scanners or of both truths count once. z = logit θ / SE(logit θ), and
all values of all attributes are adjusted together (Holm).

Reference: van Elteren 1960; Obuchowski 1997 (clustered placements); Holm 1979.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import erfc, log, sqrt
from typing import Final

import numpy as np
import pandas as pd

from medtransfer.core.evaluated.shortcuts import GivenLabel
from medtransfer.core.results import Estimate
from medtransfer.core.types import Groups, Probabilities, Truths
from medtransfer.evaluation.cautions import FEW
from medtransfer.evaluation.comparison.multiplicity import holm
from medtransfer.evaluation.intervals import logit_interval
from medtransfer.evaluation.roc import placements

ACQUISITION: Final = (
    "site", "manufacturer", "model", "manufacturer_model_name", "scanner", "device", "detector", "station",
    "station_name", "modality", "view", "view_position", "protocol", "burned_in", "bit_depth", "syntax",
)  # fmt: skip
"""Attributes that say where and on what a picture was made."""

MOST: Final = 10
"""Values of one attribute that are looked at, the most frequent ones."""

_METHOD: Final = "van Elteren weights, variance between patients, logit scale"


def given_label(
    columns: dict[str, pd.Series],
    truth: Truths,
    probability: Probabilities,
    groups: Groups,
    *,
    attributes: Sequence[str] = ACQUISITION,
    level: float = 0.95,
) -> tuple[GivenLabel, ...]:
    """Every value of these attributes against the other values; blank cells take no part.

    Args:
        columns: Text by attribute, as `data.spectrum.described` gives it.
        truth: Of each study.
        probability: Its score.
        groups: Its patient.
        attributes: Which of them are looked at.
        level: Coverage aimed at.
    """
    rows = [
        (row, p)
        for name in attributes
        if name in columns
        for row, p in _of_attribute(name, columns[name], truth, probability, groups, level=level)
    ]
    adjusted = holm([p for _, p in rows])
    return tuple(row.model_copy(update={"p_holm": p}) for (row, _), p in zip(rows, adjusted, strict=True))


def _of_attribute(
    name: str, cells: pd.Series, truth: Truths, probability: Probabilities, groups: Groups, *, level: float
) -> Iterator[tuple[GivenLabel, float | None]]:
    known = (cells != "").to_numpy(dtype=bool)
    values = cells[known].value_counts()
    names = sorted(map(str, values.index), key=lambda value: (-int(values[value]), value))[:MOST]
    for value in names[:1] if len(values) == 2 else names if len(values) > 2 else ():
        has = (cells[known] == value).to_numpy(dtype=bool)
        found, p = superiority(has, truth[known], probability[known], groups[known], level=level)
        yield GivenLabel(attribute=name, value=value, studies=int(has.sum()), superiority=found), p


def superiority(
    has: Truths, truth: Truths, probability: Probabilities, groups: Groups, *, level: float = 0.95
) -> tuple[Estimate, float | None]:
    """θ with its interval, and its p-value against ½.

    Strata with fewer than `FEW` patients with or without the value are left out; None where both are.
    """
    patients, position = np.unique(groups, return_inverse=True)
    parts, weights, used = [], [], 0
    for stratum in (truth, ~truth):
        inside, own = has[stratum], position[stratum]
        if min(np.unique(own[inside]).size, np.unique(own[~inside]).size) < FEW:
            continue
        v = placements(inside, probability[stratum])
        influence = np.bincount(own[inside], weights=(v.positive - v.auroc) / inside.sum(), minlength=patients.size)
        influence += np.bincount(
            own[~inside], weights=(v.negative - v.auroc) / (~inside).sum(), minlength=patients.size
        )
        parts.append((v.auroc, influence))
        weights.append(float(inside.sum() * (~inside).sum() / (inside.size + 1)))
        used += int(inside.size)
    if not parts:
        note = f"fewer than {FEW} patients with or without it, among those with the finding and among those without"
        return Estimate(name="superiority", value=None, level=level, method=_METHOD, n=int(has.size), note=note), None
    share = np.array(weights) / sum(weights)
    value = float(np.clip(sum(w * theta for w, (theta, _) in zip(share, parts, strict=True)), 0.0, 1.0))
    together = sum(w * influence for w, (_, influence) in zip(share, parts, strict=True))
    taking_part = int(np.unique(position).size)
    error = sqrt(taking_part / (taking_part - 1) * float(np.sum(together**2)))
    interval = logit_interval(value, error, level, trials=FEW)
    note = "" if len(parts) == 2 else "one of the two truths alone: too few patients with the other"
    estimate = Estimate(
        name="superiority",
        value=value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        level=level,
        method=_METHOD,
        n=used,
        note=note,
    )
    return estimate, _p(value, error)


def _p(value: float, error: float) -> float | None:
    """Two-sided, on the logit scale; None where it has no standard error."""
    if not (0 < value < 1 and error > 0):
        return None
    z = log(value / (1 - value)) * value * (1 - value) / error
    return erfc(abs(z) / sqrt(2))

"""Brier score and its parts by CORP: consistent, optimally binned, reproducible, by pool-adjacent-violators.

    Brier = MCB − DSC + UNC,   exactly

    MCB = Brier(p) − Brier(p̂)     reliability: what recalibration could win; 0 is best
    DSC = UNC − Brier(p̂)          resolution: how far recalibrated probabilities leave the prevalence; more is better
    UNC = ȳ·(1 − ȳ)               uncertainty: what stating the prevalence of everyone scores
    scaled Brier = 1 − Brier / UNC    1 is perfect, 0 no better than the prevalence, below 0 worse

p̂ is the isotonic regression of y on p, equal probabilities pooled: the best that any rising function of p could say.
Since it is fitted to the data that it is judged on, MCB and DSC are above 0 for the best of models, the more so the
fewer the studies.

Reference: Dimitriadis, Gneiting, Jordan 2021 (CORP); Murphy 1973 (reliability, resolution, uncertainty); Steyerberg et
al. 2010 (scaled Brier).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.optimize import isotonic_regression

from medtransfer.core.types import Probabilities, Truths

Rising = Float64[np.ndarray, " value"]
"""One number for each distinct probability, the lowest first."""


class BrierParts(NamedTuple):
    """The score and its parts; `scaled` is NaN where all studies are of one class."""

    brier: float
    miscalibration: float
    discrimination: float
    uncertainty: float
    scaled: float


def brier_parts(truth: Truths, probability: Probabilities) -> BrierParts:
    """Of studies in ascending order of probability, one or more."""
    first = np.flatnonzero(np.append(True, np.diff(probability) != 0))
    studies = np.diff(np.append(first, probability.size)).astype(np.float64)
    positives = np.add.reduceat(truth.astype(np.float64), first)
    brier = float(((probability - truth) ** 2).mean())
    return parts_of(brier, recalibrated_brier(positives, studies), float(truth.mean()))


def recalibrated_brier(positives: Rising, studies: Rising) -> float:
    """Brier score of the isotonic regression, from counts at each distinct probability; there are studies at each."""
    fitted = isotonic_regression(positives / studies, weights=studies).x
    return float((positives * (1 - fitted) ** 2 + (studies - positives) * fitted**2).sum() / studies.sum())


def parts_of(brier: float, recalibrated: float, prevalence: float) -> BrierParts:
    """The parts, from the score, that of the recalibrated probabilities, and the prevalence."""
    uncertainty = prevalence * (1 - prevalence)
    return BrierParts(
        brier=brier,
        miscalibration=brier - recalibrated,
        discrimination=uncertainty - recalibrated,
        uncertainty=uncertainty,
        scaled=1 - brier / uncertainty if uncertainty > 0 else float("nan"),
    )

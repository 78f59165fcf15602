"""What a calibrator sees: probabilities on the scale of logits, and what it finds.

    kind       values                                        truth
    odds       log p − log(1 − p), `case 1`                  1 with the finding, 0 without
    classes    log p_k, `case class`                         index of the class
    cuts       log P(y > k) − log P(y ≤ k), `case cut`       index of the class, classes ascending

A probability of 0 counts as the smallest number that a 64-bit float can say, so that no score is infinite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float64

from medtransfer.core.types import ClassProbabilities, Probabilities

Kind = Literal["odds", "classes", "cuts"]

Parameters = dict[str, tuple[float, ...]]
"""What a calibrator was fitted to be, as a bundle stores it."""

ScoreValues = Float64[np.ndarray, "case column"]

_SMALLEST = float(np.nextafter(0.0, 1.0))


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Of each study."""

    kind: Kind
    values: ScoreValues


class Fitted(NamedTuple):
    """What `fit` found, and what a reader should know of it."""

    parameters: Parameters
    notes: tuple[str, ...] = ()


def odds(positive: Probabilities, negative: Probabilities | None = None) -> Scores:
    """Of one finding; `negative` is 1 − `positive` with more digits, where there are any."""
    rest = 1 - positive if negative is None else negative
    return Scores(kind="odds", values=(_log(positive) - _log(rest))[:, None])


def classes(probability: ClassProbabilities) -> Scores:
    """Of exclusive classes."""
    return Scores(kind="classes", values=_log(probability))


def cuts(probability: ClassProbabilities) -> Scores:
    """Of ordered classes."""
    below = np.cumsum(probability, axis=1)[:, :-1]
    above = np.cumsum(probability[:, ::-1], axis=1)[:, ::-1][:, 1:]
    return Scores(kind="cuts", values=_log(above) - _log(below))


def _log(probability: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probability, _SMALLEST))

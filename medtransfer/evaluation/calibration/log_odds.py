"""Probabilities on the scale on which calibration is a straight line: logit p = log(p / (1 − p)).

A probability of exactly 0 or 1 has no logit. Such a study is kept: probabilities are moved to [δ, 1 − δ], δ = 10⁻⁸,
and the note of every figure that rests on it says how many were. Its logit, ±18.4, is far from all others, so a single
confident miss can decide a slope: that is what such a probability claims.

Reference: the replacement by 10⁻⁸ is that of De Cock Campo, Nieboer, Van Calster, Steyerberg, CalibrationCurves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import logit

from medtransfer.core.types import CaseWeights, Probabilities

NEAREST: Final = 1e-8
"""δ."""


@dataclass(frozen=True, kw_only=True)
class LogOdds:
    """Of each study."""

    values: CaseWeights
    moved: int
    """Probabilities nearer than δ to 0 or 1."""

    @property
    def note(self) -> str:
        """What was done; empty where nothing was."""
        if not self.moved:
            return ""
        count = "1 probability" if self.moved == 1 else f"{self.moved} probabilities"
        return f"{count} nearer than 1e-8 to 0 or 1 moved there"


def log_odds(probability: Probabilities) -> LogOdds:
    """Logit p, finite for every p in [0, 1]."""
    inside = np.clip(probability, NEAREST, 1 - NEAREST)
    return LogOdds(values=logit(inside), moved=int((inside != probability).sum()))

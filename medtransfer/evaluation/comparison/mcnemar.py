"""Do two models decide equally well? McNemar's tests on the studies that one gets right and the other wrong.

Over patients i, with dᵢ = (studies only the model gets right) − (studies only the reference gets right):

    no patient repeats (|dᵢ| ≤ 1), b = only the model, c = only the reference
        exact       P(|B − n/2| ≥ |b − n/2|),  B ~ Binomial(n = b + c, ½)
        corrected   χ²₁ = max(0, |b − c| − 1)² / (b + c)                     Edwards' continuity correction
    patients repeat
        exact       P(|Σ sᵢ·dᵢ| ≥ |Σ dᵢ|),  signs sᵢ = ±1 with probability ½ each
        clustered   χ²₁ = (Σ dᵢ)² / Σ dᵢ²

Both kinds take the patient as the unit: if the models decide equally well, a patient's dᵢ is as likely as −dᵢ. The
exact test of repeating patients is McNemar's where none repeats, and the clustered χ² is McNemar's without the
correction.

Reference: McNemar 1947; Edwards 1948; Yang, Sun, Hardin 2010 (clustered matched-pair binary data), a sharper form of
Obuchowski 1998; Fisher 1935, §21 (flipping signs).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
from jaxtyping import Float64, Int64
from scipy.signal import fftconvolve
from scipy.stats import binom

from medtransfer.core.types import Groups, Truths

SignedCounts = Int64[np.ndarray, " patient"]
"""dᵢ."""

CORRECTED = "McNemar, continuity correction"
CLUSTERED = "Yang–Sun–Hardin (McNemar for patients that repeat)"
EXACT = "McNemar, exact"
EXACT_CLUSTERED = "exact, signs of the patients' differences flipped"


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """Counts of studies, and the tests."""

    both_right: int
    only_model: int
    only_reference: int
    both_wrong: int
    discordant_patients: int
    statistic: float | None
    """χ²; None where no patient is discordant."""
    p: float | None
    p_exact: float
    method: str
    exact_method: str


def mcnemar(model_right: Truths, reference_right: Truths, groups: Groups) -> McNemar:
    """Test whether both are right equally often.

    Args:
        model_right: True where the model decides as the truth says.
        reference_right: The same of the reference.
        groups: The patient of each study.
    """
    only_model, only_reference = model_right & ~reference_right, ~model_right & reference_right
    signed = only_model.astype(np.int64) - only_reference.astype(np.int64)
    patients, position = np.unique(groups, return_inverse=True)
    repeats = patients.size < groups.size
    d = np.bincount(position, weights=signed, minlength=patients.size).astype(np.int64)
    d = d[d != 0]
    statistic = chi_squared(d, corrected=not repeats)
    return McNemar(
        both_right=int(np.sum(model_right & reference_right)),
        only_model=int(only_model.sum()),
        only_reference=int(only_reference.sum()),
        both_wrong=int(np.sum(~model_right & ~reference_right)),
        discordant_patients=int(d.size),
        statistic=statistic,
        p=None if statistic is None else erfc(sqrt(statistic / 2)),
        p_exact=exact_p(d),
        method=CLUSTERED if repeats else CORRECTED,
        exact_method=EXACT_CLUSTERED if repeats else EXACT,
    )


def chi_squared(d: SignedCounts, *, corrected: bool) -> float | None:
    """(|Σ d| − 1)² / Σ d² with the correction, (Σ d)² / Σ d² without it; None where there is nothing to divide by."""
    if d.size == 0:
        return None
    return max(0.0, abs(float(d.sum())) - corrected) ** 2 / float(np.sum(d * d))


def exact_p(d: SignedCounts) -> float:
    """P(|Σ ±|dᵢ|| ≥ |Σ dᵢ|), all signs equally likely; 1 where no patient is discordant.

    The k-sized differences of n_k patients have the sum k·(2B − n_k), B ~ Binomial(n_k, ½): their distributions are
    convolved, one for each size, so that many patients cost no more than few.
    """
    sizes, patients = np.unique(np.abs(d), return_counts=True)
    distribution: Float64[np.ndarray, " total"] = np.ones(1)
    for size, n in zip(sizes.tolist(), patients.tolist(), strict=True):
        steps = np.zeros(2 * size * n + 1)
        steps[:: 2 * size] = binom.pmf(np.arange(n + 1), n, 0.5)
        distribution = fftconvolve(distribution, steps) if distribution.size > 1 else steps
    reach = int(np.abs(d).sum())
    totals = np.abs(np.arange(-reach, reach + 1))
    return float(np.clip(distribution[totals >= abs(int(d.sum()))].sum(), 0.0, 1.0))

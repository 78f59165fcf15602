"""Chance-corrected agreement between readers, under many sets of case weights at once.

    percent agreement   Σ_i Σ_k n_ik·(n_ik − 1) / Σ_i m_i·(m_i − 1)
    Cohen's κ           1 − Σ_ab w_ab·O_ab / Σ_ab w_ab·E_ab,   E_ab = O_a·O_·b / n
    Fleiss' κ           (P̄ − P_e)/(1 − P_e),   P̄ the mean of Σ_k n_ik(n_ik − 1)/(m(m − 1)),   P_e = Σ_k p_k²
    Krippendorff's α    1 − D_o/D_e = 1 − (n − 1) · Σ_ck o_ck·δ²_ck / Σ_ck n_c·n_k·δ²_ck

n_ik readers of the m_i that read case i call it k. In Cohen's κ of two readers w_ab is 0 or 1, or (a − b)² where the
classes have an order. Of Fleiss' κ every case needs the same number of readings; α takes whatever there is:
o_ck = Σ_i (pairs of readings c, k of case i) / (m_i − 1), n_c = Σ_k o_ck, and δ² is [c ≠ k], or, of ordered classes,
(Σ_{g=c…k} n_g − (n_c + n_k)/2)². A value is NaN where chance alone would agree always.

Reference: Cohen 1960 and 1968; Fleiss 1971; Krippendorff 2011, Computing Krippendorff's alpha-reliability.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from medtransfer.evaluation.readers.sums import OfSums, Sums, ratio
from medtransfer.evaluation.readers.truth import Answers
from medtransfer.evaluation.resampling import ReplicateValues

Counts = Float64[np.ndarray, "case class"]
"""How many readers called each case each class."""


def class_counts(answers: Answers, classes: int) -> Counts:
    """Definite answers of each case, by class."""
    return (answers[:, :, None] == np.arange(classes)).sum(axis=1).astype(np.float64)


def percent_agreement(counts: Counts) -> OfSums:
    """The share of pairs of readings of one case that agree."""
    readings = counts.sum(axis=1)
    columns = np.stack([(counts * (counts - 1)).sum(axis=1), readings * (readings - 1)], axis=1)
    return OfSums(columns=columns, value=lambda sums: ratio(sums[:, 0], sums[:, 1]))


def cohen(answers: Answers, classes: int, *, ordered: bool = False) -> OfSums:
    """κ of the two readers whose definite answers are given; quadratic weights where the classes have an order."""
    pairs = np.eye(classes**2)[answers[:, 0] * classes + answers[:, 1]]
    apart = np.subtract.outer(np.arange(classes), np.arange(classes)).astype(np.float64)
    apart = apart**2 if ordered else (apart != 0).astype(np.float64)

    def kappa(sums: Sums) -> ReplicateValues:
        observed = sums.reshape(-1, classes, classes)
        by_chance = observed.sum(axis=2)[:, :, None] * observed.sum(axis=1)[:, None, :]
        found = (observed * apart).sum(axis=(1, 2)) * observed.sum(axis=(1, 2))
        return 1 - ratio(found, (by_chance * apart).sum(axis=(1, 2)))

    return OfSums(columns=pairs, value=kappa)


def fleiss(counts: Counts) -> OfSums:
    """κ of cases that all have the same number of readings, two or more."""
    readings = counts[:1].sum(axis=1)
    agreement = (counts * (counts - 1)).sum(axis=1) / (readings * (readings - 1))

    def kappa(sums: Sums) -> ReplicateValues:
        cases = sums[:, 0]
        by_chance = (ratio(sums[:, 2:].T, cases) ** 2).sum(axis=0)
        return 1 - ratio(1 - ratio(sums[:, 1], cases), 1 - by_chance)

    shares = counts / readings[:, None]
    return OfSums(columns=np.column_stack([np.ones(len(counts)), agreement, shares]), value=kappa)


def alpha(counts: Counts, *, ordered: bool = False) -> OfSums:
    """Krippendorff's α; cases with fewer than two readings say nothing, and may be there."""
    classes = counts.shape[1]
    pairs = counts[:, :, None] * counts[:, None, :]
    pairs[:, np.arange(classes), np.arange(classes)] -= counts
    others = counts.sum(axis=1)[:, None, None] - 1
    per_case = np.divide(pairs, others, out=np.zeros_like(pairs), where=others > 0)

    def found(sums: Sums) -> ReplicateValues:
        coincidences = sums.reshape(-1, classes, classes)
        totals = coincidences.sum(axis=2)
        apart = _ordinal_distance(totals) if ordered else 1 - np.eye(classes)[None]
        expected = (totals[:, :, None] * totals[:, None, :] * apart).sum(axis=(1, 2))
        return 1 - ratio((totals.sum(axis=1) - 1) * (coincidences * apart).sum(axis=(1, 2)), expected)

    return OfSums(columns=per_case.reshape(len(counts), classes**2), value=found)


def _ordinal_distance(totals: np.ndarray) -> np.ndarray:
    """δ² of each pair of classes in each replicate: how many readings lie between them, squared."""
    middle = np.cumsum(totals, axis=1) - totals / 2
    return (middle[:, :, None] - middle[:, None, :]) ** 2

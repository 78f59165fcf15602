"""AUROC of a linear model that never saw the patient it judges.

Patients are dealt into folds, those with the finding, without it and with both apart. On each fold a ridge logistic
regression judges that was fitted to the others, with values standardised there:

    min over w, b   ½‖w‖² + C · Σ log(1 + exp(−y(wᵀz + b)))

    θ = Σ_k m_k·n_k·θ_k / Σ_k m_k·n_k,     Var θ = Σ_k (m_k·n_k)² · Var θ_k / (Σ_k m_k·n_k)²

with m_k positives and n_k negatives in fold k. Scores are compared within folds only: between folds they have different
intercepts, which makes a useless model look worse than chance. Var θ_k is the clustered variance of the fold, whose
patients are in no other; the fitted models count as given.

Reference: LeDell, Petersen, van der Laan 2015 (intervals of a cross-validated AUROC); Forman, Scholz 2010 (pooling).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float64, Int
from sklearn.linear_model import LogisticRegression

from medtransfer.core.results import Estimate
from medtransfer.core.types import FeatureRows, Groups, Truths
from medtransfer.evaluation.cautions import FEW
from medtransfer.evaluation.intervals import class_strata, logit_interval
from medtransfer.evaluation.roc import clustered_variance, placements

FOLDS: Final = 5
PENALTY: Final = 0.1
"""C, the same for every cohort: columns are standardised, so one value serves tables and pictures."""

METHOD: Final = f"ridge logistic regression (C = {PENALTY:g}), {FOLDS} folds of patients, AUROC within folds"

Folds = Int[np.ndarray, " case"]


def cross_fitted_auroc(
    name: str, values: FeatureRows, truth: Truths, groups: Groups, *, seed: int, level: float = 0.95
) -> Estimate:
    """How well the finding is told from `values` alone.

    Args:
        name: Of the estimate.
        values: Numbers, standardised here; a column that does not vary is of no use and does no harm.
        truth: Of each study.
        groups: The patient of each study.
        seed: Of the folds.
        level: Coverage aimed at.

    Returns:
        None with a note, with fewer than `FEW` patients with or without the finding.
    """
    n = int(truth.size)
    fewest = min(np.unique(groups[truth]).size, np.unique(groups[~truth]).size)
    if fewest < FEW:
        note = f"fewer than {FEW} patients with or without the finding"
        return Estimate(name=name, value=None, level=level, method=METHOD, n=n, note=note)
    fold = dealt(truth, groups, folds=FOLDS, seed=seed)
    weights, aurocs, variances = (np.empty(FOLDS) for _ in range(3))
    for k in range(FOLDS):
        inside = fold == k
        scores = _fitted(values[~inside], truth[~inside], values[inside])
        weights[k] = np.sum(truth[inside]) * np.sum(~truth[inside])
        aurocs[k] = placements(truth[inside], scores).auroc
        variances[k] = clustered_variance(truth[inside], scores, groups[inside])
    weights /= weights.sum()
    value = float(aurocs[0]) if np.ptp(aurocs) == 0 else float(weights @ aurocs)  # 1 in every fold is 1, not almost
    error = float(max(weights**2 @ variances, 0.0)) ** 0.5
    interval = logit_interval(value, error, level, trials=fewest)
    if interval is None:
        note = "no interval: no variation, or too few patients in a fold"
        return Estimate(name=name, value=value, level=level, method=METHOD, n=n, note=note)
    return Estimate(name=name, value=value, low=interval.low, high=interval.high, level=level, method=METHOD, n=n)


def dealt(truth: Truths, groups: Groups, *, folds: int, seed: int) -> Folds:
    """The fold of each study: patients of each kind (only with, only without, both) shuffled and dealt in turn.

    The deal goes on where the last kind ended, so that folds are of equal size.
    """
    patients, first, position = np.unique(groups, return_index=True, return_inverse=True)
    kinds = class_strata(truth.astype(np.int64), groups)[first]
    shuffled = np.random.default_rng(seed).permutation(patients.size)
    order = shuffled[np.argsort(kinds[shuffled], kind="stable")]
    of_patient = np.empty(patients.size, dtype=np.int64)
    of_patient[order] = np.arange(patients.size) % folds
    return of_patient[position]


def _fitted(values: FeatureRows, truth: Truths, judged: Float64[np.ndarray, "judged feature"]) -> np.ndarray:
    """Scores of what is judged, by a model of the others."""
    centre, spread = values.mean(axis=0), values.std(axis=0)
    spread = np.where(spread > 1e-12 * np.maximum(1.0, np.abs(centre)), spread, np.inf)
    if not np.isfinite(spread).any() or values.shape[1] == 0:
        return np.zeros(len(judged))
    model = LogisticRegression(C=PENALTY, max_iter=1000)
    model.fit((values - centre) / spread, truth)
    return np.asarray(model.decision_function((judged - centre) / spread), dtype=np.float64)

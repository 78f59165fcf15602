"""Every figure of calibration on every bootstrap replicate, from the counts in the cells.

Regressions take one Newton step from the estimate of the data, with the replicate's own score and information:

    θ_b = θ̂ + A_b⁻¹·s_b

It differs from the replicate's own maximum by O(1/n), and has a value where that has none (separated classes).

Reference: Davison, Hinkley 1997, Bootstrap Methods, 7.2 (one-step estimates in regression).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.special import expit

from medtransfer.core.types import CaseWeights
from medtransfer.evaluation.calibration.bins import Cuts, ThreeErrors, bin_of, calibration_errors
from medtransfer.evaluation.calibration.cells import ByCell, Cells, Counts
from medtransfer.evaluation.calibration.decomposition import recalibrated_brier
from medtransfer.evaluation.calibration.logistic import Design, LogisticFit
from medtransfer.evaluation.calibration.smooth import SmoothCurve
from medtransfer.evaluation.positive import Positive
from medtransfer.evaluation.resampling import ReplicateValues

Steps = Float64[np.ndarray, "replicate coefficient"]

Curves = Float64[np.ndarray, "replicate point"]


@dataclass(frozen=True, kw_only=True)
class BrierReplicates:
    """As `decomposition.BrierParts`, and mean p − observed frequency."""

    in_the_large: ReplicateValues
    brier: ReplicateValues
    miscalibration: ReplicateValues
    discrimination: ReplicateValues
    uncertainty: ReplicateValues
    scaled: ReplicateValues


@dataclass(frozen=True, kw_only=True)
class SmoothReplicates:
    """ICI, E50, E90, and the curve at the points asked for."""

    mean: ReplicateValues
    median: ReplicateValues
    ninth_decile: ReplicateValues
    curve: Curves


def brier_replicates(view: Positive, cells: Cells, counts: Counts) -> BrierReplicates:
    """Brier score, its parts, and calibration-in-the-large."""
    excess = view.probability - view.truth
    studies = counts.sum(axis=1)
    in_the_large, brier = (_ratio(counts @ cells.means(column), studies) for column in (excess, excess**2))
    positives, everyone = _by_cell(counts)
    prevalence = _ratio(positives.sum(axis=1), studies)
    recalibrated = np.array([_recalibrated(*pair) for pair in zip(positives, everyone, strict=True)])
    uncertainty = prevalence * (1 - prevalence)
    return BrierReplicates(
        in_the_large=in_the_large,
        brier=brier,
        miscalibration=brier - recalibrated,
        discrimination=uncertainty - recalibrated,
        uncertainty=uncertainty,
        scaled=1 - _ratio(brier, uncertainty),
    )


def regression_replicates(
    design: Design, residual: CaseWeights, fit: LogisticFit, cells: Cells, counts: Counts
) -> Steps:
    """θ_b of each replicate; NaN where its information is singular."""
    k = design.shape[1]
    spread = fit.fitted * (1 - fit.fitted)
    pairs = [(i, j) for i in range(k) for j in range(i + 1)]
    columns = [residual * column for column in design.T]
    columns += [spread * design[:, i] * design[:, j] for i, j in pairs]
    sums = counts @ np.stack([cells.means(column) for column in columns], axis=1)
    information = np.empty((len(counts), k, k))
    for place, (i, j) in enumerate(pairs):
        information[:, i, j] = information[:, j, i] = sums[:, k + place]
    size = np.prod(np.diagonal(information, axis1=1, axis2=2), axis=1)
    regular = np.linalg.det(information) > np.finfo(np.float64).eps * size
    steps = np.full((len(counts), k), np.nan)
    steps[regular] = np.linalg.solve(information[regular], sums[regular, :k, None])[:, :, 0]
    return fit.coefficients + steps


def smooth_replicates(
    view: Positive, smooth: SmoothCurve, at: Design, cells: Cells, counts: Counts
) -> SmoothReplicates:
    """Distances of the probabilities from each replicate's curve, and the curve where `at` is its design."""
    theta = regression_replicates(smooth.design, view.truth - smooth.fit.fitted, smooth.fit, cells, counts)
    design = np.stack([cells.cell_means(column) for column in smooth.design.T], axis=1)
    distance = np.abs(expit(theta @ design.T) - cells.cell_means(view.probability))
    _, everyone = _by_cell(counts)
    order = np.argsort(distance, axis=1)
    reached = np.cumsum(np.take_along_axis(everyone, order, axis=1), axis=1)
    median, ninth = (_quantile(distance, order, reached, share) for share in (0.5, 0.9))
    return SmoothReplicates(
        mean=_ratio((distance * everyone).sum(axis=1), reached[:, -1]),
        median=median,
        ninth_decile=ninth,
        curve=expit(theta @ at.T),
    )


def error_replicates(view: Positive, at: Cuts, cells: Cells, counts: Counts) -> ThreeErrors:
    """ECE, root mean square and maximum over bins, whose edges stay those of the data."""
    position = bin_of(view.probability[cells.first], at)
    inside = np.tile(position[:, None] == np.arange(at.size + 1), (2, 1)).astype(np.float64)
    excess = cells.means(view.truth - view.probability)
    return calibration_errors(counts @ (excess[:, None] * inside), counts @ inside)


def _by_cell(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Studies with the finding in each cell, and all."""
    positives, negatives = np.split(counts, 2, axis=1)
    return positives, positives + negatives


def _recalibrated(positives: ByCell, everyone: ByCell) -> float:
    there = everyone > 0
    return recalibrated_brier(positives[there], everyone[there]) if there.any() else float("nan")


def _ratio(above: ReplicateValues, below: ReplicateValues) -> ReplicateValues:
    """NaN where there is nothing below."""
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)


def _quantile(distance: Curves, order: np.ndarray, reached: Curves, share: float) -> ReplicateValues:
    """The smallest distance that a share of the studies does not exceed."""
    place = (reached >= share * reached[:, -1:]).argmax(axis=1)
    rows = np.arange(len(distance))
    return distance[rows, order[rows, place]]

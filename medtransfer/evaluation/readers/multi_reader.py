"""Modalities compared when several readers score the same cases in each: Obuchowski and Rockette's analysis.

    θ_ij  AUROC of reader j of r in modality i of t
    F   = MS(T) / (MS(TR) + r·max(Cov2 − Cov3, 0)),    F ~ F(t − 1, ddf)
    ddf = (MS(TR) + r·max(Cov2 − Cov3, 0))² / (MS(TR)² / ((t − 1)(r − 1)))

MS(T) and MS(TR) are the mean squares of modality and of modality × reader over the θ_ij. Cov2 is the mean covariance
of two readers' θ in one modality, Cov3 in two; covariances are jackknife ones, a case being left out at a time. Readers
and cases are both drawn from populations.

Reference: Obuchowski, Rockette 1995; Hillis 2007 (the degrees of freedom); Hillis, Berbaum, Metz 2008.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from jaxtyping import Float64
from scipy import stats

from medtransfer.core.errors import PredictionsError
from medtransfer.core.results import Estimate
from medtransfer.core.types import Probabilities, Truths
from medtransfer.evaluation.readers.ratings import Ratings, Scores
from medtransfer.evaluation.roc import placements

Aurocs = Float64[np.ndarray, "modality reader"]
LeftOut = Float64[np.ndarray, "modality reader case"]
"""AUROC of each reader in each modality without each case."""


@dataclass(frozen=True, kw_only=True)
class MultiReader:
    """What the analysis found.

    Attributes:
        auroc: By modality, the mean over its readers, with its interval.
        difference: First modality − second, where there are two.
        f: The statistic.
        numerator, denominator: Its degrees of freedom.
        p: Of the hypothesis that all modalities are alike.
    """

    auroc: dict[str, Estimate]
    difference: Estimate | None
    f: float
    numerator: int
    denominator: float
    p: float


def obuchowski_rockette(ratings: Ratings, *, level: float = 0.95) -> MultiReader:
    """Compare the modalities of a fully crossed study.

    Raises:
        PredictionsError: `NotCrossed`, or `TooFewReaders` where there are fewer than two readers or modalities, or
            fewer than two cases with or without the finding.
    """
    scores, truth = ratings.crossed()
    modalities, readers, cases = scores.shape
    if min(modalities, readers, int(truth.sum()), int((~truth).sum())) < 2:
        raise PredictionsError(
            f"{modalities} modalities, {readers} readers, {int(truth.sum())} cases with the finding of {cases}",
            code="TooFewReaders",
            hint="Two of each are the least: modalities, readers, cases with and cases without the finding.",
        )
    auroc, left_out = aurocs(scores, truth)
    of_modality, of_reader = auroc.mean(axis=1), auroc.mean(axis=0)
    treatment = readers * of_modality.var(ddof=1)
    residual = auroc - of_modality[:, None] - of_reader[None, :] + auroc.mean()
    crossed = (residual**2).sum() / ((modalities - 1) * (readers - 1))
    covariance = _covariances(left_out)
    error = crossed + readers * max(covariance.same_modality - covariance.neither, 0.0)
    f = float(np.divide(treatment, error)) if error > 0 else float("nan")
    denominator = float(error**2 / (crossed**2 / ((modalities - 1) * (readers - 1)))) if crossed > 0 else float("inf")
    names = ratings.names("modality")
    method = f"Obuchowski–Rockette, jackknife covariance, {readers} readers"
    return MultiReader(
        auroc={name: _of_modality(name, auroc[i], left_out[i], cases, method, level) for i, name in enumerate(names)},
        difference=_difference(of_modality, error * 2 / readers, denominator, cases, method, level)
        if modalities == 2
        else None,
        f=f,
        numerator=modalities - 1,
        denominator=denominator,
        p=float(stats.f.sf(f, modalities - 1, denominator)),
    )


def aurocs(scores: Scores, truth: Truths) -> tuple[Aurocs, LeftOut]:
    """AUROC of every reader in every modality, on all cases and without each of them."""
    left_out = np.array([[_without_each(one, truth) for one in modality] for modality in scores])
    whole = np.array([[placements(truth, one).auroc for one in modality] for modality in scores])
    return whole, left_out


def _without_each(score: Probabilities, truth: Truths) -> Float64[np.ndarray, " case"]:
    """A positive case has V10·n of the m·n pairs: without it θ is (θ·m − V10)/(m − 1); likewise a negative one."""
    v = placements(truth, score)
    found = np.empty(truth.size)
    found[truth] = (v.auroc * v.positive.size - v.positive) / (v.positive.size - 1)
    found[~truth] = (v.auroc * v.negative.size - v.negative) / (v.negative.size - 1)
    return found


@dataclass(frozen=True, kw_only=True)
class _Covariances:
    """Cov2 (two readers, one modality) and Cov3 (two of each)."""

    same_modality: float
    neither: float


def _covariances(left_out: LeftOut) -> _Covariances:
    """Jackknife covariances (n − 1)/n · Σ (θ₋ₖ − mean)(θ₋ₖ − mean)ᵀ, averaged over pairs of their kind."""
    modalities, readers, cases = left_out.shape
    flat = left_out.reshape(-1, cases)
    flat = flat - flat.mean(axis=1, keepdims=True)
    matrix = (cases - 1) / cases * (flat @ flat.T)
    modality, reader = np.divmod(np.arange(modalities * readers), readers)
    other_reader = reader[:, None] != reader[None, :]
    same = modality[:, None] == modality[None, :]
    return _Covariances(
        same_modality=float(matrix[other_reader & same].mean()), neither=float(matrix[other_reader & ~same].mean())
    )


def _of_modality(name: str, auroc: np.ndarray, left_out: np.ndarray, cases: int, method: str, level: float) -> Estimate:
    """Mean AUROC of one modality; its variance is (MS(R) + r·max(Cov2, 0))/r within it (Hillis 2007, eq. for one)."""
    readers = auroc.size
    centred = left_out - left_out.mean(axis=1, keepdims=True)
    matrix = (cases - 1) / cases * (centred @ centred.T)
    between = float(matrix[~np.eye(readers, dtype=bool)].mean())
    spread = float(auroc.var(ddof=1))
    error = spread + readers * max(between, 0.0)
    freedom = error**2 / (spread**2 / (readers - 1)) if spread > 0 else float("inf")
    half = float(stats.t.ppf(0.5 + level / 2, freedom)) * sqrt(error / readers)
    value = float(auroc.mean())
    return Estimate(
        name="AUROC",
        value=value,
        low=max(0.0, value - half),
        high=min(1.0, value + half),
        level=level,
        method=method,
        n=cases,
        of=name,
    )


def _difference(means: np.ndarray, variance: float, freedom: float, cases: int, method: str, level: float) -> Estimate:
    value = float(means[0] - means[1])
    half = float(stats.t.ppf(0.5 + level / 2, freedom)) * sqrt(variance)
    return Estimate(
        name="difference of AUROC",
        value=value,
        low=value - half,
        high=value + half,
        level=level,
        method=method,
        n=cases,
    )

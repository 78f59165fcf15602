"""Density ratio by classification: weigh source cases by how much they look like the target's.

    w(x) = p_T(x) / p_S(x) = (n_S / n_T) · P(T | x) / P(S | x)

A logistic regression tells the domains apart on standardised principal components of frozen features. It is
cross-fitted over patients, so that no case is judged by a model that has seen it: with many features any two
domains separate perfectly in sample, and the weights would say nothing. Weights are clipped at `clip` times
their mean and scaled to mean 1.

Reference: Bickel, Brückner, Scheffer 2009, Discriminative learning under covariate shift, eq. 7;
Sugiyama, Suzuki, Kanamori 2012, Density ratio estimation in machine learning, ch. 4.
"""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from medtransfer.core.errors import ObjectiveError
from medtransfer.core.types import CaseWeights
from medtransfer.transfer.types import Sample, SampleWeights


def weigh(
    source: Sample,
    target: Sample,
    *,
    folds: int = 5,
    components: int = 32,
    penalty: float = 1.0,
    clip: float = 10.0,
) -> SampleWeights:
    """Weights of the source cases, mean 1.

    Args:
        source: Frozen features of the source's training cases.
        target: Frozen features of the target's training cases.
        folds: Of the cross-fitting, at least 2.
        components: Principal components kept, at most a fifth of the smaller domain's cases.
        penalty: Ridge penalty of the logistic regression (1 / C).
        clip: Largest weight, in units of the mean weight.

    Raises:
        ObjectiveError: A hyperparameter is out of its range, or a domain has fewer patients than folds.
    """
    for key, value, least in (("folds", folds, 2), ("components", components, 1), ("clip", clip, 1)):
        if value < least:
            raise _refusal(f"{key} = {value}", "BadHyperparameter", key, f"{key} is at least {least}.")
    if penalty <= 0:
        raise _refusal(f"penalty = {penalty}", "BadHyperparameter", "penalty", "The penalty is above 0.")
    for name, domain in (("source", source), ("target", target)):
        if (n := len(np.unique(domain.patients))) < folds:
            message = f"{n} {name} patients are fewer than {folds} folds"
            raise _refusal(message, "TooFewPatients", "folds", "Use fewer folds, or leave instance weights out.")
    features = np.concatenate([source.features, target.features]).astype(np.float64)
    is_target = np.repeat([0, 1], [len(source.features), len(target.features)])
    owners = np.concatenate([source.patients, target.patients + source.patients.max() + 1])
    kept = max(1, min(components, len(source.features) // 5, len(target.features) // 5, features.shape[1]))
    log_odds = np.empty(len(features))
    for train, held_out in StratifiedGroupKFold(folds).split(features, is_target, owners):
        model = make_pipeline(
            StandardScaler(),
            PCA(kept, svd_solver="full"),
            StandardScaler(),
            LogisticRegression(C=1 / penalty, max_iter=1000),
        )
        model.fit(features[train], is_target[train])
        log_odds[held_out] = model.decision_function(features[held_out])
    prior = np.log(len(source.features) / len(target.features))
    ratio = np.exp(np.clip(log_odds[is_target == 0] + prior, -30, 30))
    values = clipped_to_mean_one(ratio, clip)
    clipped = int(np.isclose(values, clip, rtol=1e-9, atol=0).sum())
    return SampleWeights(values=values, effective_size=float(values.sum() ** 2 / (values**2).sum()), clipped=clipped)


def clipped_to_mean_one(ratio: CaseWeights, clip: float) -> CaseWeights:
    """Scale to mean 1 and cut at `clip`, both holding at once: w = min(c·r, clip) with mean(w) = 1.

    c is found by bisection, since the mean grows with it; for clip ≥ 1 it exists.
    """
    low, high = 0.0, clip / ratio.min()
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(middle * ratio, clip).mean() < 1 else (low, middle)
    values = np.minimum(high * ratio, clip)
    return values / values.mean()


def _refusal(message: str, code: str, key: str, hint: str) -> ObjectiveError:
    return ObjectiveError(message, code=code, path=f"objective.instances.classifier_ratio.{key}", hint=hint)

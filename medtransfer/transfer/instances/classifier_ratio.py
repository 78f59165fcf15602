"""Density ratio by classification: weigh source cases by how much they look like the target's.

    w(x) = p_T(x) / p_S(x) = (n_S / n_T) · P(T | x) / P(S | x)

A logistic regression tells the domains apart on standardised principal components of frozen features. It is
cross-fitted over patients, so that no case is judged by a model that has seen it: with many features any two
domains separate perfectly in sample, and the weights would say nothing. n_S and n_T are those of the cases that a
fold's model has seen. Weights are clipped at `clip` times their mean and scaled to mean 1.

Reference: Bickel, Brückner, Scheffer 2009, Discriminative learning under covariate shift, eq. 7;
Sugiyama, Suzuki, Kanamori 2012, Density ratio estimation in machine learning, ch. 4.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from medtransfer.transfer.instances._features import (
    at_most,
    check_patients,
    check_samples,
    fit_components,
    patient_folds,
)
from medtransfer.transfer.instances._weights import check_number, sample_weights
from medtransfer.transfer.types import Sample, SampleWeights

_LARGEST = 30.0
"""Of the log odds: e³⁰ is beyond any clip, and far from an overflow."""


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
        ObjectiveError: A hyperparameter is out of its range, features are not finite, or a domain has fewer patients
            than folds.
    """
    for key, value, least in (("folds", folds, 2), ("components", components, 1)):
        check_number("classifier_ratio", key, value, least=least, whole=True)
    check_number("classifier_ratio", "penalty", penalty, above=0)
    check_number("classifier_ratio", "clip", clip, least=1)
    check_samples("classifier_ratio", source, target)
    check_patients("classifier_ratio", folds, "source", source.patients)
    check_patients("classifier_ratio", folds, "target", target.patients)
    kept = at_most(components, source, target)
    log_odds = np.empty(len(source.features))
    for held_out, others in patient_folds(source, target, folds):
        seen = np.delete(source.features, held_out, axis=0), np.delete(target.features, others, axis=0)
        axes = fit_components(np.concatenate(seen), kept)
        model = LogisticRegression(C=1 / penalty, tol=1e-6, max_iter=1000)
        model.fit(axes.of(np.concatenate(seen)), np.repeat([0, 1], [len(part) for part in seen]))
        prior = np.log(len(seen[0]) / len(seen[1]))
        log_odds[held_out] = prior + model.decision_function(axes.of(source.features[held_out]))
    ratio = np.exp(np.clip(log_odds, -_LARGEST, _LARGEST))
    return sample_weights("classifier_ratio", ratio, clip)

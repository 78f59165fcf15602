"""Label shift: weigh source cases by how much more frequent their class is at the target (black-box shift estimation).

    C w = q,   C_ij = P_S(ŷ = i, y = j),   q_i = P_T(ŷ = i),   weight of a source case = w(y) = p_T(y) / p_S(y)

It holds where classes look alike at both hospitals and only their frequencies differ: p_T(x | y) = p_S(x | y). The
target's labels are not looked at. ŷ is a class-balanced logistic regression on standardised principal components of
frozen features, cross-fitted over source patients: C counts held-out cases alone, and q is the mean over the folds'
models. With `soft`, P(ŷ = i) is the mean predicted probability, else the share of cases of which i is the likeliest
class. The system is solved by non-negative least squares that hold w near 1, the more so the fewer the cases:

    min over w ≥ 0   ‖C w − q‖² + ρ·‖w − 1‖²,   ρ = shrinkage · (1 / n_S + 1 / n_T)

With shrinkage = ¼, ρ is the most that a share's sampling variance can be, against a prior variance of 1 for w. Weights
are then clipped at `clip` times their mean and scaled to mean 1.

Reference: Lipton, Wang, Smola 2018, Detecting and correcting for label shift with black box predictors;
Azizzadenesheli, Liu, Yang, Anandkumar 2019, Regularized learning for domain adaptation under label shifts (the
regularisation towards w = 1).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from medtransfer.core.types import ClassIndices
from medtransfer.transfer.instances._features import at_most, check_patients, check_samples, fit_components
from medtransfer.transfer.instances._shapes import ClassRows, ClassShares, Confusion, FoldClassRows
from medtransfer.transfer.instances._weights import check_number, refusal, sample_weights
from medtransfer.transfer.types import Sample, SampleWeights

LEAST_SINGULAR = 0.05
"""Of P_S(ŷ | y): below it, an error of .01 in the target's predicted shares is one of .2 in its class frequencies."""


def weigh(
    source: Sample,
    target: Sample,
    *,
    folds: int = 5,
    components: int = 32,
    penalty: float = 1.0,
    soft: bool = True,
    shrinkage: float = 0.25,
    clip: float = 10.0,
) -> SampleWeights:
    """Weights of the source cases, mean 1; equal for cases of one class.

    Args:
        source: Frozen features and labels of the source's training cases.
        target: Frozen features of the target's training cases.
        folds: Of the cross-fitting, at least 2.
        components: Principal components kept, at most a fifth of the smaller domain's cases.
        penalty: Ridge penalty of the logistic regression (1 / C).
        soft: Take predicted probabilities as they are, not the likeliest class.
        shrinkage: Pull towards w = 1, at least 0.
        clip: Largest weight, in units of the mean weight.

    Raises:
        ObjectiveError: A hyperparameter is out of its range, features are not finite, source labels are absent,
            unknown for a case or several for one case, a class has no case or fewer patients than folds, or the
            predictions tell the classes apart too badly for the system to be solved.
    """
    for key, whole, least in (("folds", folds, 2), ("components", components, 1)):
        check_number("label_shift", key, whole, least=least, whole=True)
    check_number("label_shift", "penalty", penalty, above=0)
    check_number("label_shift", "shrinkage", shrinkage, least=0)
    check_number("label_shift", "clip", clip, least=1)
    check_samples("label_shift", source, target)
    labels = _known_labels(source)
    for k in range(source.classes):
        check_patients("label_shift", folds, f"class {k} source", source.patients[labels == k])
    at_source, at_target = _predictions(source, labels, target, folds, at_most(components, source, target), penalty)
    if not soft:
        at_source, at_target = _likeliest(at_source), _likeliest(at_target)
    _check_confusion(at_source, labels, source)
    joint = at_source.T @ np.eye(source.classes)[labels] / len(labels)
    ridge = shrinkage * (1 / len(labels) + 1 / len(target.features))
    weights = class_weights(joint, at_target.mean(axis=(0, 1)), ridge)
    return sample_weights("label_shift", weights[labels], clip)


def class_weights(joint: Confusion, predicted: ClassShares, ridge: float) -> ClassShares:
    """The w ≥ 0 of the smallest ‖C w − q‖² + ρ·‖w − 1‖², C being `predicted true`, q `predicted`."""
    n = len(predicted)
    pull = np.sqrt(ridge)
    return nnls(np.concatenate([joint, pull * np.eye(n)]), np.concatenate([predicted, np.full(n, pull)]))[0]


def _known_labels(source: Sample) -> ClassIndices:
    labels, hint = source.labels, "Weights by class need one known class a source case: take classifier_ratio instead."
    if labels is None or labels.ndim != 1:
        found = "no labels" if labels is None else f"{labels.shape[1]} labels each"
        raise refusal("label_shift", "source", f"source cases have {found}", code="NoClasses", hint=hint)
    if unknown := int(((labels < 0) | (labels >= source.classes)).sum()):
        message = f"{unknown} of {len(labels)} source cases have no known class"
        raise refusal("label_shift", "source", message, code="UnknownLabels", hint=hint)
    present = np.unique(labels)
    if len(present) < max(2, source.classes):
        message = f"the source has cases of class {', '.join(map(str, present))} alone, of {source.classes} classes"
        hint = "A class that the source lacks cannot be weighed up: gather cases of it, or take classifier_ratio."
        raise refusal("label_shift", "source", message, code="MissingClass", hint=hint)
    return labels


def _predictions(
    source: Sample, labels: ClassIndices, target: Sample, folds: int, kept: int, penalty: float
) -> tuple[ClassRows, FoldClassRows]:
    """Class probabilities of held-out source cases, `case class`, and of target cases by each fold's model."""
    at_source, at_target = np.empty((len(labels), source.classes)), []
    for train, held_out in StratifiedGroupKFold(folds).split(source.features, labels, source.patients):
        if len(np.unique(labels[train])) < source.classes:
            message = f"a fold of {folds} holds out every case of a class"
            hint = "Use more folds, or leave instance weights out: the class rests on very few patients."
            raise refusal("label_shift", "folds", message, code="TooFewPatients", hint=hint)
        axes = fit_components(source.features[train], kept)
        model = LogisticRegression(C=1 / penalty, class_weight="balanced", tol=1e-6, max_iter=1000)
        model.fit(axes.of(source.features[train]), labels[train])
        at_source[held_out] = model.predict_proba(axes.of(source.features[held_out]))
        at_target.append(model.predict_proba(axes.of(target.features)))
    return at_source, np.stack(at_target)


def _likeliest(probabilities: np.ndarray) -> np.ndarray:
    """1 at the class of the largest probability (along the last axis), 0 at the others."""
    return np.eye(probabilities.shape[-1])[probabilities.argmax(axis=-1)]


def _check_confusion(predicted: ClassRows, labels: ClassIndices, source: Sample) -> None:
    """Refuse predictions that hardly differ between the classes: small errors of q would become large ones of w.

    The smallest singular value σ of P(ŷ | y) moves by no more than the matrix does (Weyl), whose standard error is the
    root of Σ_y Σ_i var(P(ŷ = i) | y) / n_y, counted in patients. σ has to exceed twice that, and LEAST_SINGULAR.
    """
    spread, columns = 0.0, []
    for k in range(source.classes):
        of_class = predicted[labels == k]
        columns.append(of_class.mean(axis=0))
        spread += of_class.var(axis=0).sum() / len(np.unique(source.patients[labels == k]))
    smallest = np.linalg.svd(np.stack(columns, axis=1), compute_uv=False)[-1]
    if smallest <= (needed := max(LEAST_SINGULAR, 2 * spread**0.5)):
        raise refusal(
            "label_shift",
            "source",
            f"the source's confusion matrix is near singular: its smallest singular value {smallest:.3f} is not above "
            f"{needed:.3f}, so that the target's class frequencies cannot be read from predictions",
            code="NearSingular",
            hint="These features do not tell the classes apart: take other features, or another weighting.",
        )

"""Probabilities where the findings are as frequent as stated: the prior shift.

    p′ₖ ∝ pₖ · π′ₖ / πₖ          classes, one of which is there: p′ sums to 1
    odds p′ = odds p · odds π′ / odds π          each of several labels; also two classes

πₖ is the share of class k to which the probabilities are calibrated (`Predictions.priors`), π′ₖ the stated one.

A threshold is moved as the probabilities are, by the second formula, so that the same studies are called positive
before and after: the decision is the locked one, and only the scale on which it is shown has changed. That the best
threshold may be another one where the finding is rarer is a matter for choosing, on validation data, and not for here.

Reference: Saerens, Latinne, Decaestecker 2002, eq. 2.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from jaxtyping import Float64

from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.core.results import PROBABILITY, OperatingPoint, Predictions
from medtransfer.core.types import ClassProbabilities
from medtransfer.evaluation.positive import Positive

ASSUMPTION: Final = (
    "Figures at a stated prevalence hold where only the prevalence differs: those with the finding, and those without "
    "it, must look there as they look here."
)
"""To be printed wherever a stated prevalence is used: p(x | y) is the same."""

Shares = Float64[np.ndarray, " class"]

_TOLERANCE: Final = 1e-6
"""By which stated shares of classes may miss a sum of 1."""


def at_prevalence(
    probability: ClassProbabilities, *, priors: Shares, stated: Shares, several: bool = False
) -> ClassProbabilities:
    """The probabilities under the stated shares; rows of NaN stay so.

    Args:
        probability: A column a class, or a label.
        priors: Shares to which they are calibrated, each in (0, 1).
        stated: Shares to shift them to, each in (0, 1).
        several: True for labels of which several may be there; each is shifted on its own.
    """
    if several:
        return _from_odds(1 - probability, probability * _odds(stated) / _odds(priors))
    weighted = probability * (stated / priors)
    # The sum over the other classes, not 1 − p: with two classes the shift is then monotone to the last bit.
    return _from_odds(weighted @ (1 - np.eye(priors.size)), weighted)


def threshold_at(threshold: float, *, prior: float, stated: float) -> float:
    """Where a threshold of one finding lies after the shift; 0, 1 and what lies above 1 stay where they are."""
    return probability_at(threshold, prior=prior, stated=stated) if 0 < threshold < 1 else threshold


def probability_at(probability: float, *, prior: float, stated: float) -> float:
    """One probability of one finding, or of a class against the rest, after the shift.

    Args:
        probability: In [0, 1].
        prior: Share to which it is calibrated, in (0, 1).
        stated: Share to shift it to, in (0, 1).
    """
    column = np.array([[probability]])
    return float(at_prevalence(column, priors=np.array([prior]), stated=np.array([stated]), several=True)[0, 0])


def view_at(view: Positive, *, prior: float, stated: float) -> Positive:
    """The studies with their probabilities of the finding shifted; their order stays, as the shift never falls."""
    column = view.probability[:, None]
    shifted = at_prevalence(column, priors=np.array([prior]), stated=np.array([stated]), several=True)
    return replace(view, probability=np.ascontiguousarray(shifted[:, 0]))


def predictions_at(predictions: Predictions, prevalence: float | Mapping[str, float]) -> Predictions:
    """The predictions with shifted probabilities, threshold and priors; decisions and all else stay.

    `uncalibrated_` columns stay too. Where more than two classes are stated so that the others do not keep their shares
    among each other, the locked threshold has no place on the new scale: there is no operating point then.

    Args:
        predictions: With their `priors`.
        prevalence: As `stated_shares` takes it.

    Raises:
        PredictionsError: `NoPriors`: nobody says to which prevalence the probabilities are calibrated.
        ConfigError: As `stated_shares`.
    """
    priors, stated = _priors(predictions), stated_shares(predictions, prevalence)
    old, new = (np.array([of[name] for name in predictions.classes]) for of in (priors, stated))
    columns = [f"{PROBABILITY}{name}" for name in predictions.classes]
    several = predictions.task == "multilabel"
    table = predictions.table.copy()
    table[columns] = at_prevalence(table[columns].to_numpy(dtype=np.float64), priors=old, stated=new, several=several)
    return replace(
        predictions,
        table=table,
        priors=stated,
        operating_point=_shown_point(predictions, old, new),
        operating_points={
            name: _moved(point, prior=priors[name], stated=stated[name])
            for name, point in predictions.operating_points.items()
        },
    )


def stated_shares(predictions: Predictions, prevalence: float | Mapping[str, float]) -> dict[str, float]:
    """What a stated prevalence means for each class or label.

    A single number is that of the positive class; the other classes keep their shares among each other. Otherwise every
    class is named and the shares sum to 1, or, of several labels, any of them; the others stay as they are.

    Raises:
        PredictionsError: `NoPriors`.
        ConfigError: `PrevalenceOutOfRange`, `UnknownClass`, `PrevalencesDoNotSum`, or `NoPositiveClass`.
    """
    priors, classes, positive = _priors(predictions), predictions.classes, predictions.positive
    if not isinstance(prevalence, Mapping):
        if positive is None:
            msg = f"a prevalence of {prevalence:g}, but no class is the positive one"
            raise ConfigError(msg, code="NoPositiveClass", hint="State the prevalence of each class or label by name.")
        rest = (1 - checked_prevalence(prevalence)) / (1 - priors[positive])
        return {name: prevalence if name == positive else priors[name] * rest for name in classes}
    several = predictions.task == "multilabel"
    unknown = sorted(set(prevalence) - set(classes))
    missing = [] if several else [name for name in classes if name not in prevalence]
    if unknown or missing:
        what = f"no class {unknown[0]!r}" if unknown else f"no prevalence of class {missing[0]!r}"
        hint = f"State that of {'any' if several else 'each'} of: {', '.join(classes)}."
        raise ConfigError(f"there is {what}", code="UnknownClass", hint=hint)
    together = sum(checked_prevalence(one) for one in prevalence.values())
    if not several and abs(together - 1) > _TOLERANCE:
        msg = f"the stated prevalences sum to {together:g}"
        raise ConfigError(msg, code="PrevalencesDoNotSum", hint="Exactly one class is there: they have to sum to 1.")
    return {name: float(prevalence.get(name, priors[name])) for name in classes}


def checked_prevalence(prevalence: float) -> float:
    """The prevalence itself.

    Raises:
        ConfigError: `PrevalenceOutOfRange`.
    """
    if not 0 < prevalence < 1:
        hint = "Give a share above 0 and below 1, such as 0.05 for 5 %."
        raise ConfigError(f"a prevalence of {prevalence:g} is no share", code="PrevalenceOutOfRange", hint=hint)
    return prevalence


def _priors(predictions: Predictions) -> dict[str, float]:
    found = {name: predictions.priors.get(name) for name in predictions.classes}
    lacking = [name for name, share in found.items() if share is None or not 0 < share < 1]
    if lacking:
        why = f"the predictions do not say to which prevalence of {lacking[0]!r} their probabilities are calibrated"
        hint = "Predict with a bundle that carries the shares of its classes, or state no prevalence."
        raise PredictionsError(why, code="NoPriors", hint=hint)
    return {name: share for name, share in found.items() if share is not None}


def _shown_point(predictions: Predictions, old: Shares, new: Shares) -> OperatingPoint | None:
    point = predictions.operating_point
    if point is None:
        return None
    index = predictions.classes.index(point.positive)
    others = np.delete(new / old, index) if predictions.task != "multilabel" else np.empty(0)
    if others.size and np.ptp(others) > _TOLERANCE * others.max():
        return None
    return _moved(point, prior=float(old[index]), stated=float(new[index]))


def _moved(point: OperatingPoint, *, prior: float, stated: float) -> OperatingPoint:
    return point.model_copy(update={"threshold": threshold_at(point.threshold, prior=prior, stated=stated)})


def _odds(share: Shares) -> Shares:
    return share / (1 - share)


def _from_odds(against: np.ndarray, in_favour: np.ndarray) -> np.ndarray:
    """The share in favour / (in favour + against), rounded so that it never falls while the odds rise."""
    some = in_favour > 0
    with np.errstate(over="ignore"):  # of a probability such as 1e-320: the odds against it are infinite
        ratio = np.divide(against, in_favour, out=np.zeros_like(in_favour), where=some)
    return np.where(some | np.isnan(in_favour), 1 / (1 + ratio) + 0 * in_favour, 0.0)

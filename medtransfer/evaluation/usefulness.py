"""The decision curve of a set of probabilities, with a band, and what it says at the operating threshold."""

from __future__ import annotations

from functools import partial

import numpy as np

from medtransfer.core.evaluated.curves import BandedCurve
from medtransfer.core.evaluated.usefulness import Usefulness
from medtransfer.core.results import Estimate
from medtransfer.evaluation import net_benefit as nb
from medtransfer.evaluation.percentile import MOST_UNDEFINED, percentile_estimate
from medtransfer.evaluation.positive import Positive
from medtransfer.evaluation.prevalence import checked_prevalence
from medtransfer.evaluation.resampling import ReplicateFigures, ReplicateValues, Statistic

_NOWHERE = BandedCurve(x=(), y=())


def usefulness_statistic(view: Positive, threshold: float | None) -> Statistic:
    """What `usefulness` needs of each replicate of the unstratified patient bootstrap."""
    return nb.shares(view.truth, view.probability, _thresholds(threshold))


def usefulness(
    view: Positive,
    threshold: float | None,
    drawn: ReplicateFigures,
    *,
    prevalence: float | None = None,
    level: float = 0.95,
) -> Usefulness:
    """Net benefit over thresholds from 1 % to 99 %, and at the operating threshold.

    The band is pointwise, from the unstratified patient bootstrap: the prevalence of a cohort is as uncertain as the
    rest, unless it is stated.

    Args:
        view: The studies; at a stated prevalence with the probabilities shifted to it (`prevalence.view_at`).
        threshold: The locked one, shifted as the probabilities are; None where there is none.
        drawn: `usefulness_statistic` on each replicate (`resampling.resampled`, without strata).
        prevalence: The stated one; None for that of the studies.
        level: Coverage aimed at.

    Raises:
        ConfigError: The prevalence lies outside (0, 1).
    """
    stated = None if prevalence is None else checked_prevalence(prevalence)
    truth = view.truth
    one_sided = truth.all() or not truth.any()
    if truth.size == 0 or (one_sided and stated is not None):
        note = "no study" if truth.size == 0 else "only one class among the studies"
        return Usefulness(
            prevalence=stated,
            stated_prevalence=stated,
            net_benefit=_NOWHERE,
            treat_all=_NOWHERE,
            avoided=_NOWHERE,
            threshold=threshold,
            estimates=(),
            note=note,
        )
    data, at = usefulness_statistic(view, threshold)(np.ones((1, truth.size))), _thresholds(threshold)
    if stated is not None:
        data, drawn = nb.at_prevalence(data, stated), nb.at_prevalence(drawn, stated)
    curves = [(of(data, at)[0], of(drawn, at)) for of in (nb.net_benefit, nb.treat_all, nb.avoided)]
    model, everyone, avoided = ((value[: len(nb.THRESHOLDS)], one[:, : len(nb.THRESHOLDS)]) for value, one in curves)
    estimates = ()
    if threshold is not None:
        last = [(float(value[-1]), one[:, -1]) for value, one in curves]
        estimates = _at_threshold(*last, known=stated is not None, n=int(truth.size), level=level)
    return Usefulness(
        prevalence=float(data[0, -1]),
        stated_prevalence=stated,
        net_benefit=_banded(*model, level),
        treat_all=BandedCurve(x=nb.THRESHOLDS, y=tuple(everyone[0].tolist())),
        avoided=_banded(*avoided, level),
        threshold=threshold,
        estimates=estimates,
    )


def _thresholds(threshold: float | None) -> nb.Thresholds:
    return np.array(nb.THRESHOLDS if threshold is None else (*nb.THRESHOLDS, threshold))


def _at_threshold(
    model: tuple[float, ReplicateValues],
    everyone: tuple[float, ReplicateValues],
    avoided: tuple[float, ReplicateValues],
    *,
    known: bool,
    n: int,
    level: float,
) -> tuple[Estimate, ...]:
    """Net benefit, that of treating all (known where the prevalence is), gain over both defaults, interventions."""
    estimate = partial(percentile_estimate, n=n, level=level)
    beyond = "at a threshold of 1 a false positive would weigh infinitely"
    treated = estimate("net benefit of treating all", *everyone, otherwise=beyond)
    if known and treated.value is not None:
        note = "no interval: it follows from the stated prevalence alone"
        treated = treated.model_copy(update={"low": None, "high": None, "method": "none", "note": note})
    gain = model[0] - max(everyone[0], 0.0), model[1] - np.maximum(everyone[1], 0)
    nothing = "at a threshold of 0 no intervention is worth avoiding"
    return (
        estimate("net benefit", *model, otherwise=beyond),
        treated,
        estimate("net benefit over the better default", *gain, otherwise=beyond),
        estimate("net interventions avoided per 100", *avoided, otherwise=nothing),
    )


def _banded(value: np.ndarray, drawn: np.ndarray, level: float) -> BandedCurve:
    """The curve with its pointwise percentile band; without one where too many replicates have no value."""
    curve = BandedCurve(x=nb.THRESHOLDS, y=tuple(value.tolist()))
    defined = drawn[np.isfinite(drawn).all(axis=1)]
    if len(defined) < (1 - MOST_UNDEFINED) * len(drawn):
        return curve
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return curve.model_copy(
        update={
            "low": tuple(np.minimum(low, value).tolist()),
            "high": tuple(np.maximum(high, value).tolist()),
            "level": level,
            "method": f"pointwise patient bootstrap, {len(drawn)} replicates",
        }
    )

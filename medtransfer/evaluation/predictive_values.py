"""What a call is worth where the finding is as frequent as stated.

    PPV(π) = se·π / (se·π + (1−sp)·(1−π)),   logit PPV(π) =  logit π + ln LR+
    NPV(π) = sp·(1−π) / (sp·(1−π) + (1−se)·π),   logit NPV(π) = −logit π − ln LR−

The interval of a predictive value is therefore that of its likelihood ratio, carried over: with Simel's it is the logit
interval of Mercaldo, Lau and Zhou. π is taken as known. At a specificity of 1, where LR+ has no bound, PPV is 1.

Reference: Mercaldo, Lau, Zhou 2007.
"""

from __future__ import annotations

from math import inf, isfinite, isnan, nan

from medtransfer.core.records import Record
from medtransfer.core.results import Confusion, Estimate, OperatingPoint
from medtransfer.evaluation.likelihood_ratios import Rate, Ratio, ratio_of_rates
from medtransfer.evaluation.prevalence import ASSUMPTION, checked_prevalence
from medtransfer.evaluation.proportions import size_behind


class PredictiveValues(Record):
    """What the calls of an operating point are worth at a stated prevalence."""

    prevalence: float
    ppv: Estimate
    npv: Estimate
    counts: Confusion
    """Of the studies on which sensitivity and specificity were estimated."""
    assumption: str = ASSUMPTION
    """What has to hold, to be said wherever they are shown."""


def predictive_values_at(point: OperatingPoint, prevalence: float, *, level: float = 0.95) -> PredictiveValues:
    """PPV and NPV of an operating point where the finding is as frequent as stated.

    They follow from its sensitivity and specificity, on the studies it was chosen on, and are as optimistic. Each rate
    counts as many studies as its own interval rests on (`proportions.size_behind`), fewer where patients repeat.

    Raises:
        ConfigError: `PrevalenceOutOfRange`.
    """
    checked_prevalence(prevalence)
    se, sp = point.sensitivity, point.specificity
    found, right = round((se.value or 0.0) * se.n), round((sp.value or 0.0) * sp.n)
    counts = Confusion(
        true_positive=found, false_positive=sp.n - right, false_negative=se.n - found, true_negative=right
    )
    if se.value is None or sp.value is None:
        none = Ratio(value=nan, n=se.n + sp.n, note="no positive study" if se.value is None else "no negative study")
        more = less = none
    else:
        sizes = size_behind(se), size_behind(sp)
        calls, rest = (
            (Rate(one, sizes[0]), Rate(other, sizes[1]))
            for one, other in ((se.value, 1 - sp.value), (1 - se.value, sp.value))
        )
        more = ratio_of_rates(*calls, n=se.n + sp.n, said="positive", level=level)
        less = ratio_of_rates(*rest, n=se.n + sp.n, said="negative", level=level)
    return PredictiveValues(
        prevalence=prevalence,
        ppv=ppv_at(prevalence, more, level=level),
        npv=npv_at(prevalence, less, level=level),
        counts=counts,
    )


def ppv_at(prevalence: float, ratio: Ratio, *, level: float = 0.95) -> Estimate:
    """Positive predictive value from LR+."""
    ends = [_after(ratio.low, prevalence), _after(ratio.high, prevalence)]
    return _estimate("PPV", _after(ratio.value, prevalence), ends, prevalence, ratio, level)


def npv_at(prevalence: float, ratio: Ratio, *, level: float = 0.95) -> Estimate:
    """Negative predictive value from LR−."""
    ends = [1 - _after(ratio.high, prevalence), 1 - _after(ratio.low, prevalence)]
    return _estimate("NPV", 1 - _after(ratio.value, prevalence), ends, prevalence, ratio, level)


def number_needed_to_evaluate(ppv: Estimate) -> Estimate:
    """How many studies that were called positive one looks at to find one that has the finding: 1/PPV.

    Without a true positive there is no such number.
    """
    name = "number needed to evaluate"
    if not ppv.value:
        note = ppv.note if ppv.value is None else "no true positive: no number is enough"
        return ppv.model_copy(update={"name": name, "value": None, "low": None, "high": None, "note": note})
    low = None if ppv.low is None or ppv.high is None else 1 / ppv.high
    high = 1 / ppv.low if ppv.low else None
    if low is None or high is None:
        low = high = None
    return ppv.model_copy(update={"name": name, "value": 1 / ppv.value, "low": low, "high": high})


def _after(ratio: float, prevalence: float) -> float:
    """Probability of the finding after a call with that likelihood ratio."""
    if isnan(ratio) or ratio == inf:
        return ratio if isnan(ratio) else 1.0
    odds = ratio * prevalence / (1 - prevalence)
    return odds / (1 + odds)


def _estimate(name: str, value: float, ends: list[float], prevalence: float, ratio: Ratio, level: float) -> Estimate:
    usable, with_ends = isfinite(value), isfinite(value) and all(map(isfinite, ends))
    at = f"at a prevalence of {100 * prevalence:g} %"
    return Estimate(
        name=name,
        value=value if usable else None,
        low=ends[0] if with_ends else None,
        high=ends[1] if with_ends else None,
        level=level,
        method=f"logit interval ({ratio.method})",
        n=ratio.n,
        note="; ".join(filter(None, [ratio.note, at])),
    )

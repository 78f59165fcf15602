"""What a comparison says, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from medtransfer.core.results import Estimate
from medtransfer.reporting.words import count, estimable, has_interval, interval, level, number

if TYPE_CHECKING:
    from medtransfer.core.evaluated.comparison import Comparison, Difference, LeftOut, NonInferiority

_OBSTACLES: Final = {
    "absent": "not in the table",
    "excluded": "excluded by rule",
    "failed": "failed",
    "unlabelled": "without a truth",
}

_MARGINS: Final = {
    "shown": "non-inferior",
    "not_shown": "not shown to be non-inferior",
    "refuted": "worse by more than the margin",
    "not_estimable": "not estimable",
}


def verdict(comparison: Comparison) -> str:
    """What the primary metric says of every model, in a few sentences; no evidence of a difference is an answer."""
    return " ".join([lead(comparison), *sentences(comparison)])


def lead(comparison: Comparison) -> str:
    """`On 366 studies of 199 patients that both models answered:`."""
    answered = "both models" if len(comparison.models) == 2 else f"all {len(comparison.models)} models"
    studies = count(comparison.n_studies, "study", "studies")
    patients = count(comparison.n_patients, "patient")
    return f"On {studies} of {patients} that {answered} answered:"


def sentences(comparison: Comparison) -> list[str]:
    """One or two for each model after the reference."""
    return [_sentence(one, several=len(comparison.models) > 2) for one in comparison.headlines]


def estimate_of(one: Difference) -> Estimate:
    """The difference as an estimate, to be printed like one."""
    return Estimate(
        name=one.name, value=one.value, low=one.low, high=one.high, level=one.level, method=one.method, n=one.n
    )


def p_words(p: float | None) -> str:
    """`p = 0.027`, `p < 0.001`, or an empty string."""
    if p is None:
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def obstacle_words(one: LeftOut, models: int) -> str:
    """`failed: resnet, densenet`, or `failed: both models` where that is all that there are."""
    every = "both models" if models == 2 else f"all {models} models"
    return f"{_OBSTACLES[one.obstacle]}: {every if len(one.models) == models else ', '.join(one.models)}"


def margin_words(one: NonInferiority) -> str:
    """What the margin's test says."""
    return _MARGINS[one.finding]


def _sentence(one: Difference, *, several: bool) -> str:
    return " ".join(filter(None, [_difference_sentence(one, several=several), _margin_sentence(one)]))


def _difference_sentence(one: Difference, *, several: bool) -> str:
    figure = one.name
    if one.value is None:
        return f"{one.model} and {one.reference} cannot be compared in {figure} ({one.note})."
    size = _size(one, several=several)
    if one.finding == "not_estimable":
        return f"no test of {one.model} against {one.reference} in {figure} is possible: {size}."
    if one.finding == "no_evidence":
        return (
            f"no evidence of a difference in {figure} between {one.model} and {one.reference}: {size}. "
            "This is no proof that they are equal."
        )
    than = "higher" if one.value > 0 else "lower"
    return f"{one.model} has a {than} {figure} than {one.reference}, which is {one.finding}: {size}."


def _size(one: Difference, *, several: bool) -> str:
    """`difference 0.012, 95 % CI −0.030 to 0.054, p = 0.570`."""
    estimate = estimate_of(one)
    ends = f"{level(estimate)} {interval(estimate)}" if has_interval(estimate) else one.note
    p = p_words(one.p_adjusted)
    holm = " after Holm's adjustment" if several and p else ""
    return ", ".join(filter(None, [f"difference {number(one.value)}", ends, f"{p}{holm}"]))


def _margin_sentence(one: Difference) -> str:
    asked = one.non_inferiority
    if asked is None or not estimable(estimate_of(one)):
        return ""
    sign, side = ("−", "above") if one.better == "higher" else ("+", "below")
    bound = f"{sign}{asked.margin:g}"
    if asked.finding == "shown":
        return f"With a margin of {asked.margin:g}, {one.model} is non-inferior: the interval lies {side} {bound}."
    if asked.finding == "refuted":
        return f"{one.model} is worse by more than the margin of {asked.margin:g}: the interval does not reach {bound}."
    if asked.finding == "not_estimable":
        return f"Non-inferiority of {one.model} with a margin of {asked.margin:g} cannot be tested."
    return f"With a margin of {asked.margin:g}, {one.model} is not shown to be non-inferior."

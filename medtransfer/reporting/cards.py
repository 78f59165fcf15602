"""The headline figures of an evaluation, each with a small picture of its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medtransfer.core.results import Estimate
from medtransfer.reporting.words import (
    CHANCE,
    estimable,
    has_interval,
    is_auroc,
    is_macro_auroc,
    label,
    number,
    slug,
)

if TYPE_CHECKING:
    from medtransfer.core.evaluated.evaluation import Evaluation

MOST: Final = 6
_FIRST: Final = ("auroc", "average_precision")
_AT_POINT: Final = ("sensitivity", "specificity")
_UNIT: Final = frozenset(
    {
        "auroc",
        "auc",
        "roc_auc",
        "average_precision",
        "ap",
        "sensitivity",
        "specificity",
        "ppv",
        "npv",
        "accuracy",
    }
    | {"balanced_accuracy", "precision", "recall", "f1", "macro_auroc"}
    | {"positive_predictive_value", "negative_predictive_value"}
)
"""Figures that run from 0 to 1 and are better the higher they are: only these get a bar."""

_REFERENCE: Final = {
    "quadratic_weighted_kappa": "chance 0, perfect 1",
    "ranked_probability_score": "perfect 0, worst 1",
}
"""What to compare a figure with that has no bar."""


@dataclass(frozen=True)
class Bar:
    """Places on a track from 0 to 100, all in per cent."""

    left: float
    width: float
    value: float
    reference: float | None


@dataclass(frozen=True)
class Card:
    """One headline figure."""

    name: str
    estimate: Estimate
    bar: Bar | None
    reference_words: str


def headline_cards(evaluation: Evaluation) -> tuple[Card, ...]:
    """The headline, average precision, sensitivity and specificity, then what else is first, six at most.

    Of several labels or classes, every one's AUROC comes before other figures, and what happens at the operating points
    of labels stands in a table of its own.
    """
    overall = evaluation.estimates
    at_point = evaluation.operating.estimates if evaluation.operating else ()
    chosen = [e for e in overall if slug(e.name) in _FIRST and e.of in {None, evaluation.positive}]
    chosen += [e for e in at_point if slug(e.name) in _AT_POINT]
    if evaluation.task != "ordinal":
        chosen += [e for name in _FIRST for e in overall if slug(e.name) == name and e not in chosen]
    chosen += [e for e in (*overall, *at_point) if e not in chosen]
    if overall:
        chosen.sort(key=lambda e: e != overall[0])
    several = len({e.of for e in chosen[:MOST] if e.of}) > 1
    return tuple(_card(evaluation, e, several=several) for e in chosen[:MOST])


def prevalence(evaluation: Evaluation, of: str | None = None) -> float | None:
    """Share of what is judged, studies or patients, that has a finding, the positive class by default.

    Of several labels only those count of whom it is known.
    """
    of = of or evaluation.positive
    return next((one.events / one.n for one in evaluation.findings if one.of == of and one.n), None)


def _card(evaluation: Evaluation, estimate: Estimate, *, several: bool) -> Card:
    name = label(estimate.name) + (f", {estimate.of}" if several and estimate.of else "")
    reference, words = None, _REFERENCE.get(slug(estimate.name), "")
    if is_auroc(estimate) or is_macro_auroc(estimate):
        reference, words = CHANCE, "chance 0.5"
    elif slug(estimate.name) == "average_precision":
        reference = prevalence(evaluation, estimate.of)
        words = "" if reference is None else f"prevalence {number(reference)}"
    return Card(name, estimate, _bar(estimate, reference), words)


def _bar(estimate: Estimate, reference: float | None) -> Bar | None:
    low, value, high = estimate.low, estimate.value, estimate.high
    if slug(estimate.name) not in _UNIT or not estimable(estimate) or not has_interval(estimate):
        return None
    if low is None or value is None or high is None or not 0 <= low <= value <= high <= 1:
        return None
    percent = None if reference is None else round(100 * reference, 2)
    return Bar(round(100 * low, 2), round(100 * (high - low), 2), round(100 * value, 2), percent)

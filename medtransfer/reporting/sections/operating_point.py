"""The operating point on the page: where it comes from, whom it calls positive, and what a call is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medtransfer.evaluation.prevalence import ASSUMPTION
from medtransfer.reporting.section import Section, section
from medtransfer.reporting.words import estimable, interval, label, level, number, rule

if TYPE_CHECKING:
    from medtransfer.core.evaluated.operating import OperatingFigures
    from medtransfer.core.results import Estimate

_MEANINGS: Final = {
    "sensitivity": "of those with the finding, called positive",
    "specificity": "of those without it, called negative",
    "PPV": "of those called positive, with the finding",
    "NPV": "of those called negative, without it",
    "LR+": "by how much a positive call multiplies the odds of the finding",
    "LR-": "by how much a negative call multiplies them",
    "F1": "harmonic mean of PPV and sensitivity",
    "balanced accuracy": "mean of sensitivity and specificity; chance 0.5",
    "MCC": "correlation of call and truth; chance 0, perfect 1",
    "alert rate": "of all studies, called positive",
    "number needed to evaluate": "positive calls looked at for each one that is right",
}
_NAMES: Final = {
    "PPV": "Positive predictive value (PPV)",
    "NPV": "Negative predictive value (NPV)",
    "LR+": "Positive likelihood ratio",
    "LR-": "Negative likelihood ratio",
    "MCC": "Matthews correlation (MCC)",
}
_DIGITS: Final = {"LR+": 2, "number needed to evaluate": 1}
_LEAST: Final = 10
"""Studies with the finding that a crowd holds at least, so that whole numbers say something."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure as the table shows it."""

    name: str
    meaning: str
    value: str
    interval: str
    n: int
    method: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """A round number of studies, and what becomes of them."""

    size: int
    with_finding: int
    found: int
    missed: int
    false_alarms: int


def operating_point_section(record: OperatingFigures | None) -> Section:
    """The part of the page; without an operating point it says what that means."""
    heading = "Operating point"
    if record is None:
        return section("operating_point", heading, record=None)
    levels = {level(one) for one in record.estimates if one.low is not None}
    return section(
        "operating_point",
        heading,
        record=record,
        point=record.point,
        rule=rule(record.point),
        n=sum(record.confusion.model_dump().values()),
        c=record.confusion,
        rows=[_row(one) for one in record.estimates],
        common_level=levels.pop() if len(levels) == 1 else "Interval",
        crowd=crowd(record),
        assumption=ASSUMPTION,
    )


def crowd(record: OperatingFigures) -> Crowd | None:
    """What becomes of a thousand studies, or of as many more as it takes for ten of them to have the finding.

    Counts are rounded so that they add up; None where a rate is unknown or nobody has the finding.
    """
    se, sp = (record.estimate(name).value for name in ("sensitivity", "specificity"))
    prevalence = record.prevalence if record.stated_prevalence is None else record.stated_prevalence
    if se is None or sp is None or not prevalence:
        return None
    size = next((n for n in (1_000, 10_000, 100_000) if n * prevalence >= _LEAST), 1_000_000)
    positive = round(size * prevalence)
    found = round(positive * se)
    return Crowd(
        size=size,
        with_finding=positive,
        found=found,
        missed=positive - found,
        false_alarms=round((size - positive) * (1 - sp)),
    )


def _row(estimate: Estimate) -> Row:
    digits = _DIGITS.get(estimate.name, 3)
    return Row(
        name=_NAMES.get(estimate.name) or label(estimate.name),
        meaning=_MEANINGS.get(estimate.name, ""),
        value=number(estimate.value, digits),
        interval=interval(estimate, digits) or ("no interval" if estimable(estimate) else "–"),
        n=estimate.n,
        method=estimate.method,
        note=estimate.note,
    )

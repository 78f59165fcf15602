"""Whether the studies, or what the network makes of them, have moved away from where they were."""

from __future__ import annotations

from typing import Literal

from medtransfer.core.records import Record
from medtransfer.core.results import Estimate


class AttributeDrift(Record):
    """How far one attribute has moved."""

    name: str
    measure: Literal["total variation", "standardised mean difference", "missing share"]
    value: float | None
    """Never negative; None where it cannot be had, and `note` says why."""
    null_median: float | None = None
    """What is usual where nothing has moved."""
    null_high: float | None = None
    """Nineteen of twenty pairs of cohorts stay below it where nothing has moved."""
    note: str = ""

    @property
    def outside(self) -> bool:
        """Whether the attribute has moved further than chance explains."""
        return self.value is not None and self.null_high is not None and self.value > self.null_high


class EmbeddingDrift(Record):
    """The distance between two clouds of embeddings."""

    value: float | None
    """Energy coefficient, 0 (the same) to 1 (each a point of its own); None where it cannot be had."""
    null_median: float | None = None
    null_high: float | None = None
    permutations: int = 0
    studies: tuple[int, int] = (0, 0)
    """Compared, here and of the reference."""
    patients: tuple[int, int] = (0, 0)
    without: tuple[int, int] = (0, 0)
    """Studies that were read and have no embedding, here and of the reference."""
    note: str = ""

    @property
    def outside(self) -> bool:
        """Whether the clouds are further apart than chance explains."""
        return self.value is not None and self.null_high is not None and self.value > self.null_high


class Period(Record):
    """One month, quarter or year."""

    name: str
    """`2024-03`, `2024-Q1` or `2024`."""
    studies: int
    patients: int
    labelled: int
    events: int


class Course(Record):
    """One figure from period to period."""

    figure: str
    estimates: tuple[Estimate, ...]
    """One a period, with its interval; None where it cannot be had, and its note says why."""
    centre: float | None = None
    """Of the baseline."""
    low: tuple[float | None, ...] = ()
    """Control limits, one a period, three standard errors from the centre; None where there are none."""
    high: tuple[float | None, ...] = ()
    outside: tuple[str, ...] = ()
    """Periods beyond their limits."""


class OverTime(Record):
    """Scores, calibration and discrimination of one finding from period to period."""

    of: str
    unit: Literal["month", "quarter", "year"] = "month"
    """The shortest of which half have enough patients."""
    baseline: str
    """What the limits come from: the reference, or the first period."""
    periods: tuple[Period, ...] = ()
    courses: tuple[Course, ...] = ()
    undated: int = 0
    """Studies without a date; they stand in no period."""
    note: str = ""


class Drift(Record):
    """Everything about movement."""

    against: str
    """`training cohort`, the name of a reference, or empty where there is neither."""
    attributes: tuple[AttributeDrift, ...] = ()
    embedding: EmbeddingDrift
    over_time: tuple[OverTime, ...] = ()
    """One a finding."""
    seed: int

"""Who is in a cohort: how each attribute is spread over its studies (the Table 1 of a paper), and against another."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from medtransfer.core.records import Record

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""What is kept of numbers. Not their ends: the oldest patient is one person."""


class Distribution(Record):
    """One attribute: counts of its values, or, where they are numbers, where those lie."""

    missing: int
    counts: dict[str, int] = Field(default={})
    """Studies with each value, the most frequent first; of numbers only where there are at most two of them."""
    others: int = 0
    """Studies whose value is not named, because too few patients share it."""
    quantiles: tuple[float, ...] = ()
    """`QUANTILES` of numbers; empty for words."""
    mean: float | None = None
    standard_deviation: float | None = None


class Spectrum(Record):
    """The studies of a cohort by `site`, `label` and whatever else its table says of them.

    Where there are several labels at once, each is an attribute `label: <name>`, with the values `present` and
    `absent`.
    """

    n_studies: int
    n_patients: int
    attributes: dict[str, Distribution]
    first_month: str = ""
    """`2019-03`; empty where no study has a date."""
    last_month: str = ""


class Difference(Record):
    """How far an attribute of the cohort is from the same one of another cohort."""

    name: str
    value: float | None
    """Standardised mean difference, never negative; None where it cannot be had, and `note` says why."""
    by_chance: float | None = None
    """Nineteen of twenty cohorts of so many patients, drawn from the same population, differ by less."""
    marked: bool = False
    """Above 0.1, or without a common value at all."""
    note: str = ""


class SpectrumTable(Record):
    """The evaluated cohort beside the one that the network was trained on."""

    here: Spectrum
    training: Spectrum | None = None
    """None where the predictions do not say."""
    differences: tuple[Difference, ...] = ()
    """One an attribute that either of the two has; empty without `training`."""

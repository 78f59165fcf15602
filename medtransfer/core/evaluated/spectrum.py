"""Who is in a cohort: how each attribute is spread over its studies (the Table 1 of a paper)."""

from __future__ import annotations

from pydantic import Field

from medtransfer.core.records import Record


class Distribution(Record):
    """One attribute: counts of its values, or, where they are numbers, where those lie."""

    missing: int
    counts: dict[str, int] = Field(default={})
    """Studies with each value, the most frequent first; empty for numbers."""
    quantiles: tuple[float, ...] = ()
    """Minimum, quartiles and maximum of numbers; empty for words."""
    mean: float | None = None
    standard_deviation: float | None = None


class Spectrum(Record):
    """The studies of a cohort by their attributes, `site`, `label`, and what the files say (`modality`, …)."""

    n_studies: int
    n_patients: int
    attributes: dict[str, Distribution]

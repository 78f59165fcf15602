"""An evaluation: everything that was measured on one set of predictions, as one document.

`schema_version` counts up when a field changes its meaning, its name or its place; readers refuse other versions. As
JSON, infinity is the word "Infinity"; what could not be estimated is null, with the reason in `note`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, Field

from medtransfer.core.evaluated.accounts import MissingTable, Reconciliation
from medtransfer.core.evaluated.calibration import Calibration, Calibrations
from medtransfer.core.evaluated.discrimination import Discrimination, SeveralDiscriminations
from medtransfer.core.evaluated.drift import Drift
from medtransfer.core.evaluated.errors import ErrorGallery
from medtransfer.core.evaluated.heterogeneity import Sites, Subgroups
from medtransfer.core.evaluated.operating import OperatingFigures
from medtransfer.core.evaluated.readers import Readers
from medtransfer.core.evaluated.shortcuts import Shortcuts
from medtransfer.core.evaluated.spectrum import SpectrumTable
from medtransfer.core.evaluated.usefulness import Usefulness
from medtransfer.core.records import Record
from medtransfer.core.results import Estimate, Flow, OperatingPoint, Provenance
from medtransfer.core.types import Task


class Evaluation(Record):
    """Everything `evaluate` measured on one set of predictions."""

    schema_version: Literal[2] = 2
    title: str
    task: Task = "multiclass"
    classes: tuple[str, ...]
    """Names of classes, or of labels where there are several at once."""
    positive: str | None
    level: Literal["study", "patient"] = "study"
    """What is judged; of patients, `n` in every estimate counts patients."""
    n_studies: int
    n_patients: int
    flow: Flow
    reconciliation: Reconciliation | None = None
    """The flow beside the ledger of the images; None where there is no ledger."""
    estimates: tuple[Estimate, ...]
    """Overall figures; the first is the headline."""
    discrimination: Discrimination | SeveralDiscriminations
    calibration: Calibration | Calibrations
    uncalibrated: Calibration | Calibrations | None = None
    """The same before recalibration, where the bundle recalibrates."""
    prevalence: dict[str, float] | None = None
    """The stated one, by class or label; operating figures and usefulness follow it."""
    operating: OperatingFigures | None
    """At the bundle's threshold; None where it has none, or one for each label."""
    operating_per_label: dict[str, OperatingFigures] = Field(default={})
    """At each label's own threshold, where there are several labels at once; labels without one are not named."""
    usefulness: dict[str, Usefulness]
    """By finding."""
    subgroups: tuple[Subgroups, ...] = ()
    sites: tuple[Sites, ...] = ()
    missing: MissingTable
    spectrum: SpectrumTable
    drift: Drift
    shortcuts: tuple[Shortcuts, ...]
    errors: tuple[ErrorGallery, ...] = ()
    """The most confident errors; only where they were asked for, since they name studies."""
    readers: Readers | None = None
    """The reference standard, where a truth table was given."""
    warnings: tuple[str, ...]
    provenance: Provenance

    @property
    def operating_point(self) -> OperatingPoint | None:
        """The bundle's threshold, where it has one."""
        return self.operating.point if self.operating else None

    @property
    def at_operating_point(self) -> tuple[Estimate, ...]:
        """The figures there, or at each label's own, one label after the other; none without an operating point."""
        return tuple(estimate for one in self.operating_by_finding.values() for estimate in one.estimates)

    @property
    def operating_by_finding(self) -> dict[str, OperatingFigures]:
        """At the threshold of the positive class, or at those of the labels."""
        return {self.operating.point.positive: self.operating} if self.operating else self.operating_per_label

    @property
    def findings(self) -> tuple[Discrimination, ...]:
        """The positive class of two, or every class or label."""
        found = self.discrimination
        return found.each if isinstance(found, SeveralDiscriminations) else (found,)

    def estimate(self, name: str, *, of: str | None = None) -> Estimate:
        """The estimate called `name`, of class `of` where there are several; overall figures first.

        Raises:
            KeyError: There is none.
        """
        for _, estimate in self.every_estimate():
            if estimate.name == name and of in {None, estimate.of}:
                return estimate
        raise KeyError(name)

    def every_estimate(self) -> Iterator[tuple[str, Estimate]]:
        """Every figure with its place, such as `subgroups/sex/groups/F/prevalence`; place, name and class are its own.

        First the overall ones, then those at the operating point on these studies, and only later those that its
        threshold had where it was chosen.
        """
        first = {"estimates": self.estimates}
        if self.operating:
            first[_AT_POINT] = self.operating.estimates
        first |= {f"{_PER_LABEL}/{name}/estimates": one.estimates for name, one in self.operating_per_label.items()}
        for place, estimates in first.items():
            yield from _estimates(estimates, place)
        for field in type(self).model_fields:
            for place, estimate in _estimates(getattr(self, field), field):
                if place not in first:
                    yield place, estimate


_AT_POINT = "operating/estimates"
_PER_LABEL = "operating_per_label"

_NAMED_BY = ("attribute", "of", "name", "site", "first", "second", "reader", "figure", "scheme", "value")
"""Fields that together tell a record from its neighbours, those that it has."""


def _estimates(found: object, place: str) -> Iterator[tuple[str, Estimate]]:
    if isinstance(found, Estimate):
        yield place, found
    elif isinstance(found, dict):
        for key, value in found.items():
            yield from _estimates(value, f"{place}/{key}")
    elif isinstance(found, tuple):
        own = [_name(value) for value in found]
        alike = Counter(zip(own, map(_told_apart, found), strict=True))
        for number, (name, value) in enumerate(zip(own, found, strict=True), start=1):
            counted = f"/{number}" if alike[name, _told_apart(value)] > 1 else ""  # bins, periods
            yield from _estimates(value, place + name + counted)
    elif isinstance(found, BaseModel):
        values = {field: getattr(found, field) for field in type(found).model_fields}
        alike = Counter(_told_apart(value) for value in values.values() if isinstance(value, Estimate))
        for field, value in values.items():
            own = isinstance(value, Estimate) and alike[_told_apart(value)] == 1
            yield from _estimates(value, place if own else f"{place}/{field}")


def _name(found: object) -> str:
    """What a record is called among its neighbours; one that is about one figure bears that figure's name."""
    if isinstance(found, Estimate):
        return ""
    names = [getattr(found, field, None) for field in _NAMED_BY]
    if not any(names) and isinstance(estimate := getattr(found, "estimate", None), Estimate):
        names = [estimate.name]
    return "".join(f"/{name}" for name in names if isinstance(name, str) and name)


def _told_apart(found: object) -> tuple[str, str | None]:
    """What a row of a table says of an estimate beyond its place."""
    return (found.name, found.of) if isinstance(found, Estimate) else ("", None)

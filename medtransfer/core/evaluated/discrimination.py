"""How well probabilities tell those who have a finding from those who have not."""

from __future__ import annotations

from medtransfer.core.evaluated.curves import BandedCurve, Histogram
from medtransfer.core.records import Record
from medtransfer.core.results import Estimate


class PatientKinds(Record):
    """Patients by what their studies show: each is counted once."""

    only_with: int
    """All their studies have the finding."""
    only_without: int
    """None of them has."""
    both: int


class Discrimination(Record):
    """One finding against the rest."""

    of: str
    """The finding."""
    rest: str
    """What its absence is called."""
    n: int
    events: int
    """Studies that have it."""
    patients: PatientKinds
    estimates: tuple[Estimate, ...]
    """AUROC, the same with a bootstrap interval, average precision, prevalence."""
    roc: BandedCurve | None
    """False-positive fraction against sensitivity; None where all studies are of one kind, as `precision_recall` is."""
    precision_recall: BandedCurve | None
    """Recall against precision, as steps: the precision at a recall holds down to the recall before it."""
    histogram: Histogram
    """Of the finding's probability, by `of` and `rest`."""

    def estimate(self, name: str) -> Estimate:
        """The estimate called so.

        Raises:
            KeyError: There is none.
        """
        return _named(self.estimates, name)


class SeveralDiscriminations(Record):
    """Several classes, each against the rest, or several labels, each where it is known; and their averages."""

    estimates: tuple[Estimate, ...]
    """Macro AUROC, micro AUROC, macro and micro average precision."""
    each: tuple[Discrimination, ...]

    def estimate(self, name: str) -> Estimate:
        """The average called so.

        Raises:
            KeyError: There is none.
        """
        return _named(self.estimates, name)


def _named(estimates: tuple[Estimate, ...], name: str) -> Estimate:
    for one in estimates:
        if one.name == name:
            return one
    raise KeyError(name)

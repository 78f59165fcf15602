"""What happens at the operating point: counts, and every figure that follows from them."""

from __future__ import annotations

from medtransfer.core.records import Record
from medtransfer.core.results import Confusion, Estimate, OperatingPoint


class OperatingFigures(Record):
    """One operating point on the studies at hand. It was chosen elsewhere, and is never moved here."""

    point: OperatingPoint
    shown_threshold: float | None
    """The threshold on the scale of the probabilities shown: `point.threshold`, or where that lies after the shift to
    the stated prevalence. The same studies are called positive. None where it has no place on that scale."""
    confusion: Confusion
    prevalence: float | None
    """Share of the studies that have the finding; None without a study."""
    stated_prevalence: float | None
    """The one asked for; `estimates` follow it where they depend on it."""
    estimates: tuple[Estimate, ...]
    """Sensitivity, specificity, PPV, NPV, LR+, LR-, F1, balanced accuracy, MCC, alert rate, number needed to
    evaluate."""
    in_sample: tuple[Estimate, ...] = ()
    """Those of them that depend on the prevalence, as it is among these studies; empty unless another one is stated."""

    def estimate(self, name: str) -> Estimate:
        """The estimate of that name.

        Raises:
            KeyError: There is none.
        """
        return next((one for one in self.estimates if one.name == name), None) or _missing(name)


def _missing(name: str) -> Estimate:
    raise KeyError(name)

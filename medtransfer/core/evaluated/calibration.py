"""What was found about calibration: of one finding against the rest, and of several."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from medtransfer.core.evaluated.curves import BandedCurve, Histogram
from medtransfer.core.records import Record
from medtransfer.core.results import CalibrationBin, Estimate


class BrierScore(Record):
    """The score and its parts: score = miscalibration − discrimination + uncertainty."""

    score: Estimate
    scaled: Estimate
    """1 − score / uncertainty."""
    miscalibration: Estimate
    discrimination: Estimate
    uncertainty: Estimate


class SmoothReliability(Record):
    """A curve of observed frequency by predicted probability, and how far the probabilities lie from it."""

    ici: Estimate
    """Mean distance; `e50` and `e90` are its median and 90 % quantile."""
    e50: Estimate
    e90: Estimate
    curve: BandedCurve | None = None
    """None where the notes say why."""
    knots: int = 0


class BinnedError(Record):
    """How far observed frequencies are from mean probabilities, bin by bin."""

    scheme: Literal["equal width", "equal count"]
    cuts: tuple[float, ...]
    """Between bins, ascending. A probability that equals a cut is above it; 1 is in the last bin."""
    expected: Estimate
    """Mean over studies: ECE."""
    root_mean_square: Estimate
    maximum: Estimate


class Calibration(Record):
    """One finding against the rest."""

    of: str
    n_studies: int
    n_patients: int
    n_events: int
    """Studies with the finding."""
    in_the_large: Estimate
    intercept: Estimate
    slope: Estimate
    bootstrapped: tuple[Estimate, ...] = ()
    """Intercept and slope once more, with bootstrap intervals: those that can be estimated."""
    brier: BrierScore
    smooth: SmoothReliability
    errors: tuple[BinnedError, ...] = ()
    bins: tuple[CalibrationBin, ...] = ()
    """Of equal count."""
    histogram: Histogram | None = None

    def estimates(self) -> tuple[Estimate, ...]:
        """Every figure, in the order in which they are shown, each naming the finding."""
        weak = (self.in_the_large, self.intercept, self.slope, *self.bootstrapped)
        parts = (self.brier.miscalibration, self.brier.discrimination, self.brier.uncertainty)
        smooth = (self.smooth.ici, self.smooth.e50, self.smooth.e90)
        errors = (one for error in self.errors for one in (error.expected, error.root_mean_square, error.maximum))
        everything = (*weak, self.brier.score, self.brier.scaled, *parts, *smooth, *errors)
        return tuple(one.model_copy(update={"of": self.of}) for one in everything)


class Calibrations(Record):
    """Each class against the rest, or each label where it is known."""

    findings: tuple[Calibration, ...] = Field(min_length=1)
    classwise_error: Estimate
    """Mean of the findings' ECE in bins of equal width."""

    def estimates(self) -> tuple[Estimate, ...]:
        """Every figure, that of all findings first."""
        return (self.classwise_error, *(one for finding in self.findings for one in finding.estimates()))

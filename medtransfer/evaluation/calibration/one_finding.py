"""Everything about the calibration of one finding, its bootstrap intervals from one drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from medtransfer.core.evaluated.calibration import BinnedError, BrierScore, Calibration, SmoothReliability
from medtransfer.core.evaluated.curves import Histogram
from medtransfer.core.results import Estimate
from medtransfer.evaluation.calibration.biased import biased_estimate
from medtransfer.evaluation.calibration.bins import Cuts, Scheme, calibration_bins, cuts
from medtransfer.evaluation.calibration.cells import Cells, Counts, cells_of
from medtransfer.evaluation.calibration.decomposition import brier_parts
from medtransfer.evaluation.calibration.log_odds import LogOdds, log_odds
from medtransfer.evaluation.calibration.replicates import (
    BrierReplicates,
    brier_replicates,
    error_replicates,
    regression_replicates,
)
from medtransfer.evaluation.calibration.smooth import SmoothCurve, smooth_curve
from medtransfer.evaluation.calibration.smooth_reliability import smooth_reliability
from medtransfer.evaluation.calibration.weak import IN_THE_LARGE, INTERCEPT, SLOPE, WeakCalibration, weak_calibration
from medtransfer.evaluation.percentile import percentile_estimate
from medtransfer.evaluation.positive import Positive
from medtransfer.evaluation.resampling import resampled

SCHEMES: Final[tuple[Scheme, ...]] = ("equal width", "equal count")

_BRIER: Final = {
    "score": "Brier score",
    "scaled": "scaled Brier score",
    "miscalibration": "miscalibration (MCB)",
    "discrimination": "discrimination (DSC)",
    "uncertainty": "uncertainty (UNC)",
}
"""Fields of the record and what their figures are called."""

_HISTOGRAM: Final = np.linspace(0, 1, 41)

_FITTED: Final = "judged on the studies that the isotonic curve was fitted to: too high by chance"


def calibration(view: Positive, *, of: str, seed: int, replicates: int, level: float = 0.95) -> Calibration:
    """Every figure of calibration, of a finding against the rest; one that cannot be had is None with a note.

    ECE, ICI and their kin are distances: their bootstrap lies too high, and their intervals need not contain them.

    Args:
        view: The studies.
        of: Name of the finding.
        seed: Of the bootstrap.
        replicates: Of the bootstrap.
        level: Coverage aimed at.
    """
    if not view.truth.size:
        return nothing(of, level=level)
    begun = begin(view, level=level)
    counts = resampled({"": begun.cells.counts}, view.groups, seed=seed, replicates=replicates)[""]
    return finish(begun, counts, of=of)


def nothing(of: str, *, level: float = 0.95) -> Calibration:
    """Of no study."""

    def none(name: str) -> Estimate:
        return Estimate(name=name, value=None, level=level, method="none", n=0, note="no study")

    return Calibration(
        of=of,
        n_studies=0,
        n_patients=0,
        n_events=0,
        in_the_large=none(IN_THE_LARGE),
        intercept=none(INTERCEPT),
        slope=none(SLOPE),
        brier=BrierScore(**{field: none(name) for field, name in _BRIER.items()}),
        smooth=SmoothReliability(ici=none("ICI"), e50=none("E50"), e90=none("E90")),
    )


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What is known before the bootstrap, and what it has to count: `cells.counts` is its statistic."""

    view: Positive
    level: float
    x: LogOdds
    weak: WeakCalibration
    smooth: SmoothCurve | str
    cuts: dict[Scheme, Cuts]
    cells: Cells


def begin(view: Positive, *, level: float = 0.95) -> Begun:
    """All that needs no replicate, of a study or more."""
    at: dict[Scheme, Cuts] = {scheme: cuts(view.probability, scheme) for scheme in SCHEMES}
    return Begun(
        view=view,
        level=level,
        x=log_odds(view.probability),
        weak=weak_calibration(view, level=level),
        smooth=smooth_curve(view.truth, view.probability),
        cuts=at,
        cells=cells_of(view, tuple(at.values())),
    )


def finish(begun: Begun, counts: Counts, *, of: str) -> Calibration:
    """The record, once the replicates are counted.

    Args:
        begun: The studies.
        counts: Of `begun.cells`, one row a replicate.
        of: Name of the finding.
    """
    view = begun.view
    drawn = brier_replicates(view, begun.cells, counts)
    return Calibration(
        of=of,
        n_studies=int(view.truth.size),
        n_patients=int(np.unique(view.groups, return_inverse=True)[0].size),
        n_events=int(view.truth.sum()),
        in_the_large=_figure(begun, IN_THE_LARGE, float((view.probability - view.truth).mean()), drawn.in_the_large),
        intercept=begun.weak.intercept,
        slope=begun.weak.slope,
        bootstrapped=_bootstrapped(begun, counts),
        brier=_brier(begun, drawn),
        smooth=smooth_reliability(view, begun.smooth, begun.cells, counts, level=begun.level),
        errors=tuple(_errors(begun, scheme, counts) for scheme in SCHEMES),
        bins=calibration_bins(view.truth, view.probability, view.groups, level=begun.level),
        histogram=_histogram(view, of),
    )


def _figure(begun: Begun, name: str, value: float, drawn: np.ndarray, *, note: str = "") -> Estimate:
    n, otherwise = int(begun.view.truth.size), "only one class among the studies"
    return percentile_estimate(name, value, drawn, n=n, level=begun.level, note=note, otherwise=otherwise)


def _bootstrapped(begun: Begun, counts: Counts) -> tuple[Estimate, ...]:
    constant = np.ones((begun.x.values.size, 1))
    weak = begun.weak
    found = []
    for estimate, fit, design in (
        (weak.intercept, weak.with_offset, constant),
        (weak.slope, weak.with_slope, np.column_stack([constant, begun.x.values])),
    ):
        if fit is not None and estimate.value is not None:
            drawn = regression_replicates(design, begun.view.truth - fit.fitted, fit, begun.cells, counts)[:, -1]
            name = f"{estimate.name} (bootstrap)"
            made = _figure(begun, name, estimate.value, drawn, note=begun.x.note)
            found.append(made.model_copy(update={"method": f"{made.method}, one Newton step"}))
    return tuple(found)


def _brier(begun: Begun, drawn: BrierReplicates) -> BrierScore:
    parts = brier_parts(begun.view.truth, begun.view.probability)
    return BrierScore(
        score=_figure(begun, _BRIER["score"], parts.brier, drawn.brier),
        scaled=_figure(begun, _BRIER["scaled"], parts.scaled, drawn.scaled),
        miscalibration=_figure(
            begun, _BRIER["miscalibration"], parts.miscalibration, drawn.miscalibration, note=_FITTED
        ),
        discrimination=_figure(
            begun, _BRIER["discrimination"], parts.discrimination, drawn.discrimination, note=_FITTED
        ),
        uncertainty=_figure(begun, _BRIER["uncertainty"], parts.uncertainty, drawn.uncertainty),
    )


def _errors(begun: Begun, scheme: Scheme, counts: Counts) -> BinnedError:
    at, n = begun.cuts[scheme], int(begun.view.truth.size)
    drawn = error_replicates(begun.view, at, begun.cells, counts)
    (values,) = error_replicates(begun.view, at, begun.cells, begun.cells.sizes[None])
    titles = ("ECE", "RMS calibration error", "maximum calibration error")
    expected, root_mean_square, maximum = (
        biased_estimate(f"{title}, {at.size + 1} bins of {scheme}", float(value), over, n=n, level=begun.level)
        for title, value, over in zip(titles, values, drawn.T, strict=True)
    )
    return BinnedError(
        scheme=scheme,
        cuts=tuple(at.tolist()),
        expected=expected,
        root_mean_square=root_mean_square,
        maximum=maximum,
    )


def _histogram(view: Positive, of: str) -> Histogram:
    counted = {
        name: np.histogram(view.probability[side], _HISTOGRAM)[0]
        for name, side in ((of, view.truth), (f"not {of}", ~view.truth))
    }
    return Histogram(
        edges=tuple(_HISTOGRAM.tolist()), counts={name: tuple(each.tolist()) for name, each in counted.items()}
    )

"""Scores, calibration and discrimination from period to period: temporal validation, and monitoring without labels.

    limits of a mean   centre ± 3·√(SE₀² + SE₀²·G₀/G)

with centre and standard error SE₀ of the baseline's G₀ patients, for a period of G patients: where nothing has moved,
about one period in 400 lies beyond them (more where there are few patients). The baseline is the reference, where there
is one, else the first period. Without labels, the mean score and the share that is called positive remain.

Reference: Shewhart 1931 (control limits); Van Calster et al. 2023 (there is no such thing as a validated model).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
import pandas as pd
from jaxtyping import Float64
from scipy.stats import t as student

from medtransfer.core.evaluated.drift import Course, OverTime, Period
from medtransfer.core.results import Estimate, Predictions
from medtransfer.core.types import Groups
from medtransfer.evaluation.accounting.periods import ENOUGH, named, unit_for
from medtransfer.evaluation.accounting.rows import Finding, findings, groups_of, read_rows
from medtransfer.evaluation.calibration.weak import IN_THE_LARGE
from medtransfer.evaluation.cautions import FEW
from medtransfer.evaluation.proportions import proportion
from medtransfer.evaluation.roc import auroc_estimate

SIGMAS: Final = 3.0
SCORE, CALLED, OBSERVED, AUROC = "mean score", "alert rate", "observed rate", "AUROC"

Values = Float64[np.ndarray, " case"]


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The studies of one period, or of the reference, as one finding sees them."""

    finding: Finding
    groups: Groups

    @property
    def known(self) -> np.ndarray:
        return ~np.isnan(self.finding.truth)

    def of(self, members: np.ndarray) -> _Part:
        one = self.finding
        chosen = Finding(
            name=one.name,
            truth=one.truth[members],
            probability=one.probability[members],
            threshold=one.threshold,
        )
        return _Part(finding=chosen, groups=self.groups[members])

    def patients(self) -> int:
        return int(np.unique(self.groups).size)


def over_time(predictions: Predictions, *, reference: Predictions | None = None) -> tuple[OverTime, ...]:
    """One record a finding, over the studies that were read and have a date.

    Args:
        predictions: What is looked at.
        reference: Where the limits come from, if it is of the same bundle and has the same findings.

    Raises:
        PredictionsError: A table cannot be trusted (`cases.checked_table`).
    """
    rows = read_rows(predictions)
    days = rows["date"] if "date" in rows else pd.Series([""] * len(rows), dtype=object)
    groups = groups_of(rows)
    same = reference is not None and reference.bundle_sha256 == predictions.bundle_sha256
    before = {one.name: one for one in findings(reference)} if reference is not None and same else {}
    of_reference = groups_of(read_rows(reference)) if reference is not None and same else groups[:0]
    return tuple(
        _finding_over_time(
            _Part(finding=one, groups=groups),
            days,
            _Part(finding=before[one.name], groups=of_reference) if one.name in before else None,
            note="" if same or reference is None else "the reference was predicted by another bundle: not used",
        )
        for one in findings(predictions)
    )


def clustered_mean(values: Values, groups: Groups) -> tuple[float, float | None]:
    """A mean over studies and its standard error between patients; None with fewer than two patients.

    SE² = G/(G−1) · Σ_g (Σ_{i∈g} (xᵢ − x̄))² / n²
    """
    mean = float(values.mean())
    patients, position = np.unique(groups, return_inverse=True)
    if patients.size < 2:
        return mean, None
    sums = np.bincount(position, weights=values - mean)
    return mean, sqrt(patients.size / (patients.size - 1) * float(np.sum(sums**2))) / values.size


def _finding_over_time(part: _Part, days: pd.Series, reference: _Part | None, *, note: str) -> OverTime:
    unit = unit_for(days, part.groups)
    period = named(days, unit).to_numpy()
    names = sorted(set(period) - {""})
    parts = [part.of(period == name) for name in names]
    baseline, whose = (reference, "reference") if reference else (parts[0] if parts else None, f"first {unit}")
    whose = f"{whose} ({names[0]})" if names and not reference else whose
    return OverTime(
        of=part.finding.name,
        unit=unit,
        baseline=whose if parts else "",
        periods=tuple(_period(name, one) for name, one in zip(names, parts, strict=True)),
        courses=tuple(_courses(names, parts, baseline, skip_first=reference is None)) if baseline and parts else (),
        undated=int(np.sum(period == "")),
        note="; ".join(filter(None, [note, "" if names else "no study has a date"])),
    )


def _period(name: str, part: _Part) -> Period:
    return Period(
        name=name,
        studies=int(part.groups.size),
        patients=part.patients(),
        labelled=int(part.known.sum()),
        events=int(np.nansum(part.finding.truth)),
    )


def _courses(names: list[str], parts: list[_Part], baseline: _Part, *, skip_first: bool) -> Iterator[Course]:
    thresholded = baseline.finding.threshold is not None and parts[0].finding.threshold is not None
    labelled = any(part.known.any() for part in parts)
    figures: list[tuple[str, Callable[[_Part], tuple[Values, Groups]]]] = [(SCORE, _scores)]
    figures += [(CALLED, _called)] if thresholded else []
    figures += [(OBSERVED, _observed), (IN_THE_LARGE, _excess)] if labelled else []
    for figure, values in figures:
        yield _of_mean(figure, values, names, parts, baseline, skip_first=skip_first)
    if labelled:
        estimates = tuple(_auroc(part) for part in parts)
        yield Course(figure=AUROC, estimates=estimates, centre=_auroc(baseline).value)


def _of_mean(
    figure: str,
    values: Callable[[_Part], tuple[Values, Groups]],
    names: list[str],
    parts: list[_Part],
    baseline: _Part,
    *,
    skip_first: bool,
) -> Course:
    estimates = tuple(_estimate(figure, *values(part)) for part in parts)
    before, patients = values(baseline)
    enough = np.unique(patients).size >= ENOUGH
    centre, error = clustered_mean(before, patients) if before.size else (None, None)
    low: list[float | None] = [None] * len(parts)
    high: list[float | None] = [None] * len(parts)
    for i, part in enumerate(parts):
        there = np.unique(values(part)[1]).size
        if centre is not None and error is not None and enough and there and not (skip_first and i == 0):
            reach = SIGMAS * error * sqrt(1 + np.unique(patients).size / there)
            least = -1.0 if figure == IN_THE_LARGE else 0.0
            low[i], high[i] = max(least, centre - reach), min(1.0, centre + reach)
    outside = tuple(
        name
        for name, one, bottom, top in zip(names, estimates, low, high, strict=True)
        if one.value is not None and bottom is not None and top is not None and not bottom <= one.value <= top
    )
    return Course(figure=figure, estimates=estimates, centre=centre, low=tuple(low), high=tuple(high), outside=outside)


def _scores(part: _Part) -> tuple[Values, Groups]:
    return part.finding.probability, part.groups


def _called(part: _Part) -> tuple[Values, Groups]:
    one = part.finding
    return (one.probability >= (np.inf if one.threshold is None else one.threshold)).astype(np.float64), part.groups


def _observed(part: _Part) -> tuple[Values, Groups]:
    return part.finding.truth[part.known], part.groups[part.known]


def _excess(part: _Part) -> tuple[Values, Groups]:
    return (part.finding.probability - part.finding.truth)[part.known], part.groups[part.known]


def _estimate(figure: str, values: Values, groups: Groups, *, level: float = 0.95) -> Estimate:
    """A share with Wilson's interval; another mean with Student's, from the variance between patients."""
    if figure in {CALLED, OBSERVED}:
        return proportion(figure, values == 1, groups, level=level, otherwise="no study with a label")
    method, n = "variance between patients, t quantile", int(values.size)
    if not n:
        return Estimate(name=figure, value=None, level=level, method=method, n=0, note="no study with a label")
    mean, error = clustered_mean(values, groups)
    if error is None:
        return Estimate(name=figure, value=mean, level=level, method=method, n=n, note="no interval: one patient")
    reach = float(student.ppf(0.5 + level / 2, np.unique(groups).size - 1)) * error
    least = -1.0 if figure == IN_THE_LARGE else 0.0
    low, high = max(least, mean - reach), min(1.0, mean + reach)
    return Estimate(name=figure, value=mean, low=min(low, mean), high=max(high, mean), level=level, method=method, n=n)


def _auroc(part: _Part) -> Estimate:
    known = part.known
    truth = part.finding.truth[known] == 1
    if min(int(truth.sum()), int((~truth).sum())) < FEW:
        note = f"fewer than {FEW} studies with or without the finding"
        return Estimate(name=AUROC, value=None, method="DeLong, logit scale", n=int(truth.size), note=note)
    return auroc_estimate(truth, part.finding.probability[known], part.groups[known])

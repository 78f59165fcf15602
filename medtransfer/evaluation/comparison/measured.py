"""All figures of all models, and their differences, from as few drawings of patients as the figures allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from medtransfer.core.evaluated.comparison import Difference
from medtransfer.core.results import Estimate
from medtransfer.evaluation.comparison.differences import Setting, bootstrap_differences, delong_differences
from medtransfer.evaluation.comparison.figures import auroc_figures, bootstrap_figures, decision_figures
from medtransfer.evaluation.comparison.measure import Measure
from medtransfer.evaluation.comparison.measures import AUROC, View
from medtransfer.evaluation.comparison.verdicts import judged
from medtransfer.evaluation.resampling import ReplicateFigures, resampled


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured.

    Attributes:
        figures: Metric → of each model.
        differences: In the order of the measures; of AUROC first DeLong's, then the bootstrap's.
    """

    figures: dict[str, tuple[Estimate, ...]]
    differences: tuple[Difference, ...]


def measured(
    measures: Sequence[Measure], view: View | None, setting: Setting, *, seed: int, replicates: int
) -> Measured:
    """Measure and judge; the setting's margin is that of the first measure."""
    drawn = _drawn(measures, setting, seed=seed, replicates=replicates)
    figures, differences = {}, []
    exact = _exact_figures(view, setting)
    for place, measure in enumerate(measures):
        own = setting if place == 0 else replace(setting, margin=None)
        values = measure.statistic(np.ones((1, setting.groups.size)))[0]
        sample = drawn[measure.metric]
        figures[measure.metric] = exact.get(measure.metric) or bootstrap_figures(
            measure, values, sample, setting.groups, level=setting.level
        )
        if measure.metric == AUROC and view is not None:
            differences += judged(tuple(delong_differences(view.truth, view.probabilities, own)))
        differences += judged(tuple(bootstrap_differences(measure, values, sample, own)))
    return Measured(figures=figures, differences=tuple(differences))


def _drawn(measures: Sequence[Measure], setting: Setting, *, seed: int, replicates: int) -> dict[str, ReplicateFigures]:
    """Replicates of every measure; those with the same strata share a drawing."""
    found: dict[str, ReplicateFigures] = {}
    for together in _by_strata(measures):
        statistics = {one.metric: one.statistic for one in together}
        found |= resampled(statistics, setting.groups, seed=seed, replicates=replicates, strata=together[0].strata)
    return found


def _by_strata(measures: Sequence[Measure]) -> Iterator[list[Measure]]:
    found: dict[bytes | None, list[Measure]] = {}
    for one in measures:
        found.setdefault(None if one.strata is None else one.strata.tobytes(), []).append(one)
    yield from found.values()


def _exact_figures(view: View | None, setting: Setting) -> dict[str, tuple[Estimate, ...]]:
    """Those that need no bootstrap: AUROC, sensitivity, specificity."""
    if view is None:
        return {}
    found = {AUROC: auroc_figures(view.truth, view.probabilities, setting.groups, level=setting.level)}
    if view.called is not None:
        found |= decision_figures(view.truth, view.called, setting.groups, level=setting.level)
    return found

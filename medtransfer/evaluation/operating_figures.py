"""Everything that is said of one operating point, with intervals, at the studies' own prevalence or a stated one.

Sensitivity, specificity and what is made of these two alone (LR±, balanced accuracy) do not depend on the prevalence.
PPV, NPV, F1, MCC, alert rate and number needed to evaluate do: at a stated prevalence each is that of a cohort in which
the finding is as frequent as stated, and sensitivity and specificity are those measured here.

Which studies are called positive is decided by the locked threshold on the probabilities as predicted, whatever
prevalence is stated: the prior shift moves probabilities and threshold alike, so that the same studies stay at or above
it (`prevalence.threshold_at`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from medtransfer.core.evaluated.operating import OperatingFigures
from medtransfer.core.results import Estimate, OperatingPoint
from medtransfer.evaluation import two_by_two
from medtransfer.evaluation.likelihood_ratios import likelihood_ratio, ratio_estimate
from medtransfer.evaluation.operating_points import at_threshold, confusion
from medtransfer.evaluation.percentile import percentile_estimate
from medtransfer.evaluation.positive import Positive
from medtransfer.evaluation.predictive_values import npv_at, number_needed_to_evaluate, ppv_at
from medtransfer.evaluation.prevalence import checked_prevalence
from medtransfer.evaluation.proportions import ProportionInterval
from medtransfer.evaluation.resampling import ReplicateFigures, ReplicateValues, Statistic


def operating_statistic(view: Positive, point: OperatingPoint) -> Statistic:
    """What `operating_figures` needs of each replicate of the unstratified patient bootstrap."""
    return two_by_two.tables(view.truth, view.probability >= point.threshold)


def operating_figures(
    view: Positive,
    point: OperatingPoint,
    drawn: ReplicateFigures,
    *,
    prevalence: float | None = None,
    shown_threshold: float | None = None,
    interval: ProportionInterval = "wilson",
    level: float = 0.95,
) -> OperatingFigures:
    """The figures of an operating point on these studies.

    Args:
        view: The studies, with the probabilities **as predicted**.
        point: The locked operating point.
        drawn: `operating_statistic` on each replicate (`resampling.resampled`, without strata).
        prevalence: The stated one; None for that of the studies.
        shown_threshold: Where the threshold lies after the shift to it (`prevalence.threshold_at`).
        interval: Of proportions.
        level: Coverage aimed at.

    Raises:
        ConfigError: The prevalence lies outside (0, 1).
    """
    truth, groups = view.truth, view.groups
    called = view.probability >= point.threshold
    data = operating_statistic(view, point)(np.ones((1, truth.size)))
    tables = _Tables(data=data, drawn=drawn, n=int(truth.size), level=level)
    sensitivity, specificity, ppv, npv, alerts = at_threshold(
        truth, view.probability, point.threshold, groups, level=level, interval=interval
    )
    more = likelihood_ratio(called, truth, groups, said="positive", level=level)
    less = likelihood_ratio(~called, truth, groups, said="negative", level=level)
    in_sample = (ppv, npv, tables.f1(), tables.mcc(), alerts, number_needed_to_evaluate(ppv))
    dependent = in_sample
    if prevalence is not None:
        moved = tables.at_prevalence(checked_prevalence(prevalence))
        ppv, npv = ppv_at(prevalence, more, level=level), npv_at(prevalence, less, level=level)
        dependent = (ppv, npv, moved.f1(), moved.mcc(), moved.alert_rate(), number_needed_to_evaluate(ppv))
    return OperatingFigures(
        point=point,
        shown_threshold=point.threshold if prevalence is None else shown_threshold,
        confusion=confusion(truth, view.probability, point.threshold),
        prevalence=float(truth.mean()) if truth.size else None,
        stated_prevalence=prevalence,
        estimates=(
            sensitivity,
            specificity,
            *dependent[:2],
            ratio_estimate("LR+", more, level=level),
            ratio_estimate("LR-", less, level=level),
            dependent[2],
            tables.balanced_accuracy(),
            *dependent[3:],
        ),
        in_sample=() if prevalence is None else in_sample,
    )


@dataclass(frozen=True, kw_only=True)
class _Tables:
    """The 2 × 2 table of the studies and of each replicate, and the figures that need the bootstrap."""

    data: two_by_two.Tables
    drawn: ReplicateFigures
    n: int
    level: float
    note: str = ""

    def at_prevalence(self, prevalence: float) -> _Tables:
        data, drawn = (two_by_two.at_prevalence(one, prevalence) for one in (self.data, self.drawn))
        return replace(self, data=data, drawn=drawn, note=f"at a prevalence of {100 * prevalence:g} %")

    def f1(self) -> Estimate:
        otherwise = "no study has the finding, and none was called positive"
        return self._estimate("F1", two_by_two.f1, note=self.note, otherwise=otherwise)

    def mcc(self) -> Estimate:
        return self._estimate("MCC", two_by_two.mcc, note=self.note, otherwise="all studies were called alike")

    def alert_rate(self) -> Estimate:
        return self._estimate("alert rate", two_by_two.alert_rate, note=self.note)

    def balanced_accuracy(self) -> Estimate:
        tp, fp, fn, tn = self.data[0]
        unseen = "false negative" if not fn else "false positive" if not fp else ""
        note = f"interval may be too narrow: no {unseen} occurred" if unseen and tp and tn else ""
        return self._estimate("balanced accuracy", two_by_two.balanced_accuracy, note=note)

    def _estimate(
        self,
        name: str,
        figure: Callable[[two_by_two.Tables], ReplicateValues],
        *,
        note: str,
        otherwise: str = "",
    ) -> Estimate:
        return percentile_estimate(
            name,
            float(figure(self.data)[0]),
            figure(self.drawn),
            n=self.n,
            level=self.level,
            note=note,
            otherwise=self._lacking() or otherwise,
        )

    def _lacking(self) -> str:
        """Which class has no study, if any."""
        if not self.n:
            return "no study"
        tp, fp, fn, tn = np.nan_to_num(self.data[0])
        return "no positive study" if not tp + fn else "no negative study" if not fp + tn else ""

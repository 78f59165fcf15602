"""Every difference from the reference, with its interval and p, before anything is adjusted or judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from medtransfer.core.evaluated.comparison import Difference, NonInferiority
from medtransfer.core.types import Groups, Probabilities, Truths
from medtransfer.evaluation.comparison.auroc_difference import auroc_difference, one_sided_p, two_sided_p
from medtransfer.evaluation.comparison.bootstrap_difference import Replicated, replicated
from medtransfer.evaluation.comparison.measure import ONE_CLASS, Measure, ModelReplicates, ModelValues
from medtransfer.evaluation.intervals import normal_quantile

ALIKE = "no interval: the models rank every pair of studies alike, or differ in every one"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all differences of a comparison share."""

    names: tuple[str, ...]
    groups: Groups
    level: float
    margin: float | None
    """Of the metric at hand: None unless it is the primary one, and a margin was stated."""

    @property
    def patients(self) -> int:
        """How many."""
        return int(np.unique(self.groups).size)


def delong_differences(truth: Truths, probabilities: Sequence[Probabilities], setting: Setting) -> Iterator[Difference]:
    """AUROC of each model less that of the reference, by DeLong's or Obuchowski's covariance."""
    clustered = setting.patients < setting.groups.size
    method = "Obuchowski (paired, clustered)" if clustered else "DeLong (paired)"
    for name, probability in zip(setting.names[1:], probabilities[1:], strict=True):
        row = _row("auroc", "AUROC", "higher", name, setting, method)
        if truth.all() or not truth.any():
            yield row.model_copy(update={"note": ONE_CLASS})
            continue
        found = auroc_difference(truth, probability, probabilities[0], setting.groups)
        error = found.standard_error
        if not error > 0:
            few = "no interval: fewer than two patients of a class"
            sure = error == 0 and found.value == 0
            update = {"value": found.value, "p": 1.0 if sure else None, "note": ALIKE if error == 0 else few}
            yield row.model_copy(update=update | _margin(setting, None))
            continue
        half, z = normal_quantile(setting.level) * error, found.value / error
        below = None if setting.margin is None else one_sided_p((found.value + setting.margin) / error)
        ends = {"low": max(-1.0, found.value - half), "high": min(1.0, found.value + half)}
        yield row.model_copy(
            update={"value": found.value, **ends, "statistic": z, "p": two_sided_p(z)} | _margin(setting, below)
        )


def bootstrap_differences(
    measure: Measure, values: ModelValues, replicates: ModelReplicates, setting: Setting
) -> Iterator[Difference]:
    """A figure of each model less that of the reference, by the paired patient bootstrap.

    Args:
        measure: The figure.
        values: Of each model, on the data.
        replicates: Of each model, on the replicates.
        setting: What all differences share.
    """
    method = f"paired patient bootstrap{'' if measure.strata is None else ', stratified'}, {len(replicates)} replicates"
    sign = 1 if measure.better == "higher" else -1
    for k, name in enumerate(setting.names[1:], start=1):
        row = _row(measure.metric, measure.name, measure.better, name, setting, method)
        row = row if measure.n is None else row.model_copy(update={"n": measure.n})
        value = float(values[k] - values[0])
        if not np.isfinite(value):
            yield row.model_copy(update={"note": measure.otherwise} | _margin(setting, None))
            continue
        found: Replicated = replicated(
            value, replicates[:, k] - replicates[:, 0], patients=setting.patients, level=setting.level
        )
        ends = {} if found.interval is None else {"low": found.interval.low, "high": found.interval.high}
        below = None if setting.margin is None else found.p_below(-setting.margin, sign=sign)
        yield row.model_copy(
            update={"value": value, **ends, "p": found.p, "note": found.note} | _margin(setting, below)
        )


def _row(metric: str, name: str, better: str, model: str, setting: Setting, method: str) -> Difference:
    return Difference.model_validate(
        {
            "metric": metric,
            "name": name,
            "better": better,
            "model": model,
            "reference": setting.names[0],
            "value": None,
            "level": setting.level,
            "method": method,
            "n": int(setting.groups.size),
        }
    )


def _margin(setting: Setting, p: float | None) -> dict[str, NonInferiority]:
    if setting.margin is None:
        return {}
    one = NonInferiority(margin=setting.margin, p=p, p_adjusted=None, finding="not_estimable")
    return {"non_inferiority": one}

"""One question put to the readers, and figures of it with intervals from one drawing of patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from medtransfer.core.results import Estimate
from medtransfer.core.types import ClassIndices, Groups, Truths
from medtransfer.evaluation.percentile import percentile_estimate
from medtransfer.evaluation.readers.sums import Columns, OfSums
from medtransfer.evaluation.readers.truth import Answers
from medtransfer.evaluation.resampling import resampled


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the readers answered.

    Attributes:
        answers: As codes, readers in the order of `readers`.
        readers: Names.
        groups: The patient of each study.
        classes: How many there are; 2 of a label.
        positive: Index of the positive class, or None.
        ordered: The classes have an order.
        of: The label, where there are several.
    """

    answers: Answers
    readers: tuple[str, ...]
    groups: Groups
    classes: int
    positive: int | None = None
    ordered: bool = False
    of: str | None = None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A statistic of some of the cases, and why there is nothing to estimate should it have no value."""

    kept: Truths
    statistic: OfSums
    otherwise: str

    def columns(self) -> Columns:
        """Those of the statistic for all cases: the others add nothing to its sums."""
        whole = np.zeros((self.kept.size, self.statistic.columns.shape[1]))
        whole[self.kept] = self.statistic.columns
        return whole


def estimates(
    figures: Mapping[str, Figure],
    groups: Groups,
    *,
    of: str | None = None,
    strata: ClassIndices | None = None,
    seed: int,
    replicates: int,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Every figure with its percentile interval, each on the studies that it can use; one pass over one drawing."""
    parts = [one.columns() for one in figures.values()]
    columns = np.concatenate(parts, axis=1)
    ends = np.cumsum([0, *(part.shape[1] for part in parts)])
    sums = resampled(
        {"sums": lambda weights: weights @ columns}, groups, strata=strata, seed=seed, replicates=replicates
    )["sums"]
    of_data = columns.sum(axis=0)[None]
    found = {}
    for (name, one), start, end in zip(figures.items(), ends[:-1], ends[1:], strict=True):
        n = int(one.kept.sum())
        value = float(one.statistic.value(of_data[:, start:end])[0]) if n else float("nan")
        drawn = one.statistic.value(sums[:, start:end])
        estimate = percentile_estimate(name, value, drawn, n=n, level=level, otherwise=one.otherwise)
        found[name] = estimate.model_copy(update={"of": of})
    return found

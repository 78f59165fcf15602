"""An estimate whose interval comes from the patient bootstrap."""

from __future__ import annotations

import numpy as np

from medtransfer.core.results import Estimate
from medtransfer.core.types import ClassIndices, Groups
from medtransfer.evaluation.intervals import patient_bootstrap
from medtransfer.evaluation.resampling import Statistic


def bootstrapped(
    name: str,
    statistic: Statistic,
    groups: Groups,
    *,
    seed: int,
    replicates: int,
    level: float = 0.95,
    strata: ClassIndices | None = None,
    note: str = "",
) -> Estimate:
    """The statistic of the data with its percentile interval (`intervals.patient_bootstrap`)."""
    value = float(statistic(np.ones((1, groups.size)))[0])
    interval = patient_bootstrap(statistic, groups, seed=seed, replicates=replicates, level=level, strata=strata)
    if interval is None:
        note = "; ".join(filter(None, [note, "no interval: it needs two patients or more"]))
    return Estimate(
        name=name,
        value=value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        level=level,
        method=f"patient bootstrap{', stratified' if strata is not None else ''}, {replicates} replicates",
        n=int(groups.size),
        note=note,
    )

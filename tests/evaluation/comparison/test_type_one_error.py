"""Models that know equally much, again and again: how often the whole comparison calls them different."""

from __future__ import annotations

import numpy as np
import pytest

from medtransfer.evaluation.comparison.differences import Setting
from medtransfer.evaluation.comparison.finding_measures import decision_measures, metric_measure
from medtransfer.evaluation.comparison.measured import measured
from medtransfer.evaluation.comparison.measures import View

COHORTS, PATIENTS = 500, 100


@pytest.mark.slow
@pytest.mark.parametrize("studies", [1, 4])
def test_equal_models_are_seldom_called_different(studies: int) -> None:
    """Two models each beside a reference, 500 cohorts: any false claim in at most 5 % of them, for every figure.

    Simulation error is 1 %, and the percentile interval of 40 diseased patients is a little narrow.
    """
    claims: dict[tuple[str, bool], int] = {}
    for seed in range(COHORTS):
        generator = np.random.default_rng(seed)
        groups = np.repeat(np.arange(PATIENTS), studies)
        truth = generator.random(groups.size) < 0.4
        shared = 1.5 * truth - 1 + 0.6 * generator.normal(size=PATIENTS)[groups]
        own = [0.8 * (generator.normal(size=PATIENTS)[groups] + generator.normal(size=groups.size)) for _ in range(3)]
        probabilities = tuple(1 / (1 + np.exp(-(shared + one))) for one in own)
        called = np.stack([p >= 0.5 for p in probabilities], axis=1)
        view = View(truth, probabilities, called)
        metrics = ("auroc", "average_precision", "brier", "log_loss")
        measures = [metric_measure(name, truth, probabilities, groups) for name in metrics]
        setting = Setting(names=("A", "B", "C"), groups=groups, level=0.95, margin=None)
        found = measured(
            [*measures, *decision_measures(truth, called, groups)], view, setting, seed=seed, replicates=400
        )
        for metric in {one.metric for one in found.differences}:
            for formula in (True, False):
                rows = [
                    one
                    for one in found.differences
                    if one.metric == metric and ("bootstrap" not in one.method) == formula
                ]
                if rows:
                    claim = any(one.finding in {"better", "worse"} for one in rows)
                    claims[metric, formula] = claims.get((metric, formula), 0) + claim
    shares = {key: n / COHORTS for key, n in claims.items()}
    assert len(shares) == 7
    assert all(0.01 <= share <= 0.075 for share in shares.values()), shares

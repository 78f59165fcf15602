"""A sweep on a plan: a rate at which training explodes is the sweep's end, not an error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tiny import QUICK, Hospitals

import medtransfer as mt
from medtransfer.data.splits import assign_splits
from medtransfer.training.adapt import prepare
from medtransfer.training.rate_search import find_rate


def test_an_explosion_ends_the_sweep(hospitals: Hospitals, tmp_path: Path) -> None:
    changes = (*QUICK, "training.optimiser=sgd", "training.clip_norm=inf")
    cohort = mt.read_cohort(hospitals.target)
    plan = mt.plan(cohort, backbone="squeezenet1_1", changes=changes)
    target = assign_splits(cohort, plan.split, seed=plan.seed)
    ready = prepare(plan, target=target, sources={}, cache=tmp_path)
    curve, suggestion = find_rate(plan, ready, low=1e-3, high=1e30, steps=25)
    assert len(curve.rates) < 25
    assert np.isfinite(curve.losses).all()
    assert suggestion.rate is None
    assert "exploded" in suggestion.reason

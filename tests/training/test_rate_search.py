"""A sweep on a plan: a rate at which training explodes is the sweep's end, not an error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
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


def test_what_moves_at_the_runs_end_moves_in_the_sweep(hospitals: Hospitals, tmp_path: Path) -> None:
    """The rate that is looked for is that of the stages too, though the run itself begins with the head alone."""
    changes = (*QUICK, "training.epochs=6", 'policy={ name = "lp_ft", settings = { head_epochs = 5.0 } }')
    cohort = mt.read_cohort(hospitals.target)
    plan = mt.plan(cohort, backbone="squeezenet1_1", changes=changes)
    ready = prepare(plan, target=assign_splits(cohort, plan.split, seed=plan.seed), sources={}, cache=tmp_path)
    before = {name: p.detach().clone() for name, p in ready.model.backbone.named_parameters()}
    find_rate(plan, ready, low=1e-4, high=1e-2, steps=20)
    still = [name for name, p in ready.model.backbone.named_parameters() if torch.equal(p, before[name])]
    assert still == []

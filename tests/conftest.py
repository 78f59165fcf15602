"""Two tiny hospitals of pictures, and a finished run on them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from tiny import QUICK, Hospitals, write_hospital

import medtransfer as mt

# Small tensors are slower on several threads, and much slower on a busy machine. Sub-processes follow the variable, so
# that a run that is killed there and resumed here computes in the same order.
os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)

# A busy machine stretches any example; what is slow is measured in benchmarks.
settings.register_profile("untimed", parent=settings(), deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Hospitals:
    root = tmp_path_factory.mktemp("hospitals")
    return Hospitals(
        target=write_hospital(root / "target", studies=56, seed=1, test=16),
        source=write_hospital(root / "source", studies=32, seed=2, gain=0.8),
    )


@pytest.fixture(scope="session")
def quick_plan(hospitals: Hospitals) -> mt.Plan:
    """Source and target, every family but the parameter terms, which need pretrained weights."""
    return mt.plan(
        mt.read_cohort(hospitals.target),
        source=mt.read_cohort(hospitals.source),
        backbone="squeezenet1_1",
        changes=QUICK,
    )


@pytest.fixture(scope="session")
def quick_run(quick_plan: mt.Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run's folder, with the bundle in `bundle`. Read it, do not change it."""
    folder = tmp_path_factory.mktemp("run") / "run"
    mt.fit(quick_plan, out=folder)
    return folder

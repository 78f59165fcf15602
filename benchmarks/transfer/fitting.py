"""One fit by the public API, and what it says of the studies that its table calls `test`."""

from __future__ import annotations

import math
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import medtransfer as mt
from benchmarks.transfer.cohorts import POSITIVE
from benchmarks.transfer.methods import BACKBONES, COMMON, Backbone, Method
from benchmarks.transfer.results import LogOdds, log_odds_of
from benchmarks.transfer.tuning import Choice


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What a fit is made of.

    Attributes:
        table: Studies of the target, each in `train` or `test`.
        source: Table of the source; None: there is none.
        weights: Folder with the backbones' ImageNet weights.
        choice: Learning rate, steps and strength.
    """

    cohort: str
    table: Path
    source: Path | None
    backbone: str
    weights: Path
    method: Method
    seed: int
    choice: Choice


@dataclass(frozen=True, kw_only=True)
class Said:
    """What came of it.

    Attributes:
        studies: The test studies, in the order of the log-odds.
        train_studies: Labelled studies it learnt from: the source's where the target's are not looked at.
        seconds: Wall time of the fit alone, without predicting.
    """

    studies: tuple[str, ...]
    truth: np.ndarray
    log_odds: LogOdds
    steps: int
    train_studies: int
    seconds: float


def fit(job: Fit, *, folder: Path, cache: Path) -> Said:
    """Train, and predict the test studies of its table.

    Args:
        job: What to do.
        folder: Scratch space; emptied first and removed afterwards.
        cache: Prepared pictures, shared by all.

    Raises:
        MedTransferError: It cannot be done.
    """
    shutil.rmtree(folder, ignore_errors=True)
    target = mt.read_cohort(job.table, positive=POSITIVE[job.cohort])
    source = None if job.source is None else mt.read_cohort(job.source)
    target_blind = "objective.trade_off=0" in job.method.changes
    learnt_from = source if source is not None and target_blind else target.split("train")
    studies = len(learnt_from.studies())
    plan = mt.plan(
        target,
        source=source,
        backbone=job.backbone,
        weights=str(job.weights / f"{job.backbone}_imagenet.pth") if job.method.pretrained else "none",
        seed=job.seed,
        changes=changes(job, studies),
    )
    started = time.monotonic()
    bundle = mt.fit(plan, out=folder, cache=cache)
    seconds = time.monotonic() - started
    table = mt.predict(bundle, target.split("test"), cache=cache).table
    steps = bundle.manifest.training.steps
    shutil.rmtree(folder, ignore_errors=True)
    return Said(
        studies=tuple(table["study_id"]),
        truth=(table["truth"] == target.positive).to_numpy(),
        log_odds=log_odds_of(table[f"probability_{target.positive}"].to_numpy(dtype=float)),
        steps=steps,
        train_studies=studies,
        seconds=seconds,
    )


def changes(job: Fit, studies: int) -> tuple[str, ...]:
    """All changes of the plan; half of the run in epochs depends on the number of studies."""
    backbone = BACKBONES[job.backbone]
    batch = min(backbone.batch, studies)
    rate, times, strength = job.choice
    half = planned_epochs(job.method, backbone, studies, times) / 2
    words = {"{half}": str(half), "{strength}": str(strength)}
    own = job.method.changes
    for word, value in words.items():
        own = tuple(change.replace(word, value) for change in own)
    return (
        *COMMON,
        *own,
        f"preprocess.size={backbone.size}",
        f"training.precision={backbone.precision}",
        f"training.batch_size={batch}",
        f"training.learning_rate={rate}",
        f"training.epochs={job.method.epochs * times}",
        f"training.min_steps={job.method.steps * times}",
    )


def planned_epochs(method: Method, backbone: Backbone, studies: int, times: int) -> int:
    """Epochs of the run: an epoch is as many full batches as there are, at least one."""
    per_epoch = max(1, studies // min(backbone.batch, studies))
    return max(method.epochs * times, math.ceil(method.steps * times / per_epoch))

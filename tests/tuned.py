"""Plans, trials and finished searches without any training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medtransfer.core.config.plan import Plan
from medtransfer.core.config.toml import validated
from medtransfer.core.config.tuning import Choices, Setting
from medtransfer.core.results import Estimate
from medtransfer.core.tuning_results import Difference, Trial, Tuning
from medtransfer.training.tuning.choice import standard_error

STRENGTH = "objective.features.coral.strength"
TRADE_OFFS = (0.0, 1.0, math.inf)


def plan_of(
    *,
    trade_off: float = 1.0,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    features: Mapping[str, Mapping[str, Any]] | None = None,
    sources: int = 0,
    same: bool = True,
) -> Plan:
    """A plan of cohorts that are not there."""
    cohort = {"cohort": "nowhere", "classes": ("normal", "ill"), "positive": "ill"}
    other = cohort if same else {"cohort": "nowhere", "classes": ("a", "b", "c")}
    values = {
        "target": cohort,
        "sources": {f"hospital_{index}": other for index in range(sources)},
        "objective": {"trade_off": trade_off, "parameters": dict(parameters or {}), "features": dict(features or {})},
    }
    return validated(Plan, values, path="test")


def estimate_of(value: float, name: str = "log-loss") -> Estimate:
    return Estimate(name=name, value=value, low=value - 0.1, high=value + 0.1, method="patient bootstrap", n=40)


def trial_of(
    number: int, losses: Sequence[float], settings: Mapping[str, Setting] | None = None, source: float | None = None
) -> Trial:
    """A finished trial with such losses."""
    return Trial(
        number=number,
        settings=dict(settings or {}),
        state="complete",
        fold_losses=tuple(losses),
        standard_error=standard_error(losses) if len(losses) > 1 else 0.0,
        log_loss=estimate_of(float(np.mean(losses))),
        auroc=estimate_of(0.8, "AUROC"),
        source_log_loss=None if source is None else estimate_of(source),
        seconds=1.5,
    )


def tuning_of(title: str = "Tuning of ill", positive: str = "ill") -> Tuning:
    """A search over λ and a strength, with a trial of every kind."""
    own = {"objective.trade_off": 1.0, STRENGTH: 1.0}
    trials = (
        trial_of(1, [0.52, 0.60], own, source=0.50),
        trial_of(2, [0.40, 0.50], {"objective.trade_off": math.inf}, source=0.90),
        trial_of(3, [0.43, 0.51], {"objective.trade_off": 1.0, STRENGTH: 0.1}, source=0.55),
        Trial(
            number=4, settings={**own, "objective.trade_off": 0.0}, state="pruned", fold_losses=(0.9,), reason="late"
        ),
        Trial(number=5, settings={**own, STRENGTH: 0.0}, state="failed", reason="the loss is not finite"),
    )
    return Tuning(
        title=title,
        task="multiclass",
        classes=("normal", positive),
        positive=positive,
        plan_sha256="p" * 64,
        sources=("hospital_0",),
        space=(Choices(key="objective.trade_off", values=TRADE_OFFS), Choices(key=STRENGTH, values=(0.0, 0.1, 1.0))),
        folds=2,
        repeats=1,
        n_studies=40,
        n_patients=31,
        trials=trials,
        own=1,
        best=2,
        chosen=3,
        difference=Difference(mean=-0.09, standard_error=0.01),
        front=(1, 3, 2),
        notes=("A note.",),
        versions={"medtransfer": "0.1.0"},
        seed=0,
    )

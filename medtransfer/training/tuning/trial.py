"""One trial: a setting, trained once for every part of the patients, and judged on that part."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from medtransfer.core.config.plan import Plan
from medtransfer.core.config.tuning import Setting
from medtransfer.core.errors import ConfigError, MedTransferError, ObjectiveError, TrainingError
from medtransfer.core.tuning_results import Trial
from medtransfer.data.cache import prepare_cohort
from medtransfer.data.cohort import Cohort
from medtransfer.models.classifier import HEAD, Classifier
from medtransfer.training.adapt import adapt, prepare
from medtransfer.training.cohorts import study_set
from medtransfer.training.precision import Arithmetic
from medtransfer.training.tuning.choice import standard_error
from medtransfer.training.tuning.folds import Fold
from medtransfer.training.tuning.scores import (
    HeldOut,
    auroc_estimate,
    log_loss_estimate,
    measured,
    over_parts,
    over_repeats,
    source_estimate,
)
from medtransfer.training.tuning.space import relevant, with_settings
from medtransfer.transfer.types import TARGET

if TYPE_CHECKING:
    from medtransfer.core.progress import Advance

Judged = dict[str, HeldOut]
"""`target`, and each source that a head has learnt to answer, by name."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the trials of a search share.

    Attributes:
        plan: What is tuned.
        folds: The parts.
        repeats: Seeds that each part is trained with.
        replicates: Of the bootstrap.
        network: Takes the parameters of each trained network, and is judged with them.
        cache: Folder of prepared pictures.
        scratch: Folder for what a training leaves behind.
    """

    plan: Plan
    folds: tuple[Fold, ...]
    repeats: int
    replicates: int
    network: Classifier
    cache: Path
    scratch: Path


def run_trial(
    bench: Bench,
    number: int,
    settings: Mapping[str, Setting],
    *,
    arithmetic: Arithmetic | None,
    hopeless: Callable[[Sequence[float]], bool],
    advance: Advance,
) -> tuple[Trial, Arithmetic | None]:
    """Train and judge a setting.

    Args:
        bench: What the trials share.
        number: Of the trial.
        settings: Key of the plan → value.
        arithmetic: How networks compute; None: as the first of them finds fastest.
        hopeless: Is the trial to be given up, after these losses of the first parts?
        advance: Moves the progress bar on by one training.

    Returns:
        The outcome, and how networks computed. `failed` where training broke down, or the plan forbids the setting.

    Raises:
        UnusableInputError: Of the first trial, that the plan cannot be trained; of any, that its files cannot be used.
    """
    started = time.monotonic()
    plan = with_settings(bench.plan, settings)
    parts: list[Judged] = []
    state, reason = "complete", ""
    try:
        for part in range(len(bench.folds)):
            repeats = []
            for repeat in range(bench.repeats):
                seeded = plan.model_copy(update={"seed": (plan.seed + repeat) % 2**32})
                found, arithmetic = _judged(bench, _computing(seeded, arithmetic), part)
                repeats.append(found)
                advance(1, f"trial {number}, part {part + 1}")
            parts.append({name: over_repeats([found[name] for found in repeats]) for name in repeats[0]})
            left = len(bench.folds) - len(parts)
            if hopeless(_losses(parts)) and left:
                state, reason = (
                    "pruned",
                    f"after {len(parts)} of {len(bench.folds)} parts worse than half of the others",
                )
                advance(left * bench.repeats)
                break
    except (TrainingError, ObjectiveError, ConfigError) as error:
        if number == 1 and not isinstance(error, TrainingError):  # it is the plan that cannot be trained
            raise
        state, reason = "failed", _anonymous(error)
    trial = Trial(
        number=number,
        settings=relevant(bench.plan, settings),
        state=state,
        fold_losses=_losses(parts),
        reason=reason,
        seconds=round(time.monotonic() - started, 2),
    )
    return (_with_figures(trial, bench, parts) if state == "complete" else trial), arithmetic


def _anonymous(error: MedTransferError) -> str:
    """What went wrong, without the cases that the rest of the message names: the outcome goes into open reports."""
    return f"{error.message.partition(';')[0]} [{error.code}]"


def _judged(bench: Bench, plan: Plan, part: int) -> tuple[Judged, Arithmetic]:
    """Train with a part held out, and judge the network on it."""
    fold = bench.folds[part]
    ready = prepare(plan, target=fold.target, sources=fold.sources, cache=bench.cache)
    with tempfile.TemporaryDirectory(dir=bench.scratch) as folder:
        adapted = adapt(plan, ready, folder=Path(folder), on_start=lambda: None)
    tensors = {**adapted.tensors, **adapted.source_heads}
    bench.network.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    held_out = {TARGET: fold.held_out}
    held_out |= {name: fold.sources_held_out[name] for name in answered_sources(plan)}
    judged = {name: _measured(bench, plan, name, cohort, part) for name, cohort in held_out.items()}
    return judged, adapted.state.arithmetic


def answered_sources(plan: Plan) -> tuple[str, ...]:
    """Sources whose patients a network of this plan can be judged on: all of them, or none.

    At λ = ∞ a head of a source's own is as random as it began. The others alone would be the mean over other sources
    than at every other λ, with which it is compared.
    """
    skipped = math.isinf(plan.objective.trade_off)
    return () if skipped and not all(map(plan.same_question, plan.sources)) else tuple(plan.sources)


def _measured(bench: Bench, plan: Plan, name: str, cohort: Cohort, part: int) -> HeldOut:
    """On the held-out patients of a domain, by the head that answers its question."""
    pictures = prepare_cohort(cohort, preprocess=plan.preprocess, read=plan.read, folder=bench.cache)
    asked = plan.target if name == TARGET else plan.sources[name]
    return measured(
        bench.network,
        study_set(pictures, asked.classes, asked.task),
        task=asked.task,
        part=part,
        batch=plan.training.batch_size,
        head=HEAD if name == TARGET else bench.network.head_of(name),
    )


def _computing(plan: Plan, arithmetic: Arithmetic | None) -> Plan:
    """The plan with the arithmetic of the trials before: timed anew, it would be another setting that differs."""
    if arithmetic is None:
        return plan
    return plan.model_copy(update={"training": plan.training.model_copy(update=arithmetic.model_dump())})


def _losses(parts: Sequence[Judged]) -> tuple[float, ...]:
    return tuple(part[TARGET].part_losses[0] for part in parts)


def _with_figures(trial: Trial, bench: Bench, parts: Sequence[Judged]) -> Trial:
    """The outcome of a trial that came to its end."""
    whole = {name: over_parts([part[name] for part in parts]) for name in parts[0]}
    target, plan = whole.pop(TARGET), bench.plan
    drawn = {"seed": plan.seed, "replicates": bench.replicates}
    positive = plan.target.positive if len(plan.target.classes) == 2 else None
    columns = range(len(plan.target.classes)) if positive is None else [plan.target.classes.index(positive)]
    return trial.model_copy(
        update={
            "standard_error": standard_error(trial.fold_losses),
            "log_loss": log_loss_estimate(target, **drawn),
            "auroc": auroc_estimate(target, columns, **drawn),
            "source_log_loss": source_estimate(whole, {name: plan.sources[name].share for name in whole}, **drawn)
            if whole
            else None,
        }
    )

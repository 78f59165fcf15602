"""The loop: steps, epochs, checkpoints, early stopping. What a step does stands in `step.py`."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from medtransfer.core.config.plan import Plan
from medtransfer.core.errors import ConfigError, TrainingError
from medtransfer.core.progress import progress_bar
from medtransfer.data.dataset import StudySet
from medtransfer.data.order import Order
from medtransfer.data.targets import events
from medtransfer.models.classifier import Classifier
from medtransfer.models.heads import known, losses
from medtransfer.training.checkpoint import (
    EpochRow,
    LoopState,
    load_tensors,
    promote_checkpoint,
    read_state,
    save_checkpoint,
)
from medtransfer.training.determinism import deterministic
from medtransfer.training.log import TermLog
from medtransfer.training.optimiser import build_optimiser
from medtransfer.training.precision import choose_arithmetic
from medtransfer.training.step import FitData, Loop, train_step
from medtransfer.transfer.objective import Objective

TARGET, SOURCE = 1, 2
"""Salts of the two domains' orders."""

Best = dict[str, "Tensor"] | None
"""The best epoch's parameters, where validation can tell which one that is."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What training leaves behind: the network's tensors, and how it went."""

    tensors: dict[str, np.ndarray]
    state: LoopState


def fit(
    model: Classifier,
    objective: Objective,
    data: FitData,
    plan: Plan,
    *,
    folder: Path,
    resume: bool = False,
    quiet: bool = True,
) -> Fitted:
    """Train a network under an objective.

    Args:
        model: The network, pretrained parameters loaded.
        objective: Its terms.
        data: Prepared cases.
        plan: The plan they were made from.
        folder: Where checkpoint and logs go.
        resume: Go on from the folder's checkpoint where there is one.
        quiet: Show no progress bar.

    Returns:
        The best epoch's tensors, or the last one's where validation has too few events to choose by.

    Raises:
        TrainingError: The loss is not finite (the last good checkpoint is kept), or the checkpoint is another plan's.
    """
    state = _resumable(folder, plan) if resume else None
    with deterministic(plan.seed):
        loop, state = prepare_loop(model, objective, data, plan, state)
        best: Best = None
        if state.step:
            best = load_tensors(folder, model=model, objective=objective, optimiser=loop.optimiser)
        with TermLog(folder, resume_at=state.step) as log:
            state, best = _run(loop, state, best, log, folder, quiet=quiet)
    tensors = best if best is not None else model.state_dict()
    return Fitted(tensors={k: v.detach().float().cpu().contiguous().numpy() for k, v in tensors.items()}, state=state)


def training_device(name: str) -> torch.device:
    """`auto` is a GPU where there is one.

    Raises:
        ConfigError: There is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(
            f"'{name}' cannot be used here: {str(error).splitlines()[0]}",
            code="NoDevice",
            path="training.device",
            hint="Use auto or cpu; `medtransfer doctor` lists the devices.",
        ) from error
    return device


def validation_log_loss(loop: Loop, studies: StudySet) -> float:
    """Mean loss over the validation studies, as the bundle will be measured.

    Evaluation mode; what imbalance settings shift is taken off.

    Raises:
        TrainingError: It is not finite.
    """
    loop.model.eval()
    size, rows = loop.plan.training.batch_size, []
    with torch.inference_mode():
        for start in range(0, len(studies), size):
            batch, _ = studies.batch(np.arange(start, min(start + size, len(studies))))
            rows.append(loop.forward(batch).logits.double().cpu())
    logits = torch.cat(rows)
    if loop.data.log_offset is not None:
        logits -= torch.from_numpy(loop.data.log_offset)
    targets, task = torch.from_numpy(studies.labels), loop.model.task
    loss = float(losses(task, logits, targets).sum() / known(task, targets).sum().clamp(min=1))
    if not math.isfinite(loss):
        raise TrainingError(
            "the validation log-loss is not finite",
            code="NotFinite",
            hint="The last good checkpoint is kept. Lower training.learning_rate.",
        )
    return loss


def _run(
    loop: Loop, state: LoopState, best: Best, log: TermLog, folder: Path, *, quiet: bool
) -> tuple[LoopState, Best]:
    """Steps until the plan's end, or until validation has stopped getting better."""
    chooses = _can_choose(loop.data.validation, loop.plan)
    started = time.monotonic() - state.seconds

    def save(state: LoopState) -> float:
        log.flush()
        save_checkpoint(folder, state, model=loop.model, objective=loop.objective, optimiser=loop.optimiser, best=best)
        return time.monotonic()

    saved = save(state)
    promote_checkpoint(folder)
    with progress_bar("training", loop.steps, quiet=quiet) as advance:
        advance(state.step)
        while state.step < loop.steps and not state.stopped_early:
            terms, norms = train_step(loop, state.step)
            promote_checkpoint(folder)  # the loss it led to is finite
            values = {name: (float(term.value.detach()), term.weight) for name, term in terms.items()}
            log.step(state.step, state.step // loop.steps_per_epoch, values, norms)
            advance(1, " ".join(f"{name} {value:.2f}" for name, (value, _) in values.items()))
            update = {"step": state.step + 1, "seconds": time.monotonic() - started}
            state = state.model_copy(update=update)
            if state.step % loop.steps_per_epoch == 0:
                state, best = _end_epoch(loop, state, best, log, chooses=chooses)
            if time.monotonic() - saved >= loop.plan.training.checkpoint_seconds:
                saved = save(state)
    save(state)
    promote_checkpoint(folder)
    return state, best


def _end_epoch(loop: Loop, state: LoopState, best: Best, log: TermLog, *, chooses: bool) -> tuple[LoopState, Best]:
    """Validate where that can decide anything, and remember the best epoch."""
    epoch = state.step // loop.steps_per_epoch - 1
    loss = None
    if chooses and loop.data.validation is not None:
        loss = validation_log_loss(loop, loop.data.validation)
        log.validation(state.step, loss)
    row = EpochRow(epoch=epoch, steps=state.step, validation_log_loss=loss)
    update: dict[str, object] = {"history": (*state.history, row)}
    if loss is not None and (state.best_loss is None or loss < state.best_loss):
        update |= {"best_loss": loss, "best_epoch": epoch, "epochs_since_best": 0}
        best = {key: value.detach().cpu().clone() for key, value in loop.model.state_dict().items()}
    elif loss is not None:
        waited = state.epochs_since_best + 1
        update |= {"epochs_since_best": waited, "stopped_early": waited >= loop.plan.training.patience}
    return state.model_copy(update=update), best


def prepare_loop(
    model: Classifier, objective: Objective, data: FitData, plan: Plan, state: LoopState | None
) -> tuple[Loop, LoopState]:
    """Device, arithmetic, optimiser and orders; the arithmetic of a resumed run is the interrupted one's."""
    config, device = plan.training, training_device(plan.training.device)
    if state is None:
        batch, labels = data.target.batch(np.arange(min(config.batch_size, len(data.target))))
        arithmetic = choose_arithmetic(model, batch, labels, config, device)
        state = LoopState(plan_sha256=plan.digest(), arithmetic=arithmetic)
    state.arithmetic.place(model)
    precision = "bf16-mixed" if state.arithmetic.precision == "bf16" else "32-true"
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces the precision, which is ours to say
    fabric = Fabric(accelerator=device.type, devices=1, precision=precision)
    objective.to(device)
    optimiser = build_optimiser(model, objective, config)
    forward = fabric.setup_module(model)
    size, seed = config.batch_size, plan.seed
    target = Order(len(data.target), batch_size=size, seed=seed, salt=TARGET, weights=data.target_sampling)
    source = None
    if objective.needs_source and data.source is not None:
        source = Order(len(data.source), batch_size=size, seed=seed, salt=SOURCE, weights=data.source_sampling)
    per_epoch = source.steps_per_epoch if objective.trade_off == 0 and source else target.steps_per_epoch
    epochs = max(config.epochs, math.ceil(config.min_steps / per_epoch))
    loop = Loop(
        fabric=fabric,
        model=model,
        forward=forward,
        objective=objective,
        optimiser=optimiser,
        data=data,
        plan=plan,
        target_order=target,
        source_order=source,
        steps=epochs * per_epoch,
        steps_per_epoch=per_epoch,
    )
    return loop, state


def _resumable(folder: Path, plan: Plan) -> LoopState | None:
    state = read_state(folder)
    if state is not None and state.plan_sha256 != plan.digest():
        raise TrainingError(
            "the checkpoint belongs to another plan",
            code="OtherPlan",
            path=folder,
            hint="Resume with the plan.toml in that folder, or choose another one with --out.",
        )
    return state


def _can_choose(validation: StudySet | None, plan: Plan) -> bool:
    """Has the rarest class of the validation split enough studies to choose an epoch by?"""
    if validation is None:
        return False
    return events(validation.labels, len(plan.target.classes)) >= plan.training.min_validation_events

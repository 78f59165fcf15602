"""The loop: steps, epochs, checkpoints, early stopping. What a step does stands in `step.py`."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from medtransfer.core.config.plan import Plan
from medtransfer.core.errors import TrainingError
from medtransfer.core.progress import progress_bar
from medtransfer.core.types import CaseWeights
from medtransfer.data.dataset import StudySet
from medtransfer.data.targets import events
from medtransfer.models.classifier import Classifier
from medtransfer.models.heads import known, losses
from medtransfer.training.checkpoint import (
    LoopState,
    load_tensors,
    promote_checkpoint,
    read_state,
    save_checkpoint,
)
from medtransfer.training.determinism import deterministic
from medtransfer.training.history import EpochRow, write_history
from medtransfer.training.log import TermLog
from medtransfer.training.loop import FitData, Loop, prepare_loop
from medtransfer.training.step import train_step
from medtransfer.training.validation import validation_auroc
from medtransfer.transfer.averaging._contract import Averaging
from medtransfer.transfer.objective import Objective
from medtransfer.transfer.types import TARGET

Best = dict[str, "Tensor"] | None
"""The best epoch's parameters, where validation can tell which one that is."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What training leaves behind.

    Attributes:
        tensors: The network's.
        state: How it went.
        epochs: That were planned.
        unlabelled: Target studies that took part without a label.
        source_weights: Instance weights as they were at the end, by source.
    """

    tensors: dict[str, np.ndarray]
    state: LoopState
    epochs: float
    unlabelled: int
    source_weights: dict[str, CaseWeights]


def fit(
    model: Classifier,
    objective: Objective,
    data: FitData,
    plan: Plan,
    *,
    folder: Path,
    averaging: Averaging | None = None,
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
        averaging: Gathers the average of weights that is kept; None: the weights themselves.
        resume: Go on from the folder's checkpoint where there is one.
        quiet: Show no progress bar.

    Returns:
        The best epoch's tensors, or the last one's where validation has too few events to choose by.

    Raises:
        TrainingError: The loss is not finite (the last good checkpoint is kept), or the checkpoint is another plan's.
    """
    state = _resumable(folder, plan) if resume else None
    with deterministic(plan.seed):
        loop, state = prepare_loop(model, objective, data, plan, state, averaging=averaging)
        best: Best = None
        if state.step:
            best, weights = load_tensors(folder, loop.trained(), optimiser=loop.optimiser)
            if weights:
                loop.set_source_weights(weights)
        with TermLog(folder, resume_at=state.step) as log:
            state, best = _run(loop, state, best, log, folder, quiet=quiet)
        model.load_state_dict(best if best is not None else loop.kept())
        loop.policy.before_forward(model, TARGET)
        loop.policy.finish(model)
    return Fitted(
        tensors={k: v.detach().float().cpu().contiguous().numpy() for k, v in model.state_dict().items()},
        state=state,
        epochs=loop.steps / loop.steps_per_epoch,
        unlabelled=len(loop.unlabelled),
        source_weights=loop.source_weights,
    )


def validation_log_loss(loop: Loop, studies: StudySet) -> float:
    """Mean loss over the validation studies, as the bundle will be measured.

    Evaluation mode; what imbalance settings shift is taken off.

    Raises:
        TrainingError: It is not finite.
    """
    return _log_loss(loop, studies, validation_logits(loop, studies))


def validation_logits(loop: Loop, studies: StudySet) -> Tensor:
    """`case logit` in 64 bits, in evaluation mode; what imbalance settings shift is taken off."""
    loop.model.eval()
    loop.policy.before_forward(loop.model, TARGET)
    size, rows = loop.plan.training.batch_size, []
    with torch.inference_mode():
        for start in range(0, len(studies), size):
            batch, _ = studies.batch(np.arange(start, min(start + size, len(studies))))
            rows.append(loop.forward(batch).logits.double().cpu())
    logits = torch.cat(rows)
    if loop.data.log_offset is not None:
        logits -= torch.from_numpy(loop.data.log_offset)
    return logits


def _log_loss(loop: Loop, studies: StudySet, logits: Tensor) -> float:
    targets, task = torch.from_numpy(studies.labels), loop.model.task
    loss = float(losses(task, logits, targets).sum() / known(task, targets).sum().clamp(min=1))
    if not math.isfinite(loss):
        raise _not_finite("the validation log-loss is not finite")
    return loss


def _not_finite(what: str) -> TrainingError:
    hint = "The last good checkpoint is kept. Lower training.learning_rate."
    return TrainingError(what, code="NotFinite", hint=hint)


def _run(
    loop: Loop, state: LoopState, best: Best, log: TermLog, folder: Path, *, quiet: bool
) -> tuple[LoopState, Best]:
    """Steps until the plan's end, or until validation has stopped getting better."""
    chooses = _can_choose(loop.data.validation, loop.plan)
    started = time.monotonic() - state.seconds

    def save(state: LoopState) -> float:
        log.flush()
        save_checkpoint(
            folder, state, loop.trained(), optimiser=loop.optimiser, best=best, source_weights=loop.source_weights
        )
        return time.monotonic()

    saved = save(state)
    promote_checkpoint(folder)
    write_history(folder, state.history)
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
                write_history(folder, state.history)
            if time.monotonic() - saved >= loop.plan.training.checkpoint_seconds:
                saved = save(state)
    save(state)
    _require_finite_answers(loop)
    promote_checkpoint(folder)
    return state, best


def _require_finite_answers(loop: Loop) -> None:
    """Ask the network about one batch: no loss is computed any more from what the last step led to.

    Raises:
        TrainingError: An answer is not finite.
    """
    studies = loop.data.target
    loop.model.eval()
    loop.policy.before_forward(loop.model, TARGET)
    with torch.inference_mode():
        batch, _ = studies.batch(np.arange(min(loop.plan.training.batch_size, len(studies))))
        finite = bool(loop.forward(batch).logits.isfinite().all())
    if not finite:
        raise _not_finite("what the network says after the last step is not finite")


def _end_epoch(loop: Loop, state: LoopState, best: Best, log: TermLog, *, chooses: bool) -> tuple[LoopState, Best]:
    """Validate where that can decide anything, and remember the best epoch."""
    epoch = state.step // loop.steps_per_epoch - 1
    loss, kept, ranked = None, None, {}
    if chooses and loop.data.validation is not None:
        studies = loop.data.validation
        kept = {key: value.detach().cpu().clone() for key, value in loop.kept().items()}
        with loop.as_kept(kept):
            logits = validation_logits(loop, studies)
        loss, ranked = _log_loss(loop, studies, logits), validation_auroc(loop, studies, logits)
        log.validation(state.step, loss)
    row = EpochRow(epoch=epoch, steps=state.step, validation_log_loss=loss, **ranked)
    update: dict[str, object] = {"history": (*state.history, row)}
    if loss is not None and (state.best_loss is None or loss < state.best_loss):
        update |= {"best_loss": loss, "best_epoch": epoch, "epochs_since_best": 0}
        best = kept
    elif loss is not None:
        waited = state.epochs_since_best + 1
        update |= {"epochs_since_best": waited, "stopped_early": waited >= loop.plan.training.patience}
    return state.model_copy(update=update), best


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

"""A resumable state in one safetensors file, written whole or not at all.

The order of cases and their augmentation are functions of (seed, epoch, case), and random draws inside the
network of (seed, step), so that no generator's state needs keeping.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from medtransfer.core.errors import TrainingError
from medtransfer.core.files import sync_folder, written_whole
from medtransfer.core.records import Record
from medtransfer.training.precision import Arithmetic

NAME = "checkpoint.safetensors"
PENDING = "checkpoint.pending.safetensors"
"""A state that no loss has been computed from yet; it counts once the next loss has turned out finite."""


class EpochRow(Record):
    """What is remembered of one epoch."""

    epoch: int
    steps: int
    validation_log_loss: float | None


class LoopState(Record):
    """Where the loop stands, apart from tensors."""

    plan_sha256: str
    arithmetic: Arithmetic
    step: int = 0
    """Optimiser steps done."""
    best_loss: float | None = None
    best_epoch: int | None = None
    epochs_since_best: int = 0
    stopped_early: bool = False
    history: tuple[EpochRow, ...] = ()
    seconds: float = 0.0
    """Training time so far, over all parts of the run."""


def save_checkpoint(
    folder: Path,
    state: LoopState,
    *,
    model: nn.Module,
    objective: nn.Module,
    optimiser: torch.optim.Optimizer,
    best: dict[str, Tensor] | None,
) -> None:
    """Write everything that a resumed run needs, as pending: `promote_checkpoint` makes it count."""
    tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
    tensors |= {f"objective.{key}": value for key, value in objective.state_dict().items()}
    for index, entries in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{key}": value for key, value in entries.items() if value is not None}
    tensors |= {f"best.{key}": value for key, value in (best or {}).items()}
    with written_whole(folder / PENDING) as temporary:
        owned = {key: value.detach().to("cpu").contiguous().clone() for key, value in tensors.items()}
        save_file(owned, temporary, metadata={"state": state.model_dump_json()})


def promote_checkpoint(folder: Path) -> None:
    """Let the pending checkpoint, where there is one, take the place of the last good one."""
    if (folder / PENDING).exists():
        (folder / PENDING).replace(folder / NAME)
        sync_folder(folder)


def remove_checkpoint(folder: Path) -> None:
    """Free the space of a checkpoint that a complete bundle has made superfluous."""
    for name in (NAME, PENDING):
        (folder / name).unlink(missing_ok=True)


def read_state(folder: Path) -> LoopState | None:
    """Where an interrupted run stands, or None where there is no checkpoint.

    Raises:
        TrainingError: The checkpoint cannot be read.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            return LoopState.model_validate_json((file.metadata() or {})["state"])
    except (SafetensorError, OSError, KeyError, json.JSONDecodeError, ValidationError) as error:
        raise TrainingError(
            f"the checkpoint cannot be read ({type(error).__name__})",
            code="BadCheckpoint",
            path=path,
            hint="Remove it to start again.",
        ) from error


def load_tensors(
    folder: Path, *, model: nn.Module, objective: nn.Module, optimiser: torch.optim.Optimizer
) -> dict[str, Tensor] | None:
    """Put a checkpoint's tensors back; returns the best epoch's, or None where there was none yet."""
    with safe_open(folder / NAME, framework="pt") as file:
        tensors: dict[str, Tensor] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    model.load_state_dict(_part(tensors, "model."))
    objective.load_state_dict(_part(tensors, "objective."))
    entries: dict[int, dict[str, Any]] = {}
    for key, value in _part(tensors, "optimiser.").items():
        index, _, name = key.partition(".")
        entries.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": entries, "param_groups": optimiser.state_dict()["param_groups"]})
    return _part(tensors, "best.") or None


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}

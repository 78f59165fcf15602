"""A resumable state in one safetensors file, written whole or not at all.

The order of cases and their augmentation are functions of (seed, epoch, case), and random draws inside the
network of (seed, step), so that no generator's state needs keeping.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
from medtransfer.core.types import CaseWeights
from medtransfer.training.history import EpochRow
from medtransfer.training.precision import Arithmetic

NAME = "checkpoint.safetensors"
PENDING = "checkpoint.pending.safetensors"
"""A state that no loss has been computed from yet; it counts once the next loss has turned out finite."""


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
    modules: Mapping[str, nn.Module],
    *,
    optimiser: torch.optim.Optimizer,
    best: dict[str, Tensor] | None,
    source_weights: Mapping[str, CaseWeights],
) -> None:
    """Write everything that a resumed run needs, as pending: `promote_checkpoint` makes it count.

    Args:
        folder: Where it goes.
        state: Where the loop stands.
        modules: What has a state of its own, by name.
        optimiser: Its moments.
        best: The best epoch's parameters.
        source_weights: Instance weights as they are now, by source.
    """
    tensors = {f"{name}.{key}": value for name, part in modules.items() for key, value in part.state_dict().items()}
    tensors |= {f"weights.{name}": torch.from_numpy(values) for name, values in source_weights.items()}
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
    folder: Path, modules: Mapping[str, nn.Module], *, optimiser: torch.optim.Optimizer
) -> tuple[dict[str, Tensor] | None, dict[str, CaseWeights]]:
    """Put a checkpoint's tensors back.

    Returns:
        The best epoch's parameters, or None where there was none yet; and the instance weights by source.
    """
    with safe_open(folder / NAME, framework="pt") as file:
        tensors: dict[str, Tensor] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    for name, module in modules.items():
        module.load_state_dict(_part(tensors, f"{name}."))
    entries: dict[int, dict[str, Any]] = {}
    for key, value in _part(tensors, "optimiser.").items():
        index, _, name = key.partition(".")
        entries.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": entries, "param_groups": optimiser.state_dict()["param_groups"]})
    weights = {name: values.numpy() for name, values in _part(tensors, "weights.").items()}
    return _part(tensors, "best.") or None, weights


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}

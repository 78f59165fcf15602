"""Gradual unfreezing: first the head alone, then one stage more every few epochs, from the output side.

With stages 1 (next to the head) to n (at the input), stage k moves as soon as

    epochs done ≥ k · epochs_per_stage

and goes on moving. The original lets each layer go after one epoch.

Reference: Howard & Ruder 2018, Universal language model fine-tuning for text classification, §3.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.models.classifier import NEW
from medtransfer.transfer.policies._settings import never_moves, require

if TYPE_CHECKING:
    from medtransfer.models.classifier import Classifier
    from medtransfer.transfer.types import Progress


def groups(
    model: Classifier, progress: Progress, *, epochs_per_stage: float = 1.0, backbone: float = 0.1
) -> dict[str, float]:
    """Rate of each group relative to the learning rate.

    Args:
        model: The network.
        progress: How far the run has come.
        epochs_per_stage: Between one stage and the next; 0 lets all go at once.
        backbone: Rate of every stage that moves.

    Raises:
        ConfigError: `BadValue`: `epochs_per_stage` is below 0.
    """
    require(
        epochs_per_stage >= 0,
        policy="gradual",
        setting="epochs_per_stage",
        value=epochs_per_stage,
        wanted="a number of epochs, at least 0",
    )
    stages = [group for group in model.groups() if group not in NEW]
    rates = {
        stage: backbone if progress.epoch >= order * epochs_per_stage else 0.0
        for order, stage in zip(range(len(stages), 0, -1), stages, strict=True)
    }
    return {group: rates.get(group, 1.0) for group in model.groups()}


def idle(epochs: float, *, epochs_per_stage: float = 1.0) -> str:
    """A sentence where the run ends before the first stage is let go."""
    return never_moves(epochs_per_stage, setting="epochs_per_stage", epochs=epochs)

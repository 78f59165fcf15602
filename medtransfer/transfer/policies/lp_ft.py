"""LP-FT: first the head alone, then everything.

A random head sends large, wrong gradients into good features; a fitted one does not.

Reference: Kumar et al. 2022, Fine-tuning can distort pretrained features and underperform out-of-distribution, §3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.models.classifier import NEW
from medtransfer.transfer.policies._settings import never_moves

if TYPE_CHECKING:
    from medtransfer.models.classifier import Classifier
    from medtransfer.transfer.types import Progress


def groups(
    model: Classifier, progress: Progress, *, head_epochs: float = 5.0, backbone: float = 0.1
) -> dict[str, float]:
    """Stages are frozen until `head_epochs` have passed, then move at `backbone` times the learning rate."""
    stage_rate = backbone if progress.epoch >= head_epochs else 0.0
    return {group: 1.0 if group in NEW else stage_rate for group in model.groups()}


def idle(epochs: float, *, head_epochs: float = 5.0) -> str:
    """A sentence where the run ends before the stages are let go."""
    return never_moves(head_epochs, setting="head_epochs", epochs=epochs)

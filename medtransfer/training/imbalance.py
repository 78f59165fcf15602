"""What the imbalance settings make of a plan's classes: risks, sampling, and what they shift the logits by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medtransfer.core.config.training import TrainingConfig
from medtransfer.core.types import CaseWeights, ClassOffsets, StudyTargets, Task
from medtransfer.data.targets import counts, labelled
from medtransfer.transfer.risk import Risk


@dataclass(frozen=True, kw_only=True)
class Imbalance:
    """The imbalance settings of a run, with the shares of its target's classes.

    Attributes:
        risk: L of the target's question.
        sampling: Weight of each class in the drawing of cases; None: every case once an epoch.
        offset: How much too large the logit of each class comes out; None: not at all.
    """

    risk: Risk
    sampling: ClassOffsets | None = None
    offset: ClassOffsets | None = None

    def draw(self, targets: StudyTargets) -> CaseWeights | None:
        """Weights by which labelled cases are drawn."""
        return None if self.sampling is None else self.sampling[targets[labelled(targets)]]


def imbalance_of(config: TrainingConfig, targets: StudyTargets, classes: int, task: Task) -> Imbalance:
    """What a plan's settings ask for.

    Training with class weights w, or sampling in proportion to them, fits p′_k ∝ w_k·p_k: logits come out too large by
    log w_k. A loss on l + τ·log π leaves l too small by τ·log π. A constant added to all of them changes nothing.

    Reference: Elkan 2001, The foundations of cost-sensitive learning, theorem 2; Menon et al. 2021, Long-tail learning
    via logit adjustment, eq. 10.
    """
    match config.imbalance:
        case "none":
            return Imbalance(risk=Risk(task))
        case "focal":
            return Imbalance(risk=Risk(task, focusing=config.focusing))
        case "logit_adjustment":
            shift = config.adjustment * np.log(_shares(targets, classes))
            return Imbalance(risk=Risk(task, adjustment=shift), offset=-shift)
        case "weighted":
            weights = balance(targets, classes)
            return Imbalance(risk=Risk(task, class_weights=weights), offset=np.log(weights))
        case "balanced":
            weights = balance(targets, classes)
            return Imbalance(risk=Risk(task), sampling=weights, offset=np.log(weights))


def balance(targets: StudyTargets, classes: int) -> ClassOffsets:
    """w_k = 1 / (K·π_k): weights that make the classes count alike and have mean 1 over the labelled cases."""
    return 1 / (classes * _shares(targets, classes))


def without_offset(bias: np.ndarray, offset: ClassOffsets) -> np.ndarray:
    """The head's bias, what the imbalance settings shifted it by undone."""
    return (bias - offset).astype(bias.dtype)


def _shares(targets: StudyTargets, classes: int) -> ClassOffsets:
    found = counts(targets, classes).astype(np.float64)
    return found / found.sum()

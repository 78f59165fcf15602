"""The risks L_S and L_T: means over cases of their losses, and what class imbalance asks of them.

    L = 1/n · Σ_i w_i · c_{y_i} · loss_i

over the n cases of a batch whose truth is known, at least in part. w_i are instance weights; their *global* mean is 1,
so a batch's own mean is not removed. For exclusive classes loss_i = −log p_{y_i}, or

    focal:             −(1 − p_{y_i})^γ · log p_{y_i}
    logit adjustment:  −log softmax(l_i + τ·log π)_{y_i},  π the classes' shares among the training cases

Class weights c and the logit adjustment shift the log-odds by a known amount, which is undone after training; the focal
loss flattens probabilities in a way that no shift undoes.

Reference: Lin et al. 2017, Focal loss for dense object detection, eq. 4; Menon et al. 2021, Long-tail learning via
logit adjustment, eq. 10; Elkan 2001, The foundations of cost-sensitive learning, theorem 2 (weights).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from medtransfer.core.types import ClassOffsets, Task
from medtransfer.data.tensors import Logits, Scalar, Targets, Weights
from medtransfer.models.heads import known, losses


class Risk(nn.Module):
    """L of one question."""

    class_weights: Tensor | None
    adjustment: Tensor | None

    def __init__(
        self,
        task: Task,
        *,
        class_weights: ClassOffsets | None = None,
        adjustment: ClassOffsets | None = None,
        focusing: float = 0.0,
    ) -> None:
        """Take the question's kind.

        Args:
            task: What the labels answer.
            class_weights: c, one a class; None: all 1.
            adjustment: τ·log π, one a class; None: none.
            focusing: γ of the focal loss; 0 is the plain loss.
        """
        super().__init__()
        self.task: Task = task
        self.focusing = focusing
        self.register_buffer("class_weights", _tensor(class_weights), persistent=False)
        self.register_buffer("adjustment", _tensor(adjustment), persistent=False)

    def forward(self, logits: Logits, labels: Targets, cases: Weights | None = None) -> Scalar:
        """L of a batch; `cases` are instance weights. Without a known label it is 0."""
        loss = losses(self.task, logits if self.adjustment is None else logits + self.adjustment, labels)
        if self.focusing > 0:
            wrong = (-(-loss).expm1()).clamp(min=torch.finfo(loss.dtype).tiny)  # a power below 1 has no slope at 0
            loss = wrong**self.focusing * loss
        if self.class_weights is not None:
            loss = loss * self.class_weights[labels]
        if cases is not None:
            loss = loss * cases
        return loss.sum() / known(self.task, labels).sum().clamp(min=1)


def _tensor(values: ClassOffsets | None) -> Tensor | None:
    return None if values is None else torch.as_tensor(values, dtype=torch.float32)

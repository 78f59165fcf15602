"""A linear head on frozen features: what a question's answer can be read from before anything is trained.

    min over h   Σ_i L(h((φ_i − m)/s), y_i) + d/2 · ‖W_h‖²

m: mean of the features; s: root of their mean variance, one number, so that a feature that hardly varies is not blown
up. L is that of the question's kind (`models/heads.py`), W_h `logit d`; the ridge lets logits have a standard
deviation of 1 a priori, however many features there are. Convex, solved by L-BFGS in 64 bits.

EWC fits another head (`_fisher_cases.py`): it needs logits of exclusive classes or of independent labels, whose
covariance it knows, where this one follows the question (ordered classes, labels that nobody knows), and it scales each
feature by itself. On the same features their probabilities differ by as much as 0.2: one for both would be other fits.
"""

from __future__ import annotations

import torch
from jaxtyping import Float64
from torch import Tensor, nn

from medtransfer.core.types import Task
from medtransfer.data.tensors import Features, Logits, Targets
from medtransfer.models.heads import build_head, losses

StudyRows = Float64[Tensor, "study value"]


class ScaledHead(nn.Module):
    """A head behind the scaling of its features."""

    mean: Tensor
    scale: Tensor

    def __init__(self, head: nn.Module, features: StudyRows) -> None:
        super().__init__()
        self.head = head
        self.register_buffer("mean", features.mean(dim=0))
        self.register_buffer("scale", features.var(dim=0, correction=0).mean().sqrt().clamp(min=1e-12))

    def forward(self, features: Features) -> Logits:
        """Logits of the question."""
        return self.head((features - self.mean) / self.scale)


def fitted_head(task: Task, classes: int, features: StudyRows, targets: Targets) -> ScaledHead:
    """The head that answers best, `study feature` → logits; no generator's state changes."""
    with torch.random.fork_rng(devices=()), torch.enable_grad():
        torch.manual_seed(0)
        head = ScaledHead(build_head(task, features.shape[1], classes), features).double()
        optimiser = torch.optim.LBFGS(
            head.parameters(), max_iter=500, tolerance_grad=1e-8, line_search_fn="strong_wolfe"
        )

        def loss() -> Tensor:
            optimiser.zero_grad()
            ridge = (
                torch.stack([p.square().sum() for p in head.parameters() if p.ndim > 1]).sum() * features.shape[1] / 2
            )
            value = losses(task, head(features), targets).sum() + ridge
            value.backward()
            return value

        optimiser.step(loss)
    return head.requires_grad_(False)

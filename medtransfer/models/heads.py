"""From features to logits, and from logits to the loss of each case, for the three kinds of question.

    multiclass:  l = W·x + b,                    L = −log softmax(l)_y
    multilabel:  l = W·x + b,                    L = mean over known labels k of −y_k·log σ(l_k) − (1 − y_k)·log σ(−l_k)
    ordinal:     l_k = wᵀx − b_k, b_0 < b_1 < …,   L = −log(σ(l_{y−1}) − σ(l_y)),    l_{−1} = ∞, l_{K−1} = −∞

Ordinal is the proportional-odds model: P(y > k) = σ(l_k). Its cuts rise by construction, so every class has a positive
probability at every step of training, and L is the likelihood itself, a proper score of probabilities. CORAL adds up
K−1 binary losses instead, which is no likelihood of y, and its cuts are in order at the optimum only. CORN has a weight
vector a cut, each trained on the ever fewer cases above the cut before: more than a hospital's few labels can teach.

Losses are computed in 32 bits whatever the network's precision.

Reference: McCullagh 1980, Regression models for ordinal data; compared: Cao, Mirjalili, Raschka 2020, Rank consistent
ordinal regression for neural networks (CORAL); Shi, Cao, Raschka 2023, Deep neural networks for rank-consistent ordinal
regression based on conditional probabilities (CORN).
"""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, logsigmoid, nll_loss, pad, softplus

from medtransfer.core.errors import ConfigError
from medtransfer.core.types import UNKNOWN, Task
from medtransfer.data.tensors import Features, Logits, Targets

Losses = Float[Tensor, " case"]
Known = Bool[Tensor, " case"]

LEAST_GAP: Final = 1e-4
"""Between two cuts: they differ in 32 bits too, and no class's probability becomes 0."""


def build_head(task: Task, feature_dim: int, classes: int) -> nn.Module:
    """`case feature` → logits: one a class, but one a cut (`case class−1`) where the task is ordinal.

    Raises:
        ConfigError: There are too few classes for the task.
    """
    if classes < (1 if task == "multilabel" else 2):
        raise ConfigError(
            f"{classes} classes are too few for a {task} question",
            code="TooFewClasses",
            path="target.classes",
            hint="Name both answers of a binary question, or ask for single labels with the task multilabel.",
        )
    return CumulativeLink(feature_dim, classes) if task == "ordinal" else nn.Linear(feature_dim, classes)


class CumulativeLink(nn.Module):
    """Proportional odds: one direction, and cuts b_0 and b_{k+1} = b_k + `LEAST_GAP` + softplus(g_k) along it.

    At first b_k = log((k+1)/(K−k−1)), so that all classes are equally probable at x = 0.
    """

    def __init__(self, feature_dim: int, classes: int) -> None:
        super().__init__()
        self.score = nn.Linear(feature_dim, 1, bias=False)
        cuts = (torch.arange(1, classes) / classes).logit()
        self.first_cut = nn.Parameter(cuts[:1])
        self.gaps = nn.Parameter((cuts.diff() - LEAST_GAP).expm1().log())

    def cuts(self) -> Float[Tensor, " cut"]:
        """Where one class ends and the next begins: b, rising."""
        gaps = LEAST_GAP + softplus(self.gaps)
        below = torch.ones(len(gaps), len(gaps), device=gaps.device).tril()
        # Not cumsum, which has no deterministic kernel on GPUs; nor a matrix product, which autocast takes in 16 bits.
        return torch.cat([self.first_cut, self.first_cut + (below * gaps).sum(dim=1)])

    def forward(self, features: Features) -> Float[Tensor, "case cut"]:
        """Falling logits of P(y > k), in at least 32 bits: in 16 near cuts would fall together."""
        return self.score(features) - self.cuts()


def losses(task: Task, logits: Logits, targets: Targets) -> Losses:
    """L of each case, in at least 32 bits.

    A case without a known label has 0; leave it out of a mean by `known`. The gradient of a logit whose label is
    unknown is exactly 0.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    match task:
        case "multiclass":
            return cross_entropy(logits, targets, reduction="none", ignore_index=UNKNOWN)
        case "multilabel":
            return _over_known_labels(logits, targets)
        case "ordinal":
            return nll_loss(_log_between_cuts(logits), targets, reduction="none", ignore_index=UNKNOWN)


def known(task: Task, targets: Targets) -> Known:
    """Does anybody know the answer of a case, or at least one of its labels?"""
    if task == "multilabel":
        return (~targets.isnan()).any(dim=1)
    return targets != UNKNOWN


def _over_known_labels(logits: Logits, targets: Targets) -> Losses:
    """Mean binary cross-entropy over the labels of a case that are not NaN."""
    is_known = ~targets.isnan()
    truths = torch.where(is_known, targets, 0).to(logits.dtype)
    each = binary_cross_entropy_with_logits(logits, truths, reduction="none")
    return torch.where(is_known, each, 0).sum(dim=1) / is_known.sum(dim=1).clamp(min=1)


def _log_between_cuts(logits: Float[Tensor, "case cut"]) -> Float[Tensor, "case class"]:
    """Returns log p_k = log σ(l_{k−1}) + log σ(−l_k) + log(1 − e^{−(l_{k−1} − l_k)}), finite for any logits that fall.

    The same as log(σ(l_{k−1}) − σ(l_k)), which would be the logarithm of 0 where both round to 0 or to 1.
    """
    # Logits above 1,000 have no digits left for a narrow gap; log 0 and its gradient would be infinite.
    gaps = (logits[:, :-1] - logits[:, 1:]).clamp(min=torch.finfo(logits.dtype).eps)
    return pad(logsigmoid(logits), (1, 0)) + pad(logsigmoid(-logits), (0, 1)) + pad((-(-gaps).expm1()).log(), (1, 1))

"""Features and answers of a case, multiplied: all products, or a random map with the same scalar products.

    T(f, g) = f ⊗ g,    or    T(f, g) = (R_f·f) ⊙ (R_g·g) / √q,    E⟨T(f, g), T(f', g')⟩ = ⟨f, f'⟩·⟨g, g'⟩

R_f and R_g are standard normal, drawn once and kept.

Reference: Long, Cao, Wang, Jordan 2018, Conditional adversarial domain adaptation, §3.2.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medtransfer.data.tensors import Features

Answers = Float[Tensor, "case answer"]
"""What the network says of each case, as probabilities."""

Products = Float[Tensor, "case product"]


class OuterProduct(nn.Module):
    """All products, `case feature·answer`."""

    def forward(self, features: Features, answers: Answers) -> Products:
        """Every entry of f times every entry of g, f's first."""
        return (features[:, :, None] * answers[:, None, :]).flatten(1)


class RandomMap(nn.Module):
    """Random products, `case projected`; the matrices are buffers, saved with the run."""

    of_features: Tensor
    of_answers: Tensor

    def __init__(self, features: int, answers: int, projected: int) -> None:
        super().__init__()
        self.register_buffer("of_features", torch.randn(features, projected))
        self.register_buffer("of_answers", torch.randn(answers, projected))

    def forward(self, features: Features, answers: Answers) -> Products:
        """(R_f·f) ⊙ (R_g·g) / √q of each case."""
        random = self.of_features.to(features.dtype), self.of_answers.to(answers.dtype)
        return (features @ random[0]) * (answers @ random[1]) / math.sqrt(self.of_features.shape[1])

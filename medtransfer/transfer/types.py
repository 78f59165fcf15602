"""What the terms of the objective are given, and what they give back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch

from medtransfer.core.types import CaseWeights, FeatureRows, Groups
from medtransfer.data.dataset import StudySet
from medtransfer.data.tensors import Features, Logits, Scalar, Targets

POOLED = "pooled"
"""Name of the tap that every network has: the features below the head."""


@dataclass(frozen=True, kw_only=True)
class Domain:
    """One domain's part of a step.

    Attributes:
        features: By tap; `pooled` is always there.
        logits: Of the head that answers this domain's question.
        labels: None where the term must not see them or nobody knows them.
    """

    features: dict[str, Features]
    logits: Logits
    labels: Targets | None


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Frozen features of a domain's training cases, for weighting: `case feature`, and whose each case is."""

    features: FeatureRows
    patients: Groups


@dataclass(frozen=True, kw_only=True)
class SampleWeights:
    """Weights of the source cases. Their mean over all of them is 1.

    Attributes:
        values: One per source case.
        effective_size: (Σw)² / Σw², between 1 and the number of cases.
        clipped: How many were cut off.
    """

    values: CaseWeights
    effective_size: float
    clipped: int


@dataclass(frozen=True, kw_only=True)
class TransferData:
    """The training cases of both domains, as terms that estimate something from them see it."""

    target: StudySet
    source: StudySet | None


class Term(ABC):
    """A regulariser Ω_k on parameters.

    Where `proximal` is true the term is kept out of the gradient and acts in `post_step` instead.
    """

    proximal: bool = False
    anchored: frozenset[str] = frozenset()
    """Names of the parameters it holds; the optimiser's own weight decay is 0 on them."""

    @abstractmethod
    def loss(self) -> Scalar:
        """Ω_k at the parameters as they stand, without its strength."""

    @abstractmethod
    def post_step(self, optimiser: torch.optim.Optimizer, *, strength: float) -> None:
        """What happens after the optimiser's step, for the effective strength ω_k / (1 + λ)."""

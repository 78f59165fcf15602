"""What the terms of the objective are given, and what they give back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import nn

from medtransfer.core.types import CaseWeights, FeatureRows, Groups, StudyTargets, Task
from medtransfer.data.dataset import StudySet
from medtransfer.data.tensors import Features, ItemValues, Logits, Scalar, Targets
from medtransfer.models.watch import Watcher

POOLED = "pooled"
"""Name of the tap that every network has: the features below the head."""

TARGET = "target"
"""Name of the target's domain; those of the sources are the plan's."""


class Progress(NamedTuple):
    """How far a run has come.

    Attributes:
        epoch: Epochs done, with a fraction: 2.5 is the middle of the third.
        epochs: Epochs that are planned.
    """

    epoch: float
    epochs: float

    @property
    def share(self) -> float:
        """0 at the first step, 1 at the end."""
        return self.epoch / self.epochs


@dataclass(frozen=True, kw_only=True)
class Domain:
    """One domain's part of a step.

    Attributes:
        features: By tap, `case feature`; `pooled` is always there, stages of the backbone where a term asks for them.
        logits: Of the head that answers this domain's question.
        labels: −1 (several labels: NaN) where nobody knows them; None where the term must not see them.
        watched: What each term's watcher made of the planes (or volumes) of this batch, by the term's name.
        share: How far the run has come, 0 to 1.
    """

    features: dict[str, Features]
    logits: Logits
    labels: Targets | None
    watched: Mapping[str, ItemValues] = field(default_factory=dict)
    share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a step has computed before terms on parameters are asked.

    Attributes:
        name: What the term that is asked is called: its key in `Domain.watched`.
        target: The target's part; None where nothing needs it.
        sources: The sources' parts, by name.
    """

    name: str = ""
    target: Domain | None = None
    sources: Mapping[str, Domain] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Frozen features of a domain's training cases, for weighting: `case feature`, and whose each case is.

    Attributes:
        features: `case feature`.
        patients: Integer code of each case's patient.
        labels: −1 where unknown; None where the weighting must not see them.
        classes: How many answers the question has.
    """

    features: FeatureRows
    patients: Groups
    labels: StudyTargets | None = None
    classes: int = 2


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
    """The training cases of every domain, as terms that estimate something from them see it.

    Attributes:
        target: The target's; cases without a label among them, where the objective has a use for them.
        sources: By name.
        tasks: Kind of question of each source, by name.
    """

    target: StudySet
    sources: Mapping[str, StudySet] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)


class Term(nn.Module, ABC):
    """A regulariser Ω_k on parameters, or on what the network under training makes of a batch.

    What it learns itself is a parameter of the module, and what must survive an interruption a persistent buffer. The
    trained network's own parameters, and copies of pretrained ones, are kept where `nn.Module` does not register them
    (in a plain dict or tuple): they are saved with the network, or loaded with it.

    Where `proximal` is true the term is kept out of the gradient and acts in `post_step` instead.
    """

    proximal: bool = False
    anchored: frozenset[str] = frozenset()
    """Names of the parameters it holds; the optimiser's own weight decay is 0 on them."""
    needs_target: bool = False
    """Does it want the target's batch even where λ = 0 looks at no label?"""
    note: str = ""
    """What a reader of the result should know of it: an approximation, say."""
    watcher: Watcher | None = None
    """What it wants to see of every piece of the target's batch that goes through the encoder (of the first source's
    where λ = 0); its values come back as `Domain.watched[step.name]`."""

    @abstractmethod
    def loss(self, step: Step) -> Scalar:
        """Ω_k at the parameters as they stand, without its strength. A term on parameters alone ignores `step`."""

    def post_step(self, optimiser: torch.optim.Optimizer, *, strength: float) -> None:
        """What happens after the optimiser's step, for the effective strength ω_k / (1 + λ); nothing by default."""

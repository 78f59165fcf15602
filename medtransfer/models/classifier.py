"""Encoder, pooling and head(s): studies in, logits and features out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from medtransfer.core.errors import ConfigError
from medtransfer.core.types import Task
from medtransfer.data.tensors import (
    Features,
    ItemFeatures,
    ItemValues,
    Logits,
    NetworkInput,
    SliceWeights,
    VolumeBatch,
)
from medtransfer.models.encode import Encoded, Items, encode, items_of
from medtransfer.models.heads import build_head
from medtransfer.models.normalisation import mean_and_std, normalised
from medtransfer.models.pooling._contract import Place, Pooled
from medtransfer.models.watch import StageMean, Watcher

if TYPE_CHECKING:
    from medtransfer.data.dataset import StudyBatch
    from medtransfer.models.backbone import Backbone
    from medtransfer.models.weights.load import Loaded

HEAD = "head"
POOLING = "pooling"

NEW = (POOLING, HEAD)
"""Groups of parameters that no pretrained weights know of."""


class Output(NamedTuple):
    """What a forward pass gives.

    Attributes:
        logits: Of one head.
        features: Of each study, below the head.
        weights: How much each item (plane, or view in 3-D) had to do with it; 0 on padding.
        taps: Outputs of stages that were asked for, averaged over space and over the items of each study.
        watched: What watchers said of every item, by the name they go by.
    """

    logits: Logits
    features: Features
    weights: SliceWeights
    taps: dict[str, Features]
    watched: dict[str, ItemValues]


class Question(NamedTuple):
    """What a head answers."""

    task: Task
    classes: int


class Classifier(nn.Module):
    """A backbone that encodes planes, a pooling of planes to studies, and one head per question.

    The weights' own normalisation is part of the network, so that a bundle needs no second place to remember it.

    Attributes:
        heads: `head` for the target's question; `NAME_head` for each source that asks another one.
        task: The kind of the target's question.
        classes: How many answers, or labels, it has.
        source_names: The source domains that it is trained on.
        feature_dim: Length of a study's features, below the heads.
        weights: Where the encoder's parameters come from.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        backbone: Backbone,
        *,
        pooling: nn.Module,
        question: Question,
        sources: Mapping[str, Question | None] | None = None,
        weights: Loaded,
        neighbours: bool = False,
        chunk: int = 32,
    ) -> None:
        """Take a backbone with its weights; `sources` maps a source's name to its question, None: the target's."""
        super().__init__()
        self.backbone = backbone
        self.pooling = pooling
        self.weights, self.neighbours, self.chunk = weights, neighbours, chunk
        spec = self.spec = weights.spec
        self.task: Task = question.task
        self.classes = question.classes
        self.source_names = tuple(sources or {})
        self.feature_dim: int = pooling.feature_dim  # pyright: ignore[reportAttributeAccessIssue]
        self.heads = nn.ModuleDict({HEAD: build_head(question.task, self.feature_dim, question.classes)})
        for name, asked in (sources or {}).items():
            if asked is not None:
                self.heads[_head_name(name)] = build_head(asked.task, self.feature_dim, asked.classes)
        mean, std = mean_and_std(spec)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def normalised(self, pictures: VolumeBatch) -> NetworkInput:
        """As the weights want it: `case channel *space` in [0, 1] → the network's own channels.

        Raises:
            ConfigError: Three channels for a network that takes one.
        """
        return normalised(pictures, self.spec, (self.mean, self.std))

    def items(self, batch: StudyBatch) -> Items:
        """What the backbone looks at in a batch."""
        return items_of(batch.layout, self.backbone.dimensions)

    def encode(self, batch: StudyBatch, items: Items, watchers: Mapping[str, Watcher] | None = None) -> Encoded:
        """Features of every item, `item feature`; those of the batch where it brings them, and nobody looks on then.

        Raises:
            ConfigError: Three channels for a network that takes one, or that was to make three of neighbours.
        """
        if batch.encoded is not None:
            return Encoded(batch.encoded.to(self.mean.device), {})
        if self.neighbours and batch.channels == 3:
            raise ConfigError(
                "the pictures have three channels already, and neighbouring slices were to become three",
                code="ChannelsDoNotFit",
                path="model.grey",
                hint='Set model.grey = "repeat", or leave preprocess.ct_windows out.',
            )
        return encode(
            self.backbone,
            batch,
            items,
            normalise=self.normalised,
            neighbours=self.neighbours,
            chunk=self.chunk,
            watchers=watchers,
        )

    def forward(
        self,
        batch: StudyBatch,
        *,
        head: str = HEAD,
        taps: Sequence[str] = (),
        watchers: Mapping[str, Watcher] | None = None,
    ) -> Output:
        """Logits of one head for each study, the features below it, and the weight of each item.

        Args:
            batch: The studies.
            head: Which head answers.
            taps: Stages of the backbone whose outputs are wanted, too.
            watchers: Who else looks on, by name.
        """
        items = self.items(batch)
        everyone = {**(watchers or {}), **{_tap(stage): StageMean(stage) for stage in taps}}
        features, watched = self.encode(batch, items, everyone)
        pooled = self.pooled(features, items, studies=len(batch))
        means = {stage: _study_means(watched.pop(_tap(stage)), items, len(batch)) for stage in taps if watched}
        return Output(self.heads[head](pooled.features), pooled.features, pooled.weights, means, watched)

    def pooled(self, features: ItemFeatures, items: Items, *, studies: int) -> Pooled:
        """Items to studies."""
        counts = torch.bincount(torch.from_numpy(items.study), minlength=studies)
        index = (counts.cumsum(0) - counts)[:, None] + torch.arange(int(counts.max()))
        present = (torch.arange(index.shape[1]) < counts[:, None]).to(features.device)
        index = index.clamp(max=len(items.study) - 1)
        place = Place(
            position=torch.from_numpy(items.position)[index].to(features.device),
            axis=torch.from_numpy(items.axis)[index].to(features.device),
        )
        whole = len(items.study) == index.numel()  # every study has as many items: nothing is padded
        bags = features.unflatten(0, index.shape) if whole else features[index.to(features.device)]
        return self.pooling(bags, present, place)

    def head_of(self, source: str) -> str:
        """The head that answers a source's question: the target's where it asks the same."""
        name = _head_name(source)
        return name if name in self.heads else HEAD

    def groups(self) -> dict[str, list[tuple[str, nn.Parameter]]]:
        """Every parameter, once: stage name (input side first), `pooling` (where it has any) or `head` → its own."""
        groups = {
            stage: [(f"backbone.{name}", p) for name, p in self.backbone.stage_parameters(stage)]
            for stage in self.backbone.stages
        }
        if pooling := [(f"pooling.{name}", p) for name, p in self.pooling.named_parameters()]:
            groups[POOLING] = pooling
        groups[HEAD] = list(self._head_parameters())
        return groups

    def group_modules(self, group: str) -> list[nn.Module]:
        """The modules of a stage, of the pooling or of the heads."""
        if group in NEW:
            return [self.heads if group == HEAD else self.pooling]
        return self.backbone.stage_modules(group)

    def _head_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        for name, parameter in self.heads.named_parameters():
            yield f"heads.{name}", parameter


def _head_name(source: str) -> str:
    return f"{source}_{HEAD}"


def _tap(stage: str) -> str:
    return f"tap {stage}"


def _study_means(values: ItemValues, items: Items, studies: int) -> Features:
    """Mean over the items of each study."""
    study = torch.from_numpy(items.study).to(values.device)
    member = nn.functional.one_hot(study, studies).T.to(values.dtype)  # not index_add: deterministic on GPUs, too
    return (member @ values) / member.sum(dim=1, keepdim=True)

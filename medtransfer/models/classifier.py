"""Backbone + head(s): pictures in [0, 1] in, logits and features out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import nn

from medtransfer.data.tensors import Features, Logits, NetworkInput, PictureBatch
from medtransfer.models.backbone import Backbone
from medtransfer.models.input_spec import InputSpec

HEAD = "head"
SOURCE_HEAD = "source_head"


class Output(NamedTuple):
    """What a forward pass gives."""

    logits: Logits
    features: Features


class Classifier(nn.Module):
    """A backbone with one linear head per question.

    The weights' own normalisation is part of the network, so that a bundle needs no second place to
    remember it. Grey pictures become three channels by repetition.

    Attributes:
        heads: `head` for the target's question; `source_head` where the source asks another one.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, backbone: Backbone, *, classes: int, source_classes: int | None = None, spec: InputSpec) -> None:
        super().__init__()
        self.backbone = backbone
        self.spec = spec
        self.heads = nn.ModuleDict({HEAD: nn.Linear(backbone.feature_dim, classes)})
        if source_classes is not None:
            self.heads[SOURCE_HEAD] = nn.Linear(backbone.feature_dim, source_classes)
        low, high = spec.range
        mean, std = torch.tensor(spec.mean), torch.tensor(spec.std)
        self.register_buffer("mean", ((mean - low) / (high - low))[None, :, None, None], persistent=False)
        self.register_buffer("std", (std / (high - low))[None, :, None, None], persistent=False)

    def normalised(self, pictures: PictureBatch) -> NetworkInput:
        """Three channels as the weights want them: `case channel row column` → `case 3 row column`."""
        if pictures.shape[1] == 1:
            pictures = pictures.expand(-1, 3, -1, -1)
        elif self.spec.colour == "BGR":
            pictures = pictures.flip(1)
        return (pictures - self.mean) / self.std

    def forward(self, pictures: PictureBatch, *, head: str = HEAD) -> Output:
        """Logits of one head, and the features below it."""
        features = self.backbone(self.normalised(pictures))
        return Output(self.heads[head](features), features)

    def source_head(self) -> str:
        """The head that answers the source's question."""
        return SOURCE_HEAD if SOURCE_HEAD in self.heads else HEAD

    def groups(self) -> dict[str, list[tuple[str, nn.Parameter]]]:
        """Every parameter, once: stage name (input side first) or `head` → names and parameters."""
        groups = {
            stage: [(f"backbone.{name}", p) for name, p in self.backbone.stage_parameters(stage)]
            for stage in self.backbone.stages
        }
        groups[HEAD] = list(self._head_parameters())
        return groups

    def group_modules(self, group: str) -> list[nn.Module]:
        """The modules of a stage or of the heads."""
        return [self.heads] if group == HEAD else self.backbone.stage_modules(group)

    def _head_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        for name, parameter in self.heads.named_parameters():
            yield f"heads.{name}", parameter

"""A network without its head: ordered, named stages, and pooled features out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from typing import Literal

from torch import Tensor, nn

from medtransfer.data.tensors import Features, NetworkInput


class Backbone(nn.Module):
    """A network whose last layer has been taken off.

    Attributes:
        network: The origin's own module, its parameter names unchanged, its head replaced by an identity.
        stages: Stage name → names of the direct or nested children (or lone parameters) it consists of, input side
            first. Every parameter belongs to exactly one stage; freezing, rates and taps count in stages.
        feature_dim: Length of a feature vector.
        head_keys: Prefixes of the origin's head in its state dict, which weight files may hold and we leave out.
        stem: Name of the first convolution, which `models/stem.py` fits to the number of input channels.
        in_channels: 1 or 3.
        dimensions: 2 for networks that look at planes, 3 for those that look at volumes.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        stages: Mapping[str, tuple[str, ...]],
        feature_dim: int,
        head_keys: tuple[str, ...],
        stem: str = "conv1",
        in_channels: Literal[1, 3] = 3,
        dimensions: Literal[2, 3] = 2,
    ) -> None:
        super().__init__()
        self.network = network
        self.stages = dict(stages)
        self.feature_dim = feature_dim
        self.head_keys = head_keys
        self.stem = stem
        self.in_channels = in_channels
        self.dimensions = dimensions

    def forward(self, images: NetworkInput) -> Features:
        """`case channel row column` → `case feature`, pooled over the plane; `case channel slice row column` in 3-D."""
        features: Tensor = self.network(images)
        return features.flatten(1)

    def stage_modules(self, stage: str) -> list[nn.Module]:
        """The modules of one stage."""
        return [self.network.get_submodule(name) for name in self.stages[stage]]

    def stage_parameters(self, stage: str) -> Iterator[tuple[str, nn.Parameter]]:
        """Names (as in `self.named_parameters()`) and parameters of one stage."""
        for name in self.stages[stage]:
            for inner, parameter in self.network.get_submodule(name).named_parameters():
                yield f"network.{name}.{inner}", parameter

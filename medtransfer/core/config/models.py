"""Settings of the models room."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from medtransfer.core.catalogue import Catalogue
from medtransfer.core.records import Record

BACKBONES = Catalogue("medtransfer.models.backbones", "build", "backbone")
POOLINGS = Catalogue("medtransfer.models.pooling", "build", "pooling")


class PoolingConfig(Record):
    """How the planes of a study, slices and views alike, become one feature vector."""

    name: str = "mean"
    """Entry of `models/pooling/`."""
    settings: dict[str, Any] = {}

    @model_validator(mode="after")
    def _exists(self) -> PoolingConfig:
        POOLINGS.check(self.name, self.settings)
        return self


class ModelConfig(Record):
    """Which network, and where its parameters start."""

    backbone: str = "resnet18"
    """Entry of `models/backbones/`, `timm/NAME`, or `module:function`."""
    weights: str = "none"
    """`none` (random), `imagenet` (torchvision's own file, from its cache), the name of imported weights, or a local
    file with its sidecar."""
    download: bool = False
    """May torchvision's file be fetched from the network when the cache lacks it?"""
    in_channels: Literal[1, 3] = 3
    """Of the network's first layer; with 1, pretrained weights of three channels are added up."""
    grey: Literal["repeat", "neighbours"] = "repeat"
    """What a grey plane gives three channels: itself, or itself between its neighbouring slices (2.5-D)."""
    pooling: PoolingConfig = PoolingConfig()
    chunk: Annotated[int, Field(ge=1)] = 32
    """Planes that go through the encoder at once; of a larger batch, activations are computed again when needed."""

    @field_validator("backbone")
    @classmethod
    def _exists(cls, name: str) -> str:
        BACKBONES.check_name(name)
        return name

"""Settings of the models room."""

from __future__ import annotations

from pydantic import field_validator

from medtransfer.core.catalogue import Catalogue
from medtransfer.core.records import Record

BACKBONES = Catalogue("medtransfer.models.backbones", "build", "backbone")


class ModelConfig(Record):
    """Which network, and where its parameters start."""

    backbone: str = "resnet18"
    """Entry of `models/backbones/`, or `module:function`."""
    weights: str = "none"
    """`none` (random), `imagenet` (torchvision's own file, from its cache), or a local file with its sidecar."""
    download: bool = False
    """May torchvision's file be fetched from the network when the cache lacks it?"""

    @field_validator("backbone")
    @classmethod
    def _exists(cls, name: str) -> str:
        BACKBONES.check_name(name)
        return name

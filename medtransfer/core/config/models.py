"""Settings of the models room."""

from __future__ import annotations

from medtransfer.core.records import Record


class ModelConfig(Record):
    """Which network, and where its parameters start."""

    backbone: str = "resnet18"
    """Entry of `models/backbones/`, or `module:function`."""
    weights: str = "none"
    """`none` (random), `imagenet` (torchvision's own file, from its cache), or a local file with its sidecar."""
    download: bool = False
    """May torchvision's file be fetched from the network when the cache lacks it?"""

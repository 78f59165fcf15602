"""ViT-B/16: 85.8 M parameters, 768 features (the class token's), 17.6 GMAC at 224².

The origin takes 224 × 224 pixels alone. Here any multiple of 16 is taken: the position embedding, learnt on a grid of
14 × 14 patches, is interpolated to the picture's grid, bicubic and with antialiasing where it shrinks. At 224 it is the
origin's own.

Reference: Dosovitskiy et al. 2021, An image is worth 16x16 words, §3.2 (interpolation of the position embedding).
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from medtransfer.data.tensors import Features, NetworkInput
from medtransfer.models.backbone import Backbone, Sizes
from medtransfer.models.backbones._torchvision import network

PATCH = 16

_BLOCKS = {"blocks1": range(3), "blocks2": range(3, 6), "blocks3": range(6, 9), "blocks4": range(9, 12)}
STAGES = {
    "stem": ("class_token", "conv_proj", "encoder.pos_embedding", "encoder.dropout"),
    **{stage: tuple(f"encoder.layers.encoder_layer_{i}" for i in blocks) for stage, blocks in _BLOCKS.items()},
    "norm": ("encoder.ln",),
}

Embedding = Float[Tensor, "1 _ feature"]
"""Of the class token, then of the patches, row after row."""


class AnySizeTransformer(nn.Module):
    """The parts of torchvision's `VisionTransformer`, under its names, for pictures of any multiple of a patch."""

    def __init__(self, origin: nn.Module) -> None:
        """Take over its parts, without its head."""
        super().__init__()
        self.class_token: nn.Parameter = origin.get_parameter("class_token")
        self.conv_proj = origin.get_submodule("conv_proj")
        self.encoder = origin.get_submodule("encoder")

    def forward(self, images: NetworkInput) -> Features:
        """`case channel row column` → `case feature`, the class token after the last block."""
        patches: Tensor = self.conv_proj(images)
        rows, columns = patches.shape[2:]
        token = self.class_token.expand(len(images), -1, -1)
        tokens = torch.cat([token, patches.flatten(2).transpose(1, 2)], dim=1)
        tokens += positions(self.encoder.get_parameter("pos_embedding"), rows, columns)
        for part in ("dropout", "layers", "ln"):
            tokens = self.encoder.get_submodule(part)(tokens)
        return tokens[:, 0]


def positions(embedding: Embedding, rows: int, columns: int) -> Embedding:
    """Position embeddings of a class token and a square grid, interpolated to another grid."""
    side = math.isqrt(embedding.shape[1] - 1)
    if (rows, columns) == (side, side):
        return embedding
    grid = embedding[:, 1:].transpose(1, 2).unflatten(2, (side, side))
    placed = functional.interpolate(grid.float(), size=(rows, columns), mode="bicubic", antialias=True)
    return torch.cat([embedding[:, :1], placed.to(grid.dtype).flatten(2).transpose(1, 2)], dim=1)


def build(*, in_channels: int = 3) -> Backbone:
    """Build the network with random weights, head removed."""
    return Backbone(
        AnySizeTransformer(network("vit_b_16")),
        stages=STAGES,
        feature_dim=768,
        head_keys=("heads.",),
        stem="conv_proj",
        in_channels=in_channels,
        sizes=Sizes(smallest=PATCH, multiple=PATCH),
    )

"""The two batches that a term compares, in 32 bits at least: what is nearly equal is subtracted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from medtransfer.transfer.types import Domain

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


SourceFeatures = Float[Tensor, "source feature"]
TargetFeatures = Float[Tensor, "target feature"]


def in_full(values: Tensor) -> Tensor:
    """32 bits, or 64 where they are there."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def features_of(source: Domain, target: Domain, tap: str) -> tuple[SourceFeatures, TargetFeatures]:
    """What both domains' networks pass on at a tap, in 32 bits at least."""
    return in_full(source.features[tap]), in_full(target.features[tap])


def without_autocast(values: Tensor) -> AbstractContextManager[object]:
    """Inside, products are not rounded to 16 bits either."""
    return torch.autocast(values.device.type, enabled=False)

"""What every pooling takes and gives.

`build(feature_dim, *, …)` gives a module with the attribute `feature_dim`, the length of its output, and
`forward(features, present, place) -> Pooled`, in at least 32 bits whatever the network's precision.
"""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Bool, Float, Int
from torch import Tensor

BagFeatures = Float[Tensor, "study plane feature"]
"""Features of the planes of each study, padded to the longest study of the batch."""

Present = Bool[Tensor, "study plane"]
"""False where there is padding, whose features and place may be anything, NaN too."""

Positions = Float[Tensor, "study plane"]
"""Place of a plane within its view, from 0 (first) to 1 (last); ½ for a lone one."""

Axes = Int[Tensor, "study plane"]
"""Index into `data/places.AXES`: 0 for projections and loops, else axial, coronal, sagittal."""


class Place(NamedTuple):
    """Where the planes of a batch lie in the patient."""

    position: Positions
    axis: Axes


class Pooled(NamedTuple):
    """One vector a study, and how much each plane had to do with it.

    Attributes:
        features: `study feature`.
        weights: Non-negative, 0 on padding, 1 in sum over each study.
    """

    features: Float[Tensor, "study feature"]
    weights: Float[Tensor, "study plane"]

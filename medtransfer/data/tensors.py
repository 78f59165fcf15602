"""Tensor shapes, named once. `case` runs over the batch; arrays have theirs in `core/types.py`."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

PictureBatch = Float[Tensor, "case channel row column"]
"""Prepared pictures in [0, 1], one or three channels."""

VolumeBatch = Float[Tensor, "case shade *space"]
"""Prepared pictures `row column`, or volumes `slice row column`, in [0, 1]."""

NetworkInput = Float[Tensor, "case channel *space"]
"""Normalised as the weights want it: `case channel row column`, or `case channel slice row column` in 3-D."""

ItemFeatures = Float[Tensor, "item feature"]
"""Of planes, or of volumes in 3-D, study after study."""

ItemValues = Float[Tensor, "item value"]
"""A few numbers of each plane, or volume in 3-D."""

Features = Float[Tensor, "case feature"]
SliceWeights = Float[Tensor, "case place"]
"""Non-negative, 1 in sum over each case, 0 on padding."""

Logits = Float[Tensor, "case class"]
Targets = Int[Tensor, " case"] | Float[Tensor, "case label"]
"""Index of the true class, −1 where it is unknown; of several labels 1, 0 or NaN (unknown)."""

Weights = Float[Tensor, " case"]
Scalar = Float[Tensor, ""]

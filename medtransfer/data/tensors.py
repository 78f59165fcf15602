"""Tensor shapes, named once. `case` runs over the batch; arrays have theirs in `core/types.py`."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

PictureBatch = Float[Tensor, "case channel row column"]
"""Prepared pictures in [0, 1], one or three channels."""

NetworkInput = Float[Tensor, "case channel *space"]
"""Normalised as the weights want it: `case channel row column`, or `case channel slice row column` in 3-D."""

Features = Float[Tensor, "case feature"]
Logits = Float[Tensor, "case class"]
Targets = Int[Tensor, " case"]
"""Index of the true class."""

Weights = Float[Tensor, " case"]
Scalar = Float[Tensor, ""]

"""Array shapes of the weightings. `source`, `target`: the domains' cases; `centre`: where a Gaussian sits."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64, Int

Rows = Float64[np.ndarray, "row component"]
Columns = Float64[np.ndarray, "column component"]
Kernel = Float64[np.ndarray, "row column"]

SourceRows = Float64[np.ndarray, "source component"]
TargetRows = Float64[np.ndarray, "target component"]
SourceBumps = Float64[np.ndarray, "source centre"]
TargetBumps = Float64[np.ndarray, "target centre"]
Centres = Int[np.ndarray, " centre"]
"""Indices of the target cases that are centres."""

FrozenFeatures = Float[np.ndarray, "row feature"]
HeldOut = Int[np.ndarray, " case"]
"""Indices of the cases that a fold holds out."""

ClassRows = Float64[np.ndarray, "case class"]
FoldClassRows = Float64[np.ndarray, "fold target class"]
Confusion = Float64[np.ndarray, "class class"]
"""`predicted true`."""
ClassShares = Float64[np.ndarray, " class"]
Programme = Float64[np.ndarray, "case case"]

"""The Gaussian kernel k(x, z) = exp(−‖x − z‖² / 2σ²), and its width by the median heuristic."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from medtransfer.transfer.instances._shapes import Columns, Kernel, Rows


def gaussian(rows: Rows, columns: Columns, width: float) -> Kernel:
    """`row column`."""
    exponents = cdist(rows, columns, "sqeuclidean")
    exponents /= -2 * width**2
    return np.exp(exponents, out=exponents)


def median_distance(rows: Rows, columns: Columns) -> float:
    """Median of the distances above 0 from any row to any column; 1 where there are none."""
    distances = cdist(rows, columns)
    apart = distances[distances > 0]
    return float(np.median(apart)) if apart.size else 1.0

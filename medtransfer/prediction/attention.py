"""How much each slice had to do with an answer, as the pooling weighed it.

The weights w of the planes that the network saw add up to 1 over a study. Where a volume was resampled to other planes,
plane p = Σ_s T_ps · slice s (`data/triangle.py`), a slice gets its share of each:

    a_s = Σ_p w_p · T_ps

Weights say where the pooling looked, and not that there is anything to see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from medtransfer.data.orient import acquired
from medtransfer.data.places import View
from medtransfer.data.preprocess import along
from medtransfer.prediction.types import AttentiveRuntime, StudyScans

if TYPE_CHECKING:
    from medtransfer.core.config.data import PreprocessConfig
    from medtransfer.data.scan import Scan

PlaneWeights = Float[np.ndarray, " plane"]
SliceWeights = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Slices:
    """From the planes of one prepared scan to its slices.

    Attributes:
        first: Number of the first plane that was cut as the scan was acquired.
        planes: How many such planes there are; 0 where it was cut otherwise only.
        shares: T of these planes.
    """

    first: int
    planes: int
    shares: Float[np.ndarray, "plane slice"]

    def weights(self, of_planes: PlaneWeights) -> SliceWeights | None:
        """One weight a slice, in the order of the acquired planes; None where none of them was looked at."""
        if not self.planes:
            return None
        return tuple((of_planes[self.first : self.first + self.planes] @ self.shares).tolist())


class Attending:
    """A runtime that keeps the weights of the planes of the one study that it was last asked about."""

    def __init__(self, runtime: AttentiveRuntime) -> None:
        self._runtime = runtime
        self.weights: PlaneWeights | None = None

    def __call__(self, studies: Sequence[StudyScans]) -> np.ndarray:
        """Logits of the study."""
        (study,) = studies
        logits, self.weights = self._runtime.attend(study)
        return logits[np.newaxis]


def slices_of(scan: Scan, views: tuple[View, ...], preprocess: PreprocessConfig) -> Slices:
    """Which of a prepared scan's planes are its slices."""
    turned, own = acquired(scan)
    count = 1 if scan.kind == "picture" else len(turned.voxels)
    first = 0
    for view in views:
        if view.axis == own:
            resampled = preprocess.planes is not None and (scan.kind == "volume" or scan.affine is not None)
            shares = along(turned, view.planes) if resampled else np.eye(count)
            return Slices(first=first, planes=view.planes, shares=shares)
        first += view.planes
    return Slices(first=0, planes=0, shares=np.empty((0, count)))

"""Where the planes of a prepared scan lie in the patient.

A prepared scan is one or several *views*, one after the other: a radiograph is a view of one plane, a volume a view of
its slices, a volume cut in three planes of the patient three views.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import numpy as np

from medtransfer.core.types import PlaneAxes, PlanePositions

Axis = Literal["", "axial", "coronal", "sagittal"]

AXES: Final[tuple[Axis, ...]] = ("", "axial", "coronal", "sagittal")
"""Planes of the patient; the first stands for projections, loops, and planes whose place is not known."""


class View(NamedTuple):
    """Consecutive planes of one direction.

    Attributes:
        axis: How they were cut. Axial planes come from the feet up, coronal ones from the front backwards, sagittal
            ones from the patient's right to the left.
        planes: How many there are.
    """

    axis: Axis
    planes: int


def positions(views: tuple[View, ...]) -> PlanePositions:
    """Place of each plane within its view: i / (n − 1), and ½ where n = 1."""
    return np.concatenate([np.linspace(0, 1, v.planes) if v.planes > 1 else [0.5] for v in views], dtype=np.float32)


def axes(views: tuple[View, ...]) -> PlaneAxes:
    """Index into `AXES` for each plane."""
    return np.repeat([AXES.index(view.axis) for view in views], [view.planes for view in views])

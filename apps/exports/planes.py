"""The three planes through a volume, laid down as a radiologist looks at them; the viewer does the same.

| plane | downwards | to the right |
|---|---|---|
| axial | P | L |
| coronal | F | L |
| sagittal | F | P |

Planes run along voxel axes. An axis is told by the first letter of its ends, the direction that it runs nearest to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    import medtransfer as mt

_PLANES: Final = {"H": "axial", "F": "axial", "A": "coronal", "P": "coronal", "R": "sagittal", "L": "sagittal"}
_TOWARDS: Final = {"axial": ("P", "L"), "coronal": ("F", "L"), "sagittal": ("F", "P")}
_ALONG: Final = {"P": "coronal", "L": "sagittal", "F": "axial"}


@dataclass(frozen=True, kw_only=True)
class Plane:
    """Axes of the voxels: the one across the plane, the one that runs down and the one that runs to the right."""

    name: str
    axis: int
    down: int
    right: int
    flip_down: bool = False
    flip_right: bool = False

    def cut(self, view: mt.View, index: int) -> NDArray[np.generic]:
        """`down right`, colour behind them."""
        picture = np.moveaxis(np.take(view.voxels, index, axis=self.axis), _place(self.down, self.axis), 0)
        return picture[:: -1 if self.flip_down else 1, :: -1 if self.flip_right else 1]

    def ratio(self, view: mt.View) -> float:
        """Height of a pixel by its width."""
        return 1.0 if view.spacing is None else view.spacing[self.down] / view.spacing[self.right]

    def letters(self, view: mt.View) -> tuple[str, str, str, str]:
        """At the left, right, top and bottom edge."""
        left, right = view.letters[self.right][:: -1 if self.flip_right else 1]
        top, bottom = view.letters[self.down][:: -1 if self.flip_down else 1]
        return left, right, top, bottom


def acquired(view: mt.View) -> Plane:
    """The plane as it was acquired: the view's own rows and columns."""
    return Plane(name=_name(view, 0), axis=0, down=1, right=2)


def plane_called(view: mt.View, name: object) -> Plane:
    """The plane that a viewer calls so; the acquired one where this view has no such plane."""
    own = acquired(view)
    wanted = str(name).removesuffix(" oblique")
    axes = [_name(view, axis) for axis in range(3)]
    if view.why_no_mpr or wanted == own.name or wanted not in axes or sorted(axes) != sorted(_TOWARDS):
        return own
    (down, right) = (axes.index(_ALONG[letter]) for letter in _TOWARDS[wanted])
    towards = _TOWARDS[wanted]
    return Plane(
        name=wanted,
        axis=axes.index(wanted),
        down=down,
        right=right,
        flip_down=view.letters[down][1][:1] != towards[0],
        flip_right=view.letters[right][1][:1] != towards[1],
    )


def _name(view: mt.View, axis: int) -> str:
    return _PLANES.get(view.letters[axis][1][:1], "")


def _place(down: int, axis: int) -> int:
    """Where an axis stands once the one across the plane is gone."""
    return down - (down > axis)

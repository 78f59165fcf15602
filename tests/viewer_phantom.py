"""A chest of ellipsoids in Hounsfield units, and what the viewer is told about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Centre (slice, row, column) and half axes as shares of the volume, Hounsfield units.
PARTS = [
    ((0.5, 0.52, 0.5), (9.0, 0.36, 0.46), -90),
    ((0.5, 0.52, 0.5), (9.0, 0.335, 0.435), 45),
    ((0.48, 0.5, 0.29), (0.46, 0.25, 0.15), -820),
    ((0.48, 0.5, 0.71), (0.46, 0.25, 0.15), -820),
    ((0.45, 0.45, 0.57), (0.22, 0.15, 0.13), 60),
    ((0.5, 0.60, 0.55), (9.0, 0.035, 0.035), 210),
    ((0.5, 0.73, 0.5), (9.0, 0.065, 0.07), 420),
    ((0.5, 0.73, 0.5), (9.0, 0.03, 0.032), 30),
    ((0.5, 0.205, 0.5), (0.4, 0.02, 0.07), 500),
    ((0.62, 0.42, 0.74), (0.06, 0.045, 0.04), 30),
]
LESION = (0.62, 0.42, 0.74)


def chest(slices: int, size: int, noise: float = 14.0) -> NDArray[np.int16]:
    """Stored values: Hounsfield units + 1024."""
    grid = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n for n in (slices, size, size)], indexing="ij"))
    volume = np.full((slices, size, size), -1000.0, dtype=np.float32)
    for centre, radii, units in PARTS:
        away = sum(((grid[i] - centre[i]) / radii[i]) ** 2 for i in range(3))
        volume[away <= 1] = units
    angle = np.arctan2(grid[1] - 0.52, grid[2] - 0.5)
    rim = ((grid[1] - 0.52) / 0.30) ** 2 + ((grid[2] - 0.5) / 0.40) ** 2
    ribs = (np.abs(rim - 1) < 0.07) & (np.sin(angle * 2 + grid[0] * 55) > 0.72)
    volume[ribs] = 480
    volume += np.random.default_rng(0).normal(0, noise, volume.shape).astype(np.float32)
    return np.clip(volume + 1024, 0, 4000).astype(np.int16)


def geometry(
    voxels: NDArray[Any], spacing: tuple[float, float, float] = (2.0, 0.8, 0.8), **changes: Any
) -> dict[str, Any]:
    """As `View.geometry()` for an axial CT, with what the Study screen adds."""
    dz, dy, dx = spacing
    return {
        "key": "chest",
        "kind": "volume",
        "shape": list(voxels.shape[:3]),
        "channels": 1 if voxels.ndim == 3 else 3,
        "type": str(voxels.dtype),
        "slope": 1.0,
        "intercept": -1024.0,
        "units": "HU",
        "window": {"centre": 40.0, "width": 400.0, "function": "LINEAR"},
        "inverted": False,
        "table": None,
        "padding": None,
        "spacing": list(spacing),
        "spacing_at": "patient",
        "letters": [["F", "H"], ["A", "P"], ["R", "L"]],
        "affine": [[0, 0, -dx, 120.0], [0, -dy, 0, 110.0], [dz, 0, 0, -300.0], [0, 0, 0, 1]],
        "mpr": True,
        "why_no_mpr": "",
        "modality": "CT",
        "label": "Chest, 2 mm",
        "facts": "CT · 61 years",
        "notes": [],
        "url": "medtransfer/voxels/chest",
        "token": "right",
        "shown_url": "medtransfer/shown",
        "banner": ["Doe^Jane", "ID 4711 · F · 1964-03-02", "2025-11-03 · ACC 90012"],
        "attention": None,
        "overlays": [],
    } | changes


def lesion_map(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A heat map that falls off around the lesion, on a coarser grid than the volume."""
    grid = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n for n in shape], indexing="ij"))
    away = sum(((grid[i] - LESION[i]) / (0.12, 0.09, 0.09)[i]) ** 2 for i in range(3))
    return np.round(255 * np.exp(-1.5 * away) * (away < 2.2)).astype(np.uint8)

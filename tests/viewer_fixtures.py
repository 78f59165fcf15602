"""What the viewer's modules are held against, worked out in Python without them.

Windows come from pydicom, quantiles from numpy, orders from sorting, and a ball in eight orientations from affines.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing
from scipy.spatial.transform import Rotation
from viewer_pages import middle_first

LETTERS: Final = (("R", "L"), ("A", "P"), ("H", "F"))
"""Where RAS+ coordinates grow, and where they fall."""

BALL: Final = np.array([-21.0, 15.0, 12.0])
"""Centre of a ball left, in front and above of the middle, in RAS+ millimetres."""

RADIUS: Final = 6.0
SHAPE: Final = (26, 44, 40)
SPACING: Final = (3.0, 1.5, 1.8)

# Directions of slice, row and column as radiologists look at them, in RAS+.
AXIAL: Final = [(0, 0, 1), (0, -1, 0), (-1, 0, 0)]
CORONAL: Final = [(0, -1, 0), (0, 0, -1), (-1, 0, 0)]
SAGITTAL: Final = [(-1, 0, 0), (0, 0, -1), (0, -1, 0)]

ORIENTATIONS: Final = {
    "axial": (AXIAL, (0, 0, 0)),
    "coronal": (CORONAL, (0, 0, 0)),
    "sagittal": (SAGITTAL, (0, 0, 0)),
    "axial, tilted": (AXIAL, (20, 0, 0)),
    "coronal, tilted": (CORONAL, (12, 0, 17)),
    "sagittal, tilted": (SAGITTAL, (0, 24, 9)),
    "axial, doubly oblique": (AXIAL, (22, -14, 31)),
    "axial, by a hair off": (AXIAL, (0.004, 0, 0.003)),
}


def all_fixtures() -> dict[str, Any]:
    return {
        "windows": windows(),
        "orders": {str(n): middle_first(n) for n in [*range(30), 299, 300]},
        "histograms": histograms(),
        "orientations": [orientation(name, *how) for name, how in ORIENTATIONS.items()],
    }


def windows() -> list[dict[str, Any]]:
    cases = []
    values = np.unique(np.r_[-1100:3100:37, -2:3, 38:43, 0.25:80:7.3]).astype(np.float64)
    for centre, width in [(40, 80), (40, 400), (-600, 1500), (40, 1), (40, 2), (0.5, 1), (127.5, 255), (1024, 2049)]:
        for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
            ds = Dataset()
            ds.PhotometricInterpretation = "MONOCHROME2"
            ds.PixelRepresentation, ds.BitsStored = 0, 8
            ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = centre, width, function
            x = values[np.abs(values - centre) < 150 * width]  # beyond, exp overflows in doubles
            y = apply_windowing(x, ds)
            cases.append({"centre": centre, "width": width, "function": function, "x": x.tolist(), "y": y.tolist()})
    return cases


def histograms() -> list[dict[str, Any]]:
    rng = np.random.default_rng(3)
    shares = [0, 0.01, 0.05, 0.5, 0.95, 0.99, 1]
    cases = []
    for kind, low, high in (("int16", -1024, 3000), ("uint16", 0, 60000), ("uint8", 0, 250)):
        values = rng.integers(low, high, 901).astype(kind)
        found = [int(np.quantile(values, share, method="inverted_cdf")) for share in shares]
        cases.append({"type": kind, "values": values.tolist(), "shares": shares, "found": found})
    return cases


def orientation(name: str, axes: list[tuple[int, int, int]], degrees: tuple[float, float, float]) -> dict[str, Any]:
    turn = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    directions = turn @ np.array(axes, dtype=float).T
    image = affine(directions, SPACING, SHAPE, shift=np.zeros(3))
    other = Rotation.from_euler("xyz", (31, -12, 8), degrees=True).as_matrix() @ directions
    grid, spacing = (30, 30, 30), (2.2, 2.6, 2.4)
    overlay = affine(other, spacing, grid, shift=BALL * 0.4)
    return {
        "name": name,
        "shape": SHAPE,
        "spacing": SPACING,
        "affine": image.tolist(),
        "letters": [ends(directions[:, axis]) for axis in range(3)],
        "directions": directions.T.tolist(),
        "ball": BALL.tolist(),
        "voxels": ball(image, SHAPE).ravel().tolist(),
        "at": np.linalg.solve(image, [*BALL, 1])[:3].tolist(),
        "overlay": {"shape": grid, "affine": overlay.tolist(), "voxels": ball(overlay, grid).ravel().tolist()},
    }


def affine(directions: Any, spacing: Any, shape: Any, *, shift: Any) -> Any:
    """Voxels to RAS+ with the middle of the volume at `shift`."""
    matrix = np.eye(4)
    matrix[:3, :3] = directions * np.array(spacing)
    matrix[:3, 3] = shift - matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return matrix


def ball(matrix: Any, shape: Any) -> Any:
    places = np.stack([*np.indices(shape), np.ones(shape)]).reshape(4, -1)
    away = np.linalg.norm((matrix @ places)[:3].T - BALL, axis=1)
    return (200 * (away <= RADIUS)).astype(np.uint8)


def ends(direction: Any) -> list[str]:
    """Letters at both ends of an axis: all directions that it leans to by more than 5°, nearest first."""
    order = [i for i in np.argsort(-np.abs(direction)) if abs(direction[i]) > np.sin(np.radians(5))]
    towards = "".join(LETTERS[i][0 if direction[i] > 0 else 1] for i in order)
    away = "".join(LETTERS[i][1 if direction[i] > 0 else 0] for i in order)
    return [away, towards]

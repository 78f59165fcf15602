"""What became of an input, seen through the public way in, and the comparison with what it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.core.errors import MedTransferError
from medtransfer.data.ingest import ingest, read
from medtransfer.data.preprocess import prepare

if TYPE_CHECKING:
    from pathlib import Path

    from catalogue.control import Expected

    from medtransfer.data.found import Item
    from medtransfer.data.ledger import Ledger, LedgerRow
    from medtransfer.data.scan import Scan

READ: Final = ReadConfig()

ACCIDENT: Final = re.compile(r"\b[A-Z]\w*(Error|Exception)\b")
"""In a reason: the name of an exception. Nobody looked for what is wrong with the file; it was stumbled over."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The ledger after everything that could be read was read."""

    items: tuple[Item, ...]
    ledger: Ledger
    scans: tuple[Scan, ...]
    errors: tuple[MedTransferError, ...]

    def row(self, path: Path) -> LedgerRow:
        """The one row of a file."""
        (row,) = (row for row in self.ledger.rows if row.path == str(path))
        return row


def outcome_of(place: Path, *, settings: ReadConfig = READ, preparation: PreprocessConfig | None = None) -> Outcome:
    """Ingest a place, read each item, prepare it where settings say how; only our errors are caught."""
    items, ledger = ingest(place, settings=settings)
    scans: list[Scan] = []
    errors: list[MedTransferError] = []
    outcomes: list[tuple[Item, MedTransferError | tuple[str, ...]]] = []
    for item in items:
        try:
            scan = read(item, settings=settings)
            if preparation is not None:
                prepare(scan, preparation)
        except MedTransferError as error:
            errors.append(error)
            outcomes.append((item, error))
        else:
            scans.append(scan)
            outcomes.append((item, scan.notes))
    return Outcome(items=items, ledger=ledger.with_outcomes(outcomes), scans=tuple(scans), errors=tuple(errors))


def values_of(scan: Scan) -> np.ndarray:
    """Voxels after slope and intercept."""
    how = scan.presentation
    return scan.voxels.astype(np.float64) * how.slope + how.intercept


def same(scan: Scan, expected: Expected) -> bool:
    """Whether the scan holds the expected values, in place.

    With an affine, the expected axes are brought into the scan's order first: the map from expected indices to
    the scan's has to be a signed permutation that covers the scan, to a thousandth of a voxel.
    """
    values, wanted = values_of(scan), expected.values
    if not expected.in_order:
        return values.size == wanted.size and bool(np.allclose(np.sort(values, None), np.sort(wanted, None)))
    if expected.affine is not None:
        if scan.affine is None or values.size != wanted.size:
            return False
        moved = _in_axes_of(scan.affine, expected.affine, wanted)
        if moved is None:
            return False
        wanted = moved
    return values.shape == wanted.shape and bool(np.allclose(values, wanted))


def _in_axes_of(affine: np.ndarray, own: np.ndarray, values: np.ndarray) -> np.ndarray | None:
    """Values with their own affine, transposed and flipped to another one; None where the grids differ."""
    index = np.linalg.solve(affine, own)
    signs = np.rint(index[:3, :3])
    axes = [int(np.argmax(np.abs(row))) for row in signs]
    if sorted(axes) != [0, 1, 2] or not np.isin(np.abs(signs).sum(axis=0), 1).all():
        return None
    moved = values.transpose(axes)
    flipped = tuple(axis for axis in range(3) if signs[axis, axes[axis]] < 0)
    start = np.array([moved.shape[axis] - 1 if axis in flipped else 0 for axis in range(3)])
    if np.abs(index[:3, :3] - signs).max() * max(moved.shape) > 1e-2 or np.abs(index[:3, 3] - start).max() > 1e-2:
        return None
    return np.flip(moved, flipped)

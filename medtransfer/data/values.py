"""Stored values as the numbers they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32

from medtransfer.core.errors import ReadError

if TYPE_CHECKING:
    from medtransfer.data.scan import Scan

Values = Float32[np.ndarray, "..."]
"""Output of the modality transformation, in the shape of the voxels."""


def transformed(scan: Scan) -> Values:
    """The modality transformation with 32-bit floats throughout.

        value = slope · stored + intercept

    The result is the only array that is made; voxels that are 32-bit floats without scaling are handed over as they
    are. Integers of up to 24 bits are exact before scaling. Reference: DICOM PS3.3 C.11.1; nifti1.h, `scl_slope`.

    Raises:
        ReadError: `TableUnsupported`: a table stands in the place of slope and intercept; `NonFinite`: a value does not
            fit into 32 bits.
    """
    how = scan.presentation
    if how.modality_table is not None:
        raise ReadError(
            "maps stored values by a table",
            code="TableUnsupported",
            path=scan.path,
            hint="Such images are prepared as pictures; take it out of the volumes.",
        )
    values = scan.voxels.astype(np.float32, order="C", copy=False)
    if (how.slope, how.intercept) == (1.0, 0.0):
        return values
    target = values if values is not scan.voxels else np.empty_like(values)
    try:
        with np.errstate(over="raise", invalid="raise"):
            np.multiply(values, np.float32(how.slope), out=target)
            np.add(target, np.float32(how.intercept), out=target)
    except FloatingPointError as error:
        raise ReadError(
            f"slope {how.slope:g} and intercept {how.intercept:g} take a value beyond 32-bit floats",
            code="NonFinite",
            path=scan.path,
            hint="Export the image again from its source.",
        ) from error
    return target

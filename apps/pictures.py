"""Pictures in [0, 1] as eight-bit pixels, through a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def windowed(picture: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """`low` and below become black, `high` and above white, linear in between: y = (x − low) / (high − low).

    Args:
        picture: `row column` or `row column 3`, in [0, 1].
        low: Lower end of the window.
        high: Upper end; where it is not above `low`, the window is a step.
    """
    width = max(high - low, 1e-6)
    return np.rint(np.clip((picture - low) / width, 0, 1) * 255).astype(np.uint8)

"""Plain pictures of a study: what stands where the viewer cannot, without a script in the browser."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import streamlit as st
from PIL import Image

from apps.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    import medtransfer as mt

WIDE: Final = 1_200
"""Pixels that a picture is drawn at, at least; the browser fits it into its column."""

LONGEST: Final = 20.0
"""No pixel is drawn so many times longer than wide."""


def windowed(picture: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """`low` and below become black, `high` and above white, linear in between: y = (x − low) / (high − low).

    Args:
        picture: `row column` or `row column 3`, in [0, 1].
        low: Lower end of the window.
        high: Upper end; where it is not above `low`, the window is a step.
    """
    width = max(high - low, 1e-6)
    return np.rint(np.clip((picture - low) / width, 0, 1) * 255).astype(np.uint8)


def displayed(view: mt.View, number: int) -> NDArray[np.float32]:
    """One slice through its own window, black 0 and white 1; pixels are made square.

    Reference: DICOM PS3.3 C.11.2.1.2, for y in [0, 1].
    """
    stored = view.voxels[number]
    values = stored.astype(np.float32) * view.slope + view.intercept
    centre, width = view.window.centre, max(view.window.width, 1e-6)
    match view.window.function:
        case "SIGMOID":
            seen = 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -60, 60)))
        case "LINEAR":
            seen = (values - (centre - 0.5)) / max(width - 1, 1e-6) + 0.5
        case _:
            seen = (values - centre) / width + 0.5
    seen = np.clip(1 - seen if view.inverted else seen, 0, 1)
    if view.padding is not None and stored.ndim == 2:
        seen[(stored >= view.padding[0]) & (stored <= view.padding[1])] = 0
    return _square(seen.astype(np.float32), view.spacing)


@cache
def icon() -> Image.Image:
    """The app's mark: two discs that overlap, what one hospital knows and what another needs."""
    rows, columns = np.mgrid[:64, :64]
    left = (rows - 32) ** 2 + (columns - 23) ** 2 < 21**2
    right = (rows - 32) ** 2 + (columns - 41) ** 2 < 21**2
    mark = np.zeros((64, 64, 4), dtype=np.uint8)
    mark[left | right] = (74, 155, 212, 255)
    mark[left & right] = (236, 236, 236, 255)
    return Image.fromarray(mark)


@st.fragment
def show_pictures(views: Sequence[mt.View], key: str) -> None:
    """One picture at a time, of a volume the slice in the middle first."""
    number = 0
    if len(views) > 1:
        number = st.selectbox(
            "Image",
            range(len(views)),
            format_func=lambda i: f"{i + 1} of {len(views)} · {views[i].label}",
            key=f"image {key}",
        )
    view = views[number]
    place = 0
    if view.slices > 1:
        place = st.slider("Slice", 1, view.slices, view.slices // 2 + 1, key=f"slice {key} {number}") - 1
    low, high = st.slider(
        "Window: what is black and what is white, in % of the display range",
        0,
        100,
        (0, 100),
        key=f"window {key} {number}",
    )
    shown = windowed(displayed(view, place), low / 100, high / 100)
    st.image(shown, width=max(WIDE, shown.shape[1]), output_format="PNG")
    plain(view.facts)
    st.caption("Neither mirrored nor cropped. Eight bits on the screen; the model has more.")


def _square(picture: NDArray[np.float32], spacing: tuple[float, float, float] | None) -> NDArray[np.float32]:
    """Rows or columns repeated where pixels are taller than wide, or wider than tall, so that a circle stays one."""
    if spacing is None:
        return picture
    ratio = float(np.clip(spacing[1] / spacing[2], 1 / LONGEST, LONGEST))
    rows, columns = picture.shape[:2]
    taller = np.arange(round(rows * max(ratio, 1.0))) / max(ratio, 1.0)
    wider = np.arange(round(columns * max(1 / ratio, 1.0))) / max(1 / ratio, 1.0)
    return picture[np.minimum(taller.astype(int), rows - 1)][:, np.minimum(wider.astype(int), columns - 1)]

"""Many small pictures on one sheet, so that a reader sees at a glance how a cohort was read."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from medtransfer.core.inert import visible

_GAP, _CAPTION = 10, 18
_PAPER, _INK = (28, 31, 35), (214, 217, 221)
"""Dark, as reading rooms are: bright surroundings hide what is faint."""


def contact_sheet(
    pictures: Sequence[np.ndarray], captions: Sequence[str], *, columns: int = 6, tile: int = 160
) -> bytes:
    """Lay pictures out in rows, each fitted into a square without distortion, its caption below.

    Args:
        pictures: `row column` or `row column 3`, floating point in [0, 1].
        captions: One a picture; shortened to the tile's width.
        columns: Tiles in a row.
        tile: Side of a tile in pixels.

    Returns:
        A PNG file, the same bytes for the same pictures and captions.

    Raises:
        ValueError: No picture, another number of captions, or a picture that is not as said above.
    """
    if not len(pictures) or len(pictures) != len(captions) or columns < 1 or tile < 1:
        msg = f"{len(pictures)} pictures, {len(captions)} captions, {columns} columns of {tile} pixels"
        raise ValueError(msg)
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    step_x, step_y = tile + _GAP, tile + _CAPTION + _GAP
    sheet = Image.new("RGB", (_GAP + columns * step_x, _GAP + rows * step_y), _PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=11)
    for i, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        x, y = _GAP + (i % columns) * step_x, _GAP + (i // columns) * step_y
        small = _fitted(picture, tile, what=f"picture {i} ({caption!r})")
        sheet.paste(small, (x + (tile - small.width) // 2, y + (tile - small.height) // 2))
        pen.text((x, y + tile + 3), _cut(visible(caption), font, tile), fill=_INK, font=font)
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _fitted(picture: np.ndarray, tile: int, *, what: str) -> Image.Image:
    """The picture in colour, its longer side `tile` pixels."""
    shaped = picture.size and (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3))
    if not shaped or not np.issubdtype(picture.dtype, np.floating):
        msg = f"{what} is {picture.dtype} of shape {picture.shape}, not floating point `row column [3]`"
        raise ValueError(msg)
    low, high = float(picture.min()), float(picture.max())
    if not (low >= 0 and high <= 1):
        msg = f"{what} has values from {low} to {high}, not within [0, 1]"
        raise ValueError(msg)
    image = Image.fromarray(np.round(picture * 255).astype(np.uint8)).convert("RGB")
    scale = tile / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _cut(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The text, from the end shortened by as many characters as it is too wide."""
    text = text[:200]
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"

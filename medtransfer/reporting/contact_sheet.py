"""Many small pictures on one sheet, so that a reader sees at a glance how a cohort was read."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from medtransfer.core.inert import visible

_GAP, _CAPTION = 12, 20
_LINE = 15
_PAPER, _INK, _FAINT, _LETTER = (21, 23, 26), (226, 228, 231), (163, 170, 179), (243, 200, 92)
"""Dark, as reading rooms are: bright surroundings hide what is faint."""


Letters = tuple[str, str, str, str]
"""Top, right, bottom and left: the side of the patient that lies there; empty where unknown."""


def contact_sheet(
    pictures: Sequence[np.ndarray],
    captions: Sequence[str],
    *,
    places: Sequence[str] = (),
    letters: Sequence[Letters] = (),
    columns: int = 6,
    tile: int = 160,
) -> bytes:
    """Lay pictures out in rows, each fitted into a square without distortion, its caption below.

    Orientation letters stand inside the square at its edges, outlined, so that they can be read on white and on black.

    Args:
        pictures: `row column` or `row column 3`, floating point in [0, 1].
        captions: One a picture; shortened in the middle to the tile's width.
        places: What stands below the caption, such as `slice 12 of 30`: one a picture, or none at all.
        letters: One set a picture, or none at all.
        columns: Tiles in a row.
        tile: Side of a tile in pixels.

    Returns:
        A PNG file, the same bytes for the same pictures and captions.

    Raises:
        ValueError: No picture or tile, another number of captions, places or letters, or a picture not as said above.
    """
    optional = {len(places), len(letters)} - {0}
    if not len(pictures) or len(captions) != len(pictures) or optional - {len(pictures)}:
        msg = (
            f"{len(pictures)} pictures, {len(captions)} captions, {len(places)} places, {len(letters)} sets of letters"
        )
        raise ValueError(msg)
    if columns < 1 or tile < 1:
        msg = f"{columns} columns of {tile} pixels"
        raise ValueError(msg)
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    below = _CAPTION + (_LINE if any(places) else 0)
    step_x, step_y = tile + _GAP, tile + below + _GAP
    sheet = Image.new("RGB", (_GAP + columns * step_x, _GAP + rows * step_y), _PAPER)
    pen = ImageDraw.Draw(sheet)
    font, bold = ImageFont.load_default(size=12), ImageFont.load_default(size=14)
    for i, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        x, y = _GAP + (i % columns) * step_x, _GAP + (i // columns) * step_y
        small = _fitted(picture, tile, what=f"picture {i} ({caption!r})")
        sheet.paste(small, (x + (tile - small.width) // 2, y + (tile - small.height) // 2))
        if places:
            shown = _cut(visible(places[i]), font, tile)
            pen.text((x, y + tile + 3 + _LINE), shown, fill=_FAINT, font=font)
        if letters:
            _mark(pen, letters[i], (x, y), tile, bold)
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


def _mark(
    pen: ImageDraw.ImageDraw,
    letters: Letters,
    corner: tuple[int, int],
    tile: int,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """Write the four letters in the middle of the four edges."""
    (x, y), half, inset = corner, tile / 2, 3
    places = (
        ((x + half, y + inset), "mt"),
        ((x + tile - inset, y + half), "rm"),
        ((x + half, y + tile - inset), "mb"),
        ((x + inset, y + half), "lm"),
    )
    for letter, (place, anchor) in zip(letters, places, strict=True):
        shown = visible(letter)[:3]
        pen.text(place, shown, fill=_LETTER, font=font, anchor=anchor, stroke_width=2, stroke_fill=(0, 0, 0))


def _cut(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The text, shortened in its middle where it is too wide: beginning and end tell file names apart."""
    text = text if len(text) <= 200 else f"{text[:100]}{text[-100:]}"
    if font.getlength(text) <= width:
        return text
    keep = len(text) - 1
    while keep and font.getlength(_shorter(text, keep)) > width:
        keep -= 1
    return _shorter(text, keep)


def _shorter(text: str, keep: int) -> str:
    """The first and the last half of `keep` characters, an ellipsis between them."""
    end = keep // 2
    return f"{text[: keep - end]}…{text[len(text) - end :]}"

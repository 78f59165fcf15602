"""The result drawn into a picture: the notice above and inside it, the result below, the sides of the patient.

    notice                                  on a dark band above the picture
    picture, with its letters               the notice once more on a dark plate inside, so that no crop loses it
    probability, decision, origin           on a dark band below

No name, number or date of a patient is drawn: text in pixels is what de-identification forgets.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from apps.exports.fonts import BOLD, REGULAR, drawable, font_file
from apps.exports.sheet import STANDING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from apps.exports.contents import Contents
    from apps.exports.snapshot import Snapshot

SMALLEST: Final = 512
"""Width that text needs; a smaller picture is enlarged by a whole number."""

INK: Final = (236, 239, 243)
DIM: Final = (170, 178, 190)
DARK: Final = (14, 17, 22)
"""Against `INK` 15:1, against `DIM` 8:1."""

_MOST: Final = 8
"""Findings that are drawn; all of them are in the report."""

_Row = tuple[str, str, float, tuple[int, int, int]]


def burned_in(contents: Contents, picture: Snapshot) -> NDArray[np.uint8]:
    """`row column 3`: the picture between two bands of text."""
    image = _with_plate(picture, contents.notice)
    width = max(image.width, SMALLEST)
    above = _band([(contents.notice, BOLD, 1.0, INK), (STANDING, REGULAR, 0.8, DIM)], width)
    below = _band(_result(contents, picture), width)
    canvas = Image.new("RGB", (width, above.height + image.height + below.height), DARK)
    canvas.paste(above, (0, 0))
    canvas.paste(image, ((width - image.width) // 2, above.height))
    canvas.paste(below, (0, above.height + image.height))
    return np.asarray(canvas, dtype=np.uint8)


def _result(contents: Contents, picture: Snapshot) -> list[_Row]:
    rows: list[_Row] = []
    for finding in contents.findings[:_MOST]:
        rows.append((f"Probability of {finding.name}: {finding.said}", BOLD, 1.35, INK))
        rows += [(text, REGULAR, 0.9, INK) for text in (finding.decision, finding.frequency) if text]
    if len(contents.findings) > _MOST:
        rows.append((f"{len(contents.findings) - _MOST} further results are in the report.", REGULAR, 0.9, INK))
    model = contents.model
    return [
        *rows,
        (picture.where, REGULAR, 0.8, DIM),
        (f"{model.name} · medtransfer {model.version} · bundle {model.sha256[:12]}", REGULAR, 0.8, DIM),
        (f"Study protocol {contents.protocol} · {contents.drawn_up:%Y-%m-%d %H:%M} UTC", REGULAR, 0.8, DIM),
    ]


def lettered(picture: Snapshot) -> NDArray[np.uint8]:
    """`row column 3`: the picture with the patient's sides at its edges, for where it is drawn small."""
    return np.asarray(_with_letters(picture, below=0, scale=2), dtype=np.uint8)


def _with_plate(picture: Snapshot, notice: str) -> Image.Image:
    """The picture with the patient's sides, and the notice on a plate in its corner."""
    width = picture.columns * _factor(picture)
    plate = _band([(notice, REGULAR, 0.8, INK)], width, least=True)
    image = _with_letters(picture, below=plate.height)
    image.paste(plate, (0, image.height - plate.height))
    return image


def _with_letters(picture: Snapshot, *, below: int, scale: int = 1) -> Image.Image:
    """`below` is what stands in the way at the lower edge."""
    image, factor = Image.fromarray(picture.pixels), _factor(picture)
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.BICUBIC)
    size = _size(max(image.width, SMALLEST)) * scale
    draw, font, edge = ImageDraw.Draw(image), _font(BOLD, size), size // 2
    middle, centre, bottom = image.height // 2, image.width // 2, image.height - below - edge
    places = ((edge, middle, "lm"), (image.width - edge, middle, "rm"), (centre, edge, "ma"), (centre, bottom, "md"))
    for letter, (x, y, anchor) in zip(picture.letters, places, strict=True):
        if letter:
            draw.text((x, y), drawable(letter, 4), INK, font, anchor, stroke_width=max(2, size // 10), stroke_fill=DARK)
    return image


def _factor(picture: Snapshot) -> int:
    return max(1, -(-SMALLEST // max(picture.rows, picture.columns)))


def _band(rows: list[_Row], width: int, *, least: bool = False) -> Image.Image:
    """Lines of text on a dark ground, broken to the width; `least` makes it no wider than its text."""
    size = _size(max(width, SMALLEST))
    margin = size * (1 if least else 1.4) / 2
    placed: list[tuple[float, str, ImageFont.FreeTypeFont, tuple[int, int, int]]] = []
    y, used, before = margin, 0.0, rows[0][3]
    for text, name, scale, colour in rows:
        y += size * 0.5 if colour == DIM and before == INK else 0
        before = colour
        font = _font(name, max(10, round(size * scale)))
        for line in _broken(drawable(text), font, width - 2 * margin):
            placed.append((y, line, font, colour))
            y += font.size * 1.4
            used = max(used, font.getlength(line))
    band = Image.new("RGB", (min(width, round(used + 2 * margin)) if least else width, round(y + margin)), DARK)
    draw = ImageDraw.Draw(band)
    for top, line, font, colour in placed:
        draw.text((margin, top), line, colour, font)
    return band


def _broken(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Lines that fit, broken at blanks, and inside a word that is longer than a line."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".lstrip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
            continue
        lines.append("")
        for character in word:
            if lines[-1] and font.getlength(lines[-1] + character) > width:
                lines.append("")
            lines[-1] += character
    return [line for line in lines if line]


def _size(width: int) -> int:
    """Of the letters, in pixels: readable when the whole picture is seen on one screen."""
    return max(14, width // 44)


@lru_cache(maxsize=64)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font_file(name)), size, layout_engine=ImageFont.Layout.BASIC)

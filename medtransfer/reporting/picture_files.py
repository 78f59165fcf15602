"""The drawings of a page as files of their own, SVG and PNG, in the colours of light mode on white (dark ones: SVG)."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.colors import to_hex, to_rgba, to_rgba_array
from matplotlib.text import Text

from medtransfer.reporting.svg import DARK, SURFACE, VARIABLES, house_style

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.artist import Artist
    from numpy.typing import NDArray

    from medtransfer.reporting.svg import Drawn

DPI: Final = 200
_PAGE_COLOUR: Final = re.compile(r"var\(--[a-z-]+, (#[0-9a-f]{6})\)")
_LIGHT: Final = {stand_in: _PAGE_COLOUR.sub(r"\1", variable) for stand_in, variable in VARIABLES.items()}
_COLOURED: Final = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


def svg_file(drawn: Drawn) -> str:
    """The drawing as an SVG document, in its own size."""
    return _sized(drawn, _PAGE_COLOUR.sub(r"\1", str(drawn)), ' style="background:#ffffff"')


def svg_on_dark(drawn: Drawn) -> str:
    """The same in the colours that a page has in dark mode, on its panels' colour."""
    text = str(drawn)
    for stand_in, variable in VARIABLES.items():
        text = text.replace(variable, DARK[stand_in])
    return _sized(drawn, text, f' style="background:{DARK[SURFACE]}"')


def _sized(drawn: Drawn, text: str, style: str) -> str:
    width, height = drawn.figure.get_size_inches() * 72
    head = f'<svg width="{width:g}pt" height="{height:g}pt"{style} '
    return text.replace("inherit", "DejaVu Sans, sans-serif").replace("<svg ", head, 1) + "\n"


def png_file(drawn: Drawn) -> bytes:
    """The drawing as a PNG picture, 200 pixels to the inch; the same bytes each time."""
    buffer = io.BytesIO()
    with house_style():
        for artist in drawn.figure.findobj():
            _as_shown(artist, drawn.names)
        drawn.figure.savefig(buffer, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def _as_shown(artist: Artist, names: Mapping[str, str]) -> None:
    """Give an artist the colours and the words that its stand-ins stand for; doing so again changes nothing."""
    for part in _COLOURED:
        found = getattr(artist, f"get_{part}", lambda: None)()
        if found is None or (isinstance(found, str) and found in {"none", "auto"}):
            continue
        colours = to_rgba_array(found)
        shown = np.array([_light(colour) for colour in colours])
        if len(colours) and not np.array_equal(shown, colours):
            getattr(artist, f"set_{part}")(shown if np.ndim(found) == 2 else tuple(shown[0]))
    if isinstance(artist, Text) and artist.get_text() in names:
        artist.set_text(names[artist.get_text()])


def _light(colour: NDArray[np.float64]) -> tuple[float, ...]:
    """The colour of light mode in place of a stand-in, as transparent as it is."""
    red, green, blue, opacity = colour.tolist()
    name = to_hex((red, green, blue))
    return *to_rgba(_LIGHT.get(name, name))[:3], opacity

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from medtransfer.reporting.picture_files import DPI, png_file, svg_file
from medtransfer.reporting.svg import FIRST, Drawn, drawing, inline

LIGHT_BLUE = (0x0A, 0x5C, 0x91)


@pytest.fixture
def drawn() -> Drawn:
    with drawing(2.0, 1.0) as figure:
        axes = figure.add_axes((0.3, 0.3, 0.6, 0.6))
        axes.plot([0, 1], [0, 1], color=FIRST, linewidth=6)
        axes.fill_between([0, 1], [0, 0], [1, 1], color=FIRST, alpha=0.5)
        axes.set_xlabel("stand-in")
        return inline(figure, name="a", described="a line", names={"stand-in": "ill & <b>"})


def test_a_picture_has_the_colours_of_the_page_and_its_own_bytes_each_time(drawn: Drawn) -> None:
    content = png_file(drawn)
    assert content == png_file(drawn)
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).reshape(-1, 3)
    assert Image.open(io.BytesIO(content)).size == (2 * DPI, DPI)
    assert (pixels == LIGHT_BLUE).all(axis=1).sum() > 100
    assert not (pixels == (1, 13, 4)).all(axis=1).any()  # the stand-in itself
    half = [round((255 + channel) / 2) for channel in LIGHT_BLUE]
    assert (np.abs(pixels.astype(int) - half).max(axis=1) <= 1).sum() > 100


def test_words_are_the_users_own(drawn: Drawn) -> None:
    png_file(drawn)
    assert "ill & <b>" in {text.get_text() for text in drawn.figure.findobj(Text) if isinstance(text, Text)}
    text = svg_file(drawn)
    assert "ill &amp; &lt;b&gt;" in text
    assert "stand-in" not in text


def test_an_svg_file_needs_no_page(drawn: Drawn) -> None:
    root = ET.fromstring(svg_file(drawn))
    assert (root.get("width"), root.get("height")) == ("144pt", "72pt")
    assert "var(" not in svg_file(drawn)
    assert "#0a5c91" in svg_file(drawn)

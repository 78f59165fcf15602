"""Lead letters: their edges lie at known millimetres, whatever the pixels are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from two_hospitals.markers import PORTABLE, Marker, lead_path


@pytest.mark.parametrize("spacing_mm", [0.13, 0.7, 1.4])
@pytest.mark.parametrize("text", ["PORT", "R", "L"])
def test_a_marker_is_as_high_and_wide_as_it_says_and_where_it_says(spacing_mm: float, text: str) -> None:
    """The outermost pixels with lead are those in which its edges lie."""
    marker = Marker(text=text, corner="top left", height_mm=12.0, margin_mm=20.1)
    shape = (round(100 / spacing_mm), round(140 / spacing_mm))
    rows, columns = np.nonzero(lead_path(marker, shape=shape, spacing_mm=spacing_mm))
    width = (6 * len(text) - 1) * 12.0 / 7.0
    assert marker.width_mm == pytest.approx(width)
    for places, size in ((rows, 12.0), (columns, width)):
        assert places.min() == math.floor(20.1 / spacing_mm)
        assert places.max() == math.floor((20.1 + size) / spacing_mm)


@pytest.mark.parametrize("spacing_mm", [0.3, 1.4, 2.0])
def test_no_lead_is_lost_between_pixels(spacing_mm: float) -> None:
    path = lead_path(PORTABLE, shape=(200, 220), spacing_mm=spacing_mm)
    assert path.max() <= PORTABLE.lead_mm + 1e-12
    assert path.sum() * spacing_mm**2 == pytest.approx(PORTABLE.area_mm2 * PORTABLE.lead_mm)


def test_the_letter_l_covers_eleven_cells() -> None:
    marker = Marker(text="L", height_mm=14.0)
    assert marker.area_mm2 == pytest.approx(11 * 2.0**2)


def test_corners_mirror_each_other() -> None:
    paths = {
        corner: lead_path(replace(PORTABLE, corner=corner), shape=(128, 160), spacing_mm=1.3)
        for corner in ("top left", "top right", "bottom left", "bottom right")
    }
    for corner, path in paths.items():
        rows, columns = np.nonzero(path)
        assert (rows.mean() < 64) == corner.startswith("top")
        assert (columns.mean() < 80) == corner.endswith("left")
    first = np.nonzero(paths["top left"])[0].min()
    assert first == 127 - np.nonzero(paths["bottom right"])[0].max()


@pytest.mark.parametrize("text", ["", "AP"])
def test_other_letters_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="only the letters LOPRT"):
        lead_path(Marker(text=text), shape=(64, 64), spacing_mm=1.0)

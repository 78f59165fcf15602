"""Exposures: drawn from their key, wilder at the bedside, refused for unknown views."""

from __future__ import annotations

from statistics import pstdev

import pytest
from two_hospitals.exact import Stream
from two_hospitals.exposure import BEDSIDE_MM, STANDING_MM, draw_exposure


def test_the_same_key_gives_the_same_exposure() -> None:
    first, again, other = (draw_exposure(Stream("exposure", key), view="PA", portable=False) for key in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_bed_is_nearer_and_everything_varies_more() -> None:
    standing, lying = (
        [draw_exposure(Stream("exposure", key), view=view, portable=portable) for key in range(200)]
        for view, portable in (("PA", False), ("AP", True))
    )
    assert {one.source_mm for one in standing} == {STANDING_MM}
    assert {one.source_mm for one in lying} == {BEDSIDE_MM}
    for name in ("rotation_deg", "tilt_deg", "roll_deg", "inspiration", "dose"):
        assert pstdev(getattr(one, name) for one in lying) > pstdev(getattr(one, name) for one in standing)
    assert all(one.dose > 0 for one in lying)


def test_an_unknown_view_is_refused() -> None:
    with pytest.raises(ValueError, match="'RLD' is none of PA, AP and LL"):
        draw_exposure(Stream(0), view="RLD", portable=False)

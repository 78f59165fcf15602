"""Pictures of a report: the window as the standard has it, square pixels, and the slice that was looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing

import medtransfer as mt
from apps.exports.planes import acquired
from apps.exports.snapshot import MOST, displayed, snapshot
from apps.exports.taking import taken
from medtransfer.data.scan import Window


def view(**changes: Any) -> mt.View:
    voxels = np.arange(5 * 6 * 4, dtype=np.int16).reshape(5, 6, 4) * 8
    values: dict[str, Any] = {
        "path": Path("x"),
        "part": "",
        "kind": "volume",
        "voxels": voxels,
        "slope": 1.0,
        "intercept": -100.0,
        "units": "HU",
        "window": Window(centre=400.0, width=900.0),
        "inverted": False,
        "padding": None,
        "spacing": (3.0, 1.0, 1.0),
        "spacing_at": "patient",
        "letters": (("F", "H"), ("A", "P"), ("R", "L")),
        "affine": None,
        "why_no_mpr": "",
        "modality": "CT",
        "label": "CT · axial · 5 slices",
        "facts": "CT",
        "notes": (),
    }
    return mt.View(**{**values, **changes})


def reading(*views: mt.View, attention: Any = None) -> Any:
    return SimpleNamespace(views=SimpleNamespace(views=views), result=SimpleNamespace(attention=attention))


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@given(centre=st.floats(-500, 1500), width=st.floats(2, 3000), slope=st.sampled_from([1.0, 0.5]))
@settings(deadline=None, max_examples=30)
def test_the_window_is_that_of_the_standard(function: str, centre: float, width: float, slope: float) -> None:
    stored = np.linspace(-1024, 2000, 400).astype(np.int16).reshape(20, 20)
    header = Dataset()
    header.PhotometricInterpretation, header.BitsStored, header.PixelRepresentation = "MONOCHROME2", 8, 0
    header.WindowCenter, header.WindowWidth, header.VOILUTFunction = f"{centre:.6g}", f"{width:.6g}", function
    centre, width = float(header.WindowCenter), float(header.WindowWidth)
    with np.errstate(over="ignore"):  # of pydicom's, far below a narrow window
        expected = apply_windowing(stored * slope - 10, header)
    shown = displayed(stored, slope=slope, intercept=-10, centre=centre, width=width, function=function)
    assert np.abs(shown - expected).max() <= 1
    dark = displayed(stored, slope=slope, intercept=-10, centre=centre, width=width, function=function, inverted=True)
    assert np.abs(shown.astype(int) + dark - 255).max() <= 1


@pytest.mark.parametrize("inverted", [False, True])
def test_padding_is_black_whichever_way_the_greys_run(inverted: bool) -> None:
    stored = np.array([[-2000, 0], [50, 100]], dtype=np.int16)
    shown = displayed(
        stored, slope=1, intercept=0, centre=50, width=100, padding=(-2000, -2000), inverted=inverted, function="LINEAR"
    )
    assert shown[0, 0] == 0
    assert shown[1, 1] == (0 if inverted else 255)


@pytest.mark.parametrize(("ratio", "size"), [(1.0, (20, 10)), (2.0, (40, 10)), (0.5, (20, 20))])
def test_pixels_are_square(ratio: float, size: tuple[int, int]) -> None:
    made = snapshot(np.zeros((20, 10), np.uint8), "x", ratio=ratio)
    assert (made.rows, made.columns) == size
    assert made.pixels.shape == (*size, 3)


@pytest.mark.parametrize("ratio", [1.0, 1e6, 1e-6])
def test_no_picture_is_larger_than_a_report_needs(ratio: float) -> None:
    made = snapshot(np.zeros((6_000, 3), np.uint8), "x", ratio=ratio)
    assert 1 <= made.columns <= MOST
    assert 1 <= made.rows <= MOST


def test_the_slice_on_display_is_taken_through_its_window() -> None:
    one = view()
    state = {"series": one.key, "slice": 4, "plane": "axial", "centre": 300, "width": 100, "inverted": True}
    made = taken(reading(view(label="other"), one), state)
    assert made is not None
    assert made.where == "CT · axial · 5 slices · axial 4 of 5 · W 100 · L 300, inverted"
    expected = displayed(one.voxels[3], slope=1, intercept=-100, centre=300, width=100, inverted=True)
    assert (made.pixels[..., 0] == expected).all()
    assert made.letters == ("R", "L", "A", "P")


@pytest.mark.parametrize(
    ("attention", "number"),
    [(None, 3), ([None], 3), ([[0.1, 0.6, 0.1, 0.1, 0.1]], 2), ([[0.5, 0.5]], 3)],
)
def test_otherwise_the_slice_that_mattered_most_or_the_middle(attention: Any, number: int) -> None:
    made = taken(reading(view(), attention=attention), {})
    assert made is not None
    assert f"axial {number} of 5" in made.where


@pytest.mark.parametrize(
    "state",
    [
        {"series": "another", "slice": 0},
        {"slice": 0},
        {"series": "ours", "slice": "0", "centre": "x", "width": float("nan"), "inverted": "yes"},
        {"series": "ours", "slice": 0, "width": float("inf"), "plane": 7},
        {"series": "ours", "slice": 99, "centre": None},
        {"series": "ours", "slice": 1.5},
        {"series": "ours", "slice": True},
    ],
)
def test_what_a_browser_may_send_never_breaks_the_report(state: dict[str, Any]) -> None:
    one = view()
    if state.get("series") == "ours":
        state = {**state, "series": one.key}
    made = taken(reading(one), state)
    assert made is not None
    assert "axial 3 of 5 · W 900 · L 400" in made.where


# Voxel [slice, row, column] of `view`: slices run towards H, rows towards P, columns towards L.
@pytest.mark.parametrize(
    ("plane", "index", "letters"),
    [
        ("coronal", 6, ("R", "L", "H", "F")),
        ("sagittal", 4, ("A", "P", "H", "F")),
        ("sagittal oblique", 1, ("A", "P", "H", "F")),
    ],
)
def test_other_planes_lie_as_radiologists_look_at_them(plane: str, index: int, letters: tuple[str, ...]) -> None:
    one = view(spacing=None)
    made = taken(reading(one), {"series": one.key, "plane": plane, "slice": index})
    assert made is not None
    assert made.letters == letters
    cut = one.voxels[:, index - 1, :] if plane == "coronal" else one.voxels[:, :, index - 1]
    expected = displayed(cut[::-1], slope=1, intercept=-100, centre=400, width=900)  # the head is up
    assert (made.pixels[..., 0] == expected).all()


@given(
    order=st.permutations([("R", "L"), ("A", "P"), ("F", "H")]),
    flips=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
@settings(deadline=None, max_examples=48)
def test_every_plane_of_every_volume_has_its_letters(order: list[tuple[str, str]], flips: tuple[bool, ...]) -> None:
    ends = tuple(pair[::-1] if flip else pair for pair, flip in zip(order, flips, strict=True))
    one = view(letters=ends)
    for plane, wanted in (("axial", "RLAP"), ("coronal", "RLHF"), ("sagittal", "APHF")):
        made = taken(reading(one), {"series": one.key, "plane": plane, "slice": 1})
        assert made is not None
        if plane != acquired(one).name:
            assert made.letters == tuple(wanted)


def test_a_view_without_planes_has_its_own() -> None:
    one = view(why_no_mpr="The slices are not evenly spaced.")
    made = taken(reading(one), {"series": one.key, "plane": "coronal", "slice": 2})
    assert made is not None
    assert "axial 2 of 5" in made.where


def test_a_negative_film_is_no_inversion() -> None:
    one = view(inverted=True, units="US")
    said = [taken(reading(one), {"series": one.key, "inverted": inverted}) for inverted in (True, False)]
    assert [made.where.rpartition(" · W ")[2] for made in said if made] == [
        "900 · L 400",
        "900 · L 400, inverted",
    ]


def test_colour_is_shown_as_it_is() -> None:
    voxels = np.random.default_rng(0).integers(0, 256, (1, 6, 4, 3), dtype=np.uint8)
    window = Window(centre=127.5, width=255.0, function="LINEAR_EXACT")
    one = view(voxels=voxels, slope=1.0, intercept=0.0, window=window, kind="picture", spacing=None, label="XC")
    made = taken(reading(one), {"series": one.key, "inverted": True})
    assert made is not None
    assert (made.pixels == voxels[0]).all()
    assert made.where == "XC"


def test_a_study_without_pictures_has_none() -> None:
    assert taken(reading(), {}) is None


def test_equal_pictures_are_equal_records() -> None:
    first, second = (snapshot(np.full((3, 3), 7, np.uint8), "x") for _ in range(2))
    assert first == second
    assert first != replace(first, where="y")

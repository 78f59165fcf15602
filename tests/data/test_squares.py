"""Squares hold the whole picture, in the middle, true to the patient; Pillow says how they are filtered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from medtransfer.core.config.data import PreprocessConfig
from medtransfer.core.errors import ReadError
from medtransfer.data.preprocess import prepare
from medtransfer.data.scan import Identifiers, Presentation, Scan
from medtransfer.data.squares import pad_and_resize, pixel_ratio

RAMP = np.arange(16 * 16, dtype=np.uint16).reshape(16, 16) * 16


def picture_of(voxels: np.ndarray, stored_range: tuple[int, int] = (0, 4095)) -> Scan:
    return Scan(
        voxels=voxels,
        affine=None,
        modality="DX",
        presentation=Presentation(stored_range=stored_range),
        identifiers=Identifiers(),
        path=Path("a.dcm"),
        attributes={},
    )


@given(rows=st.integers(1, 40), columns=st.integers(1, 40), size=st.sampled_from([8, 16, 33]))
@settings(deadline=None, max_examples=50)
def test_padding_keeps_the_mean_and_resizing_keeps_the_range(rows: int, columns: int, size: int) -> None:
    picture = np.random.default_rng(rows * 41 + columns).random((rows, columns), dtype=np.float32)
    square = pad_and_resize(picture, size=max(rows, columns))
    above, left = (len(square) - rows) // 2, (len(square) - columns) // 2
    np.testing.assert_array_equal(square[above : above + rows, left : left + columns], picture)
    np.testing.assert_allclose(square.sum(dtype=float), picture.sum(dtype=float), rtol=1e-5)
    resized = pad_and_resize(picture, size=size)
    assert resized.shape == (size, size)
    assert resized.min() >= -1e-6
    assert resized.max() <= picture.max() + 1e-6


def test_shrinking_is_antialiased() -> None:
    """A chequerboard shrunk eightfold is grey, not a few of its squares."""
    board = (np.indices((64, 64)).sum(axis=0) % 2).astype(np.float32)
    inner = pad_and_resize(board, size=8)[1:-1, 1:-1]
    np.testing.assert_allclose(inner, 0.5, atol=0.01)


def disc(rows: int, columns: int, ratio: float) -> np.ndarray:
    """A disc in the middle, in pixels `ratio` times as high as wide."""
    y, x = (np.arange(n) - (n - 1) / 2 for n in (rows, columns))
    radius = 0.4 * min(rows * ratio, columns)
    return ((y[:, np.newaxis] * ratio) ** 2 + x**2 <= radius**2).astype(np.float32)


@pytest.mark.parametrize(
    ("rows", "columns", "ratio"), [(200, 100, 0.5), (60, 180, 3.0), (61, 150, 2.0), (200, 90, 0.7), (90, 200, 1.37)]
)
def test_a_circle_stays_a_circle(rows: int, columns: int, ratio: float) -> None:
    size = 64
    shown = pad_and_resize(disc(rows, columns, ratio), size=size, ratio=ratio)
    scale = size / max(rows * ratio, columns)
    np.testing.assert_allclose(shown.sum() / scale**2, disc(rows, columns, ratio).sum() * ratio, rtol=0.02)
    y, x = np.indices(shown.shape) - (size - 1) / 2
    np.testing.assert_allclose([(shown * y).sum() / shown.sum(), (shown * x).sum() / shown.sum()], 0, atol=1e-3)
    down, across = (np.sqrt((shown * axis**2).sum() / shown.sum()) for axis in (y, x))
    assert down == pytest.approx(across, rel=0.02)
    assert shown.min() >= -1e-6
    assert shown.max() <= 1 + 1e-6


@given(
    short=st.integers(1, 20),
    black=st.integers(0, 5),
    times=st.integers(2, 4),
    high=st.booleans(),
    size=st.sampled_from([8, 33]),
)
@settings(deadline=None, max_examples=60)
def test_long_pixels_are_padded_and_resized_as_pillow_does_it(
    short: int, black: int, times: int, high: bool, size: int
) -> None:
    """A square in millimetres of `long` rows, `times` as high as wide, and `long` · `times` columns."""
    long = short + 2 * black
    shape = (long, long * times - 2 * black) if high else (short, long * times)
    picture = np.random.default_rng(long).random(shape, dtype=np.float32)
    padded = np.pad(picture, ((0, 0), (black, black)) if high else ((black, black), (0, 0)))
    expected = np.asarray(Image.fromarray(padded).resize((size, size), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(pad_and_resize(picture, size=size, ratio=float(times)), expected, atol=2e-6)


def test_colour_and_pictures_are_drawn_true_to_the_patient_too() -> None:
    grey = (disc(60, 180, 3.0) * 255).astype(np.uint8)
    radiograph = replace(picture_of(grey, stored_range=(0, 255)), pixel_size=(0.6, 0.2))
    colour = replace(picture_of(np.dstack([grey] * 3), stored_range=(0, 255)), pixel_size=(0.6, 0.2))
    for scan in (radiograph, colour):
        for channel in prepare(scan, PreprocessConfig(size=64)).planes[0]:
            np.testing.assert_allclose(
                channel / 65_535, pad_and_resize((grey / 255).astype(np.float32), size=64, ratio=3.0), atol=1e-5
            )


@pytest.mark.parametrize("spacing", [(0.2, 0.2), (0.2, 0.20001)])
def test_square_pixels_are_drawn_as_if_nobody_had_said_so(spacing: tuple[float, float]) -> None:
    scan, how = picture_of(RAMP[:, :10]), PreprocessConfig(size=32)
    known = prepare(replace(scan, pixel_size=spacing), how).planes
    np.testing.assert_array_equal(known, prepare(scan, how).planes)


@pytest.mark.parametrize(("high", "wide"), [(3.0, 1.0), (0.2, 0.7), (0.123456, 0.1), (0.01, 5.0)])
def test_the_ratio_is_that_of_the_sides_and_hardly_moved_by_rounding(high: float, wide: float) -> None:
    scan = replace(picture_of(RAMP), pixel_size=(high, wide))
    assert pixel_ratio(scan) == pytest.approx(high / wide, rel=1e-4)
    rounded = replace(scan, pixel_size=(float(np.float32(high)), float(np.float32(wide))))
    assert pixel_ratio(rounded) == pixel_ratio(scan)
    turned = replace(scan, pixel_size=(wide, high))
    assert pixel_ratio(turned) * pixel_ratio(scan) == pytest.approx(1)


@pytest.mark.parametrize("spacing", [(0.2, 0.0001), (1.0, 0.0), (0.0, 1.0), (float("inf"), 1.0)])
def test_pixels_of_an_impossible_shape_are_refused(spacing: tuple[float, float]) -> None:
    with pytest.raises(ReadError) as caught:
        prepare(replace(picture_of(RAMP), pixel_size=spacing))
    assert (caught.value.code, caught.value.stage) == ("BadGeometry", "prepare")
    assert caught.value.hint

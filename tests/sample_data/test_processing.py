"""Vendors' processing: which way round, what lies in the border, and that exposure is evened out."""

from __future__ import annotations

import numpy as np
import pytest
from bodies import IDEAL, STILL, slab, wedge
from two_hospitals.detector import Detector, Signal, expose
from two_hospitals.exact import Stream
from two_hospitals.processing import Picture, Processing, for_processing, hillcrest, riverside

FRAMED = Detector(
    shape=(208, 220),
    border=(4, 10),
    spacing_mm=2.0,
    kerma_uGy=2.5,
    efficiency=0.65,
    blur_mm=0.0,
    scatter=0.0,
    electronic_noise=0.0,
)


def developed(processing: Processing, detector: Detector = IDEAL, *, gain: float = 1.0) -> Picture:
    signal = expose(IDEAL, slab(wedge()), STILL, Stream("noise"))
    brighter = Signal(
        counts=gain * signal.expected,
        expected=signal.expected,
        open_beam=signal.open_beam,
        scatter_to_primary=0.0,
    )
    return processing(brighter, detector, Stream("plate"))


@pytest.mark.parametrize(
    ("processing", "photometric", "bits"),
    [(riverside, "MONOCHROME2", 12), (hillcrest, "MONOCHROME1", 10), (for_processing, "MONOCHROME1", 14)],
)
def test_what_absorbs_is_shown_bright(processing: Processing, photometric: str, bits: int) -> None:
    picture = developed(processing)
    assert (picture.photometric, picture.bits) == (photometric, bits)
    assert picture.stored.dtype == np.uint16
    assert picture.stored.max() < 2**bits
    row = picture.stored[100].astype(int)
    rising = np.diff(row) if photometric == "MONOCHROME2" else -np.diff(row)
    assert rising[60:190].min() >= 0
    assert abs(row[190] - row[60]) > 150


def test_riverside_shows_through_a_rising_table() -> None:
    picture = developed(riverside)
    assert picture.table is not None
    assert picture.table.shape == (4096,)
    assert (np.diff(picture.table.astype(int)) >= 0).all()
    assert picture.for_presentation


def test_hillcrest_shows_the_patient_inside_its_window() -> None:
    picture = developed(hillcrest, FRAMED)
    assert picture.rescale == (4.0, -96.0)
    assert picture.window is not None
    centre, width = picture.window
    shown = picture.stored[104, 80:200] * 4.0 - 96.0
    assert (np.abs(shown - centre) <= 0.55 * width).mean() > 0.9


@pytest.mark.parametrize("processing", [riverside, hillcrest, for_processing])
def test_the_border_is_unexposed(processing: Processing) -> None:
    picture = developed(processing, FRAMED)
    assert picture.stored.shape == (208, 220)
    inside = np.zeros((208, 220), dtype=bool)
    inside[4:-4, 10:-10] = True
    assert not picture.stored[~inside].any()
    if picture.padding is not None:
        assert (picture.stored[inside] != picture.padding).all()


@pytest.mark.parametrize("processing", [riverside, hillcrest, for_processing])
def test_twice_the_dose_gives_the_same_picture(processing: Processing) -> None:
    once, twice = (developed(processing, gain=gain).stored.astype(int) for gain in (1.0, 2.0))
    assert np.abs(once - twice).max() <= 1


def test_the_raw_twin_is_proportional_to_the_counts() -> None:
    picture = developed(for_processing)
    assert not picture.for_presentation
    counts = expose(IDEAL, slab(wedge()), STILL, Stream("noise")).expected
    inside = picture.stored[100] < 16383
    ratio = picture.stored[100, inside] / counts[100, inside]
    np.testing.assert_allclose(ratio, ratio.mean(), rtol=5e-3)

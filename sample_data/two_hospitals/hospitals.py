"""The two hospitals: their detectors, how they turn a signal into stored values, whom they X-ray."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .detector import Detector
from .fields import Field

Stored = NDArray[np.uint16]
"""Stored values, `row column`."""


SKIN = 0.7
"""−ln signal below which the beam met no patient."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Stored values and how the file says they are to be shown.

    Attributes:
        stored: Stored values, border included.
        table: A VOI lookup table, one output for each stored value, or None.
        rescale: Slope and intercept, or None.
        window: Window centre and width in rescaled units, or None.
    """

    stored: Stored
    table: NDArray[np.uint16] | None = None
    rescale: tuple[float, float] | None = None
    window: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Hospital:
    """One site. `develop` makes the stored picture from −ln signal."""

    name: str
    prefix: str
    """Starts every patient id."""
    manufacturer: str
    model: str
    modality: str
    """`DX` or `CR`."""
    bits: int
    photometric: str
    padding: int | None
    compressed: bool
    """RLE Lossless, or uncompressed."""
    bedside_fraction: float
    prevalence: float
    detector: Detector
    develop: Callable[[Detector, Field, np.random.Generator], Picture]


def _develop_riverside(detector: Detector, signal: Field, rng: np.random.Generator) -> Picture:
    """12 bits, high where much was absorbed, scaled to each patient, and a sigmoid VOI table.

    stored = 250 + 3500·(signal − p₂)/(p₉₉ − p₂), the percentiles taken where the patient is (signal > 0.7),
    with a table  4095/(1 + exp(−(stored − 1700)/750)).
    """
    del detector, rng
    low, high = np.percentile(signal[signal > SKIN], (2.0, 99.0))
    scaled = 250.0 + 3500.0 * (signal - low) / (high - low)
    stored = np.rint(np.clip(scaled, 0, 4095)).astype(np.uint16)
    curve = 4095.0 / (1.0 + np.exp(-(np.arange(4096) - 1700.0) / 750.0))
    return Picture(stored=stored, table=np.rint(curve).astype(np.uint16))


def _develop_hillcrest(detector: Detector, signal: Field, rng: np.random.Generator) -> Picture:
    """10 bits, low where much was absorbed, behind a collimator; the plate's sensitivity varies.

    stored = 1000·(1 − (signal/5.4 + offset))^1.25 + 10, clipped to 1…1022; 0 is the unexposed border.
    Shown in units of 4·stored − 96, through a window set to the exposure by its 1st and 98th percentiles.
    """
    offset = float(rng.normal(0.0, 0.025))
    share = np.clip(1.0 - (signal / 5.4 + offset), 0.0, 1.0)
    inner = np.clip(1000.0 * share**1.25 + 10.0, 1, 1022)
    slope, intercept = 4.0, -96.0
    low, high = np.percentile(inner[signal > SKIN], (1.0, 98.0)) * slope + intercept
    stored = np.zeros(detector.shape, dtype=np.uint16)
    rows, columns = detector.border
    stored[rows : rows + inner.shape[0], columns : columns + inner.shape[1]] = np.rint(inner)
    window = (round(0.5 * (low + high)), round(1.08 * (high - low)))
    return Picture(stored=stored, rescale=(slope, intercept), window=window)


RIVERSIDE = Hospital(
    name="riverside",
    prefix="RS",
    manufacturer="Riverside Imaging (synthetic)",
    model="Flat panel 288",
    modality="DX",
    bits=12,
    photometric="MONOCHROME2",
    padding=None,
    compressed=True,
    bedside_fraction=0.1,
    prevalence=0.5,
    detector=Detector(
        shape=(288, 288), border=(0, 0), spacing=1.4, blur=0.8, photons=40.0, scatter=0.08, electronic=2e-4
    ),
    develop=_develop_riverside,
)

HILLCREST = Hospital(
    name="hillcrest",
    prefix="HC",
    manufacturer="Hillcrest Radiography (synthetic)",
    model="Phosphor plate 256x320",
    modality="CR",
    bits=10,
    photometric="MONOCHROME1",
    padding=0,
    compressed=False,
    bedside_fraction=0.4,
    prevalence=0.4,
    detector=Detector(
        shape=(256, 320), border=(6, 22), spacing=1.45, blur=2.1, photons=5.0, scatter=0.2, electronic=6e-4
    ),
    develop=_develop_hillcrest,
)

"""A CT scanner: quantum noise after reconstruction, and rounding to whole CT numbers.

Noise follows from counting: its variance is proportional to the mean of exp(∫μ) over the rays through a pixel and
inversely to the slice's thickness (Brooks and Di Chiro, Med Phys 1976; 3:237), so it grows between the petrous bones
and in thin slices. Rays along the rows and along the columns stand for all. Filtered backprojection leaves little noise
at low frequencies (Hanson, in: Radiology of the Skull and Brain 5, 1981, ch. 113): here a difference of Gaussians.
Not modelled: beam hardening, scatter, streaks, motion, tube current that follows the patient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .exact import blur, cos, exp, sin
from .voxels import Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .exact import Stream

    Floats = NDArray[np.float64]

WATER_PER_MM = 0.0193  # linear attenuation at 70 keV, between NIST's 0.0206 (60 keV) and 0.0184 (80 keV)
REFERENCE_MM = 160.0  # the water phantom in which NOISE_HU is measured
NOISE_HU = 3.0  # in its middle, slices of 5 mm, about 60 mGy: chosen within the 2–4 HU that scanners specify
FINE_PIXELS, COARSE_PIXELS, COARSE_SHARE = 0.55, 1.6, 0.85  # the noise's correlation
LOWEST_MM = -55.0  # the middle of the first slice, below the centre of the head
LOWEST_HU, HIGHEST_HU = -1024, 3071  # 12 bits


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a head is scanned; `tilt_degrees` turns the gantry's upper edge backwards."""

    slices: int
    pixels: int
    pixel_mm: float
    thickness_mm: float
    tilt_degrees: float = 0.0

    def grid(self) -> Grid:
        """Voxel centres in the patient's axes: slices from the feet up, rows from the nose back, columns to the left.

        The table moves along z even where the gantry is tilted, so that slices are sheared, not turned.
        """
        radians = self.tilt_degrees * (math.pi / 180)
        back = (0.0, self.pixel_mm * float(cos(radians)), self.pixel_mm * float(sin(radians)))
        left = (self.pixel_mm, 0.0, 0.0)
        half = (self.pixels - 1) / 2
        return Grid(
            shape=(self.slices, self.pixels, self.pixels),
            origin=(-half * left[0], -half * back[1], LOWEST_MM - half * back[2]),
            steps=((0.0, 0.0, self.thickness_mm), back, left),
        )


def noise_sd(hu: Floats, protocol: Protocol) -> Floats:
    """Standard deviation of the noise in each pixel, in HU; `slice row column`.

    σ² = NOISE_HU² · (5 mm / thickness) · mean over rays of exp(∫μ dl − μ_water · 160 mm)
    """
    attenuation = (hu * 0.001 + 1) * (WATER_PER_MM * protocol.pixel_mm)
    along_rows = np.add.reduce(np.ascontiguousarray(np.moveaxis(attenuation, 2, 0)), axis=0)
    along_columns = np.add.reduce(np.ascontiguousarray(np.moveaxis(attenuation, 1, 0)), axis=0)
    reference = WATER_PER_MM * REFERENCE_MM
    # Rays at other angles smear what a row or a column alone would show as a stripe.
    rows = blur(exp(along_rows - reference), (0, 2.0))
    columns = blur(exp(along_columns - reference), (0, 2.0))
    variance = (rows[:, :, None] + columns[:, None, :]) / 2
    return NOISE_HU * np.sqrt(variance * (5.0 / protocol.thickness_mm))


def correlated_noise(stream: Stream, shape: tuple[int, int, int]) -> Floats:
    """Noise of variance 1, band-passed within each slice and independent between slices."""
    white = stream.normal(size=shape)
    fine, coarse = blur(white, (0, FINE_PIXELS, FINE_PIXELS)), blur(white, (0, COARSE_PIXELS, COARSE_PIXELS))
    impulse = np.zeros((31, 31))
    impulse[15, 15] = 1
    kernel = blur(impulse, FINE_PIXELS) - COARSE_SHARE * blur(impulse, COARSE_PIXELS)
    return (fine - COARSE_SHARE * coarse) / math.sqrt(math.fsum((kernel * kernel).reshape(-1)))


def scan(hu: Floats, noise: Floats) -> NDArray[np.int16]:
    """Whole CT numbers of 12 bits."""
    return np.clip(np.rint(hu + noise), LOWEST_HU, HIGHEST_HU).astype(np.int16)

"""From line integrals to what a detector measures: photons, scatter, blur, noise, logarithm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .fields import Field

MARGIN = 24
"""Pixels simulated beyond each edge and cut off afterwards, since the blur is periodic."""


@dataclass(frozen=True, kw_only=True)
class Detector:
    """One hospital's detector.

    Attributes:
        shape: Stored rows and columns, the unexposed border included.
        border: Rows at top and bottom, columns at left and right, that the collimator covers.
        spacing: Pixel spacing, millimetres.
        blur: Standard deviation of the point spread, millimetres.
        photons: Photons a pixel without a patient, in thousands; sets the quantum noise.
        scatter: Share of the measured signal that left its path.
        electronic: Standard deviation of the electronic noise, as a share of the unattenuated signal.
    """

    shape: tuple[int, int]
    border: tuple[int, int]
    spacing: float
    blur: float
    photons: float
    scatter: float
    electronic: float

    @property
    def exposed(self) -> tuple[int, int]:
        """Rows and columns inside the border."""
        return self.shape[0] - 2 * self.border[0], self.shape[1] - 2 * self.border[1]

    @property
    def simulated(self) -> tuple[int, int]:
        """Rows and columns to compute: the exposed ones and a margin around them."""
        return self.exposed[0] + 2 * MARGIN, self.exposed[1] + 2 * MARGIN


def expose(detector: Detector, total: Field, *, rng: np.random.Generator) -> Field:
    """−ln of the measured signal on the exposed pixels, high where much was absorbed.

        I = exp(−p),   N = I + √(I / photons)·n
        signal = ((1−s)·G_detector + s·G_scatter) ∗ N + electronic noise

    Blurring after the quantum noise is what correlates it between neighbours.
    """
    primary = np.exp(-total)
    quanta = primary + np.sqrt(primary / (1e3 * detector.photons)) * rng.standard_normal(
        primary.shape, dtype=np.float32
    )
    spectrum = np.fft.rfft2(quanta) * _transfer(detector)
    signal = np.fft.irfft2(spectrum, s=quanta.shape).astype(np.float32)
    signal += detector.electronic * rng.standard_normal(quanta.shape, dtype=np.float32)
    inner = signal[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return -np.log(np.maximum(inner, 1e-4))


def _transfer(detector: Detector) -> Field:
    """The modulation transfer of detector blur and scatter (a Gaussian of 35 mm), cycles per pixel."""
    rows, columns = detector.simulated
    square = np.fft.fftfreq(rows)[:, None] ** 2 + np.fft.rfftfreq(columns)[None, :] ** 2
    sharp, wide = (
        np.exp(-2.0 * np.pi**2 * (width / detector.spacing) ** 2 * square) for width in (detector.blur, 35.0)
    )
    return ((1.0 - detector.scatter) * sharp + detector.scatter * wide).astype(np.float32)

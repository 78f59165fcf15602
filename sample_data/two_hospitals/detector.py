"""From line integrals to what a detector counts: photons, scatter, quantum noise, blur, electronic noise.

    primary   P = exp(−Σ μ·path)                                                       (Beer–Lambert)
    scatter   S = SPR · P̄ / B̄ · B,   B = (P·(1 − P)) ∗ Gaussian of 40 mm,   SPR = a · mean mass thickness · grid
    quanta    N ~ Poisson(q · (P + S)),   q set so that the automatic exposure control is satisfied
    signal      = N ∗ Gaussian of the detector + electronic noise

Means P̄ and B̄ are taken where the patient is. P·(1 − P) is zero in the open beam, where nothing scatters, and
nearly P in the patient. Blurring after the quanta are drawn is what correlates the noise of neighbouring pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import exact
from .projection import ADIPOSE_DENSITY, BONE_DENSITY, SOFT_DENSITY
from .rays import centred, total

if TYPE_CHECKING:
    from .exact import Stream
    from .exposure import Exposure
    from .projection import Integrals
    from .rays import Floats

PHOTONS = 30_174.0
"""Photons for each mm² and µGy of the beam quality RQA5. Reference: IEC 62220-1:2003, table 2."""

SCATTER_REACH_MM = 40.0
"""Standard deviation of where scatter lands; chosen within the 2 to 6 cm that measured kernels span."""

GRID = 0.22
"""What an antiscatter grid leaves of the scatter-to-primary ratio; chosen within 0.15 to 0.3 (ratios 10:1 to 12:1)."""


@dataclass(frozen=True, kw_only=True)
class Detector:
    """One hospital's detector.

    Attributes:
        shape: Stored rows and columns, the unexposed border included; multiples of 4 inside the border.
        border: Rows at top and bottom, columns at left and right, that the collimator covers.
        spacing_mm: From pixel to pixel.
        kerma_uGy: Air kerma at the detector behind the lungs that the exposure control aims at; 2.5 µGy is speed
            class 400, 5 µGy speed class 200.
        efficiency: Share of photons that count: the detective quantum efficiency at low frequencies, about 0.65 for
            caesium iodide panels and 0.25 for phosphor plates.
        blur_mm: Standard deviation of the point spread, resampling to the stored matrix included.
        scatter: Scatter-to-primary ratio for each g/cm² of patient, without grid.
        electronic_noise: Standard deviation a pixel, in counted photons.
    """

    shape: tuple[int, int]
    border: tuple[int, int]
    spacing_mm: float
    kerma_uGy: float  # noqa: N815 (the unit's spelling)
    efficiency: float
    blur_mm: float
    scatter: float
    electronic_noise: float

    def __post_init__(self) -> None:
        """Checks that the exposed pixels form blocks of 4 × 4, on which scatter is computed."""
        if any(count <= 0 or count % 4 for count in self.exposed):
            raise ValueError(
                f"{self.exposed} exposed pixels: rows and columns inside the border must be multiples of 4"
            )

    @property
    def exposed(self) -> tuple[int, int]:
        """Rows and columns inside the border."""
        return self.shape[0] - 2 * self.border[0], self.shape[1] - 2 * self.border[1]


@dataclass(frozen=True, kw_only=True)
class Signal:
    """What a detector measured, `row column` inside the border, in counted photons a pixel.

    Attributes:
        counts: With noise.
        expected: Without noise and blur: primary and scatter.
        open_beam: What a pixel without a patient would expect.
        scatter_to_primary: The ratio of their totals where the patient is.
    """

    counts: Floats
    expected: Floats
    open_beam: float
    scatter_to_primary: float


def expose(detector: Detector, integrals: Integrals, exposure: Exposure, stream: Stream) -> Signal:
    """Exposes a detector. Noise comes from the stream's children `quanta` and `electronic`."""
    primary = exact.exp(-integrals.attenuation())
    ratio = scatter_to_primary(detector, integrals, exposure)
    arriving = primary + scatter(primary, ratio=ratio, spacing_mm=detector.spacing_mm)
    fluence = PHOTONS * detector.kerma_uGy * exposure.dose * detector.efficiency
    at_chambers = _at_chambers(arriving, exposure, spacing_mm=detector.spacing_mm)
    open_beam = fluence * detector.spacing_mm * detector.spacing_mm / at_chambers
    expected = open_beam * arriving
    quanta = stream.child("quanta").poisson(expected).astype(np.float64)
    counts = exact.blur(quanta, detector.blur_mm / detector.spacing_mm)
    counts += detector.electronic_noise * stream.child("electronic").normal(size=counts.shape)
    return Signal(counts=counts, expected=expected, open_beam=open_beam, scatter_to_primary=ratio)


def scatter_to_primary(detector: Detector, integrals: Integrals, exposure: Exposure) -> float:
    """The ratio of all scatter to all primary radiation where the patient is.

    It grows with the patient's mean mass thickness. With 0.09 for each g/cm² and no grid, scatter makes up 0.5 to 0.6
    of the signal behind the lungs and 0.85 to 0.9 behind the mediastinum, which is what measurements report.
    """
    mass = ADIPOSE_DENSITY * integrals.adipose_mm + SOFT_DENSITY * integrals.soft_mm + BONE_DENSITY * integrals.bone_mm
    inside = mass > 0
    mean = total(mass) / max(int(np.count_nonzero(inside)), 1) / 10.0
    return detector.scatter * mean * (1.0 if exposure.portable else GRID)


def scatter(primary: Floats, *, ratio: float, spacing_mm: float) -> Floats:
    """Scatter at each pixel, whose total over the patient is `ratio` times that of the primary radiation."""
    inside = primary < 0.999
    spread = broad_blur(primary * (1.0 - primary), SCATTER_REACH_MM, spacing_mm=spacing_mm)
    covered = total(np.where(inside, spread, 0.0))
    if covered == 0.0:
        return np.zeros_like(primary)
    return spread * (ratio * total(np.where(inside, primary, 0.0)) / covered)


def broad_blur(image: Floats, sigma_mm: float, *, spacing_mm: float) -> Floats:
    """A Gaussian much wider than a pixel, on blocks of 4 × 4 pixels and interpolated back."""
    small = exact.blur(exact.shrink(image, (4, 4)), sigma_mm / (4.0 * spacing_mm))
    return exact.resample(small, image.shape)


def _at_chambers(arriving: Floats, exposure: Exposure, *, spacing_mm: float) -> float:
    """The mean in the measuring fields of 50 mm: behind both lungs, or in the middle of a lateral view."""
    down, across = (np.abs(centred(count, spacing_mm)) for count in arriving.shape)
    rows = down < 25.0
    columns = across < 25.0 if exposure.view == "LL" else np.abs(across - 78.0) < 25.0
    field = arriving[rows][:, columns]
    return total(field) / field.size

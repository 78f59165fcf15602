"""One radiograph: a person, an exposure, foci, a marker, a detector and a vendor's processing.

Every part draws from a stream of its own, so that a change of one leaves the others as they were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from . import exact
from .detector import expose
from .markers import lead_path
from .projection import MU_SOFT, line_integrals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .detector import Detector, Signal
    from .exact import Stream
    from .exposure import Exposure
    from .lesions import Lesion
    from .markers import Marker
    from .person import Person
    from .processing import Picture, Processing
    from .projection import Integrals
    from .rays import Floats


@dataclass(frozen=True, kw_only=True)
class Truth:
    """How visible the foci of one radiograph are; zeros and None where there are none.

    Attributes:
        peak: The most that they add to the attenuation Σ μ·path, without unit.
        area_mm2: Area on the detector where they add more than half of that.
        centre_row: Row of the centre of mass of what they add, in stored pixels from 0.
        centre_column: Column of it.
        volume_ml: Soft tissue that they add within the image.
        contrast_to_noise: Over that area, the mean loss of primary photons over the mean standard deviation of the
            counts, both for one pixel, before blur and processing.
    """

    peak: float
    area_mm2: float
    centre_row: float | None
    centre_column: float | None
    volume_ml: float
    contrast_to_noise: float


@dataclass(frozen=True, kw_only=True)
class Radiograph:
    """A picture and what is true about it."""

    picture: Picture
    truth: Truth


def radiograph(
    person: Person,
    exposure: Exposure,
    lesions: Sequence[Lesion],
    *,
    marker: Marker | None,
    detector: Detector,
    processing: Processing,
    stream: Stream,
) -> Radiograph:
    """Takes a radiograph; `stream` is for the detector's and the plate reader's noise alone."""
    integrals = line_integrals(person, exposure, lesions, shape=detector.exposed, spacing_mm=detector.spacing_mm)
    if marker is not None:
        lead = lead_path(marker, shape=detector.exposed, spacing_mm=detector.spacing_mm)
        integrals = replace(integrals, lead_mm=lead)
    signal = expose(detector, integrals, exposure, stream)
    return Radiograph(
        picture=processing(signal, detector, stream), truth=describe(integrals, signal, border=detector.border)
    )


def describe(integrals: Integrals, signal: Signal, *, border: tuple[int, int]) -> Truth:
    """Measures what the foci add."""
    added = MU_SOFT * integrals.lesion_mm
    peak = float(added.max())
    if peak == 0.0:
        return Truth(peak=0.0, area_mm2=0.0, centre_row=None, centre_column=None, volume_ml=0.0, contrast_to_noise=0.0)
    core = added > 0.5 * peak
    loss = signal.open_beam * (exact.exp(-integrals.attenuation(lesions=False)) - exact.exp(-integrals.attenuation()))
    contrast, noise = loss[core], np.sqrt(signal.expected[core])
    return Truth(
        peak=peak,
        area_mm2=float(np.count_nonzero(core)) * integrals.spacing_mm * integrals.spacing_mm,
        centre_row=border[0] + _centre(added.T),
        centre_column=border[1] + _centre(added),
        volume_ml=integrals.lesion_ml,
        contrast_to_noise=math.fsum(contrast.tolist()) / math.fsum(noise.tolist()),
    )


def _centre(image: Floats) -> float:
    """The centre of mass along the last axis, in samples from 0."""
    weights = np.add.reduce(np.ascontiguousarray(image), axis=0).tolist()
    return math.fsum(place * weight for place, weight in enumerate(weights)) / math.fsum(weights)

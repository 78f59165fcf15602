"""How vendors turn counted photons into stored values, and how the file says these are to be shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from . import exact
from .detector import broad_blur

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .detector import Detector, Signal
    from .exact import Stream
    from .rays import Floats


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Stored values and how they are to be shown.

    Attributes:
        stored: `row column`, border included.
        bits: Bits stored.
        photometric: `MONOCHROME1` (low is white) or `MONOCHROME2`.
        for_presentation: Whether the vendor means it for reading; otherwise it is the raw twin.
        padding: The value outside the collimator, or None.
        table: A VOI lookup table, one output for each stored value, or None.
        rescale: Slope and intercept, or None.
        window: Window centre and width in rescaled units, or None.
    """

    stored: NDArray[np.uint16]
    bits: int
    photometric: str
    for_presentation: bool = True
    padding: int | None = None
    table: NDArray[np.uint16] | None = None
    rescale: tuple[float, float] | None = None
    window: tuple[float, float] | None = None


Processing: TypeAlias = "Callable[[Signal, Detector, Stream], Picture]"


def riverside(signal: Signal, detector: Detector, stream: Stream) -> Picture:
    """12 bits, high where much was absorbed, scaled to each patient, and a sigmoid VOI table.

        d = −ln counts;   e = d − 0.35·(d ∗ 25 mm) + 0.5·(d − d ∗ 3 mm)        (latitude down, edges up)
        stored = 350 + 3200·(e − e₃)/(e₉₉ − e₃);   table = 4095/(1 + exp(−(stored − 1900)/620))

    with the percentiles e₃ and e₉₉ taken where the patient is.
    """
    del stream
    density = -exact.log(np.maximum(signal.counts, 1.0))
    inside = _patient(signal.counts)
    # What is beside the patient must not pull the mean of what is near the skin.
    ceiling = np.where(inside, density, _quantile(density[inside], 0.02))
    wide = broad_blur(ceiling, 25.0, spacing_mm=detector.spacing_mm)
    fine = exact.blur(density, 3.0 / detector.spacing_mm)
    enhanced = 1.5 * density - 0.5 * fine - 0.35 * wide
    low, high = _quantile(enhanced[inside], 0.03), _quantile(enhanced[inside], 0.99)
    stored = _stored(350.0 + 3200.0 * (enhanced - low) / (high - low), 0, 4095)
    curve = 4095.0 / (1.0 + exact.exp(-(np.arange(4096) - 1900.0) / 620.0))
    table = np.rint(curve).astype(np.uint16)
    return Picture(stored=_framed(stored, detector, 0), bits=12, photometric="MONOCHROME2", table=table)


def hillcrest(signal: Signal, detector: Detector, stream: Stream) -> Picture:
    """10 bits, low where much was absorbed, behind a collimator; the reader's gain varies from plate to plate.

        stored = 470 + 1022/2.4 · (log₁₀(counts / median) + 0.03 z),  clipped to 1…1022;   0 is the border

    the median being the patient's. Shown in units of 4·stored − 96, through a window set to the exposure by its
    1st and 99th percentiles.
    """
    inside = _patient(signal.counts)
    decades = exact.log(np.maximum(signal.counts, 1.0)) / float(exact.log(10.0))
    gain = 0.03 * float(stream.child("plate").normal())
    values = 470.0 + 1022.0 / 2.4 * (decades - _quantile(decades[inside], 0.5) + gain)
    stored = _stored(values, 1, 1022)
    slope, intercept = 4.0, -96.0
    low, high = (_quantile(values[inside], share) * slope + intercept for share in (0.01, 0.99))
    window = (float(np.rint(0.5 * (low + high))), float(np.rint(1.05 * (high - low))))
    return Picture(
        stored=_framed(stored, detector, 0),
        bits=10,
        photometric="MONOCHROME1",
        padding=0,
        rescale=(slope, intercept),
        window=window,
    )


def for_processing(signal: Signal, detector: Detector, stream: Stream) -> Picture:
    """The raw twin: 14 bits proportional to the counts, the patient's median at 1500; not made for reading."""
    del stream
    scale = 1500.0 / _quantile(signal.counts[_patient(signal.counts)], 0.5)
    stored = _stored(scale * signal.counts, 0, 16383)
    return Picture(stored=_framed(stored, detector, 0), bits=14, photometric="MONOCHROME1", for_presentation=False)


def _patient(counts: Floats) -> np.ndarray:
    """Where the patient is: where less than a third of the brightest hundredth arrives, or all if that is nowhere."""
    inside = counts < _quantile(counts, 0.5) * 6.0
    return inside if inside.any() else np.ones_like(inside)


def _quantile(values: Floats, share: float) -> float:
    """The value that `share` of the values do not exceed; always one of them."""
    ordered = np.sort(values, axis=None)
    return float(ordered[min(int(share * ordered.size), ordered.size - 1)])


def _stored(values: Floats, lowest: int, highest: int) -> NDArray[np.uint16]:
    return np.rint(np.clip(values, lowest, highest)).astype(np.uint16)


def _framed(stored: NDArray[np.uint16], detector: Detector, outside: int) -> NDArray[np.uint16]:
    """Puts the unexposed border around the exposed pixels."""
    framed = np.full(detector.shape, outside, dtype=np.uint16)
    rows, columns = detector.border
    framed[rows : rows + stored.shape[0], columns : columns + stored.shape[1]] = stored
    return framed

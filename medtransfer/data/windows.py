"""What of a scan's values is shown black and white: values of interest, settled once for all its planes.

| window | centre (level) | width |
|---|---|---|
| brain | 40 | 80 |
| subdural | 100 | 254 |
| stroke | 32 | 8 |
| lungs | −600 | 1500 |
| mediastinum | 50 | 350 |
| abdomen | 50 | 400 |
| liver | 30 | 150 |
| bone | 400 | 1800 |

Hounsfield units. Reference: fastai's `medical.imaging.dicom_windows` (where `abdomen` is `abdomen_soft` and `bone` is
`spine_bone`).

What decides, in this order: `hu_window` or `ct_windows` (CT), `suv_range` (PET) and `mr_scaling` (MR) of the settings;
the file's table; the file's window; the range of the bits where values have up to 8 of them, since such pictures were
made for display; else the 0.5th to 99.5th percentile of what is neither padding nor infinite, since a detector uses a
small and unknown part of its range. Percentiles of a volume are those of all its slices together: one slice through air
must not be stretched into something, and equal tissue is equally bright in every slice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import expit

from medtransfer.core.errors import ReadError
from medtransfer.data import mr
from medtransfer.data.percentiles import TAILS, Mask, percentiles
from medtransfer.data.scan import Window

if TYPE_CHECKING:
    from medtransfer.core.config.data import CtPreset, CtWindow, PreprocessConfig
    from medtransfer.data.scan import Lookup, Presentation, Scan

PRESETS: Final[dict[CtPreset, tuple[float, float]]] = {
    "brain": (40, 80),
    "subdural": (100, 254),
    "stroke": (32, 8),
    "lungs": (-600, 1500),
    "mediastinum": (50, 350),
    "abdomen": (50, 400),
    "liver": (30, 150),
    "bone": (400, 1800),
}
"""Name → centre and width in Hounsfield units."""

_SHALLOW_BITS = 8


def presentations(scan: Scan, preprocess: PreprocessConfig) -> tuple[Presentation, ...]:
    """How each channel of the scan is shown: one, or three for the windows of a CT. Colour is shown as it is.

    Hounsfield window (c, w): values from c − w/2 to c + w/2 become 0 to 1. SUV range (a, b): body-weight SUVs from a to
    b become 0 to 1, in the file's own units values from a / factor to b / factor.

    Raises:
        ReadError: `RescaleMissing`: a CT without Hounsfield units is to be windowed in them; `SuvUnavailable`.
    """
    how = scan.presentation
    if scan.is_colour:
        return (how,)
    shown = _asked_for(scan, preprocess)
    if not shown and (how.voi_table is not None or how.window is not None):
        return (how,)
    return tuple(_spread(how, low, high) for low, high in shown or [_range(scan)])


def values_of_interest(stored: np.ndarray, how: Presentation) -> np.ndarray:
    """Stored values of one channel, whose window is settled, in [0, 1]; not inverted yet."""
    values = modality(stored, how)
    if how.voi_table is not None:
        return looked_up(values, how.voi_table) / ((1 << how.voi_table.bits) - 1)
    if how.window is None or how.window.width == np.inf:
        return np.full(values.shape, 0.5)
    return windowed(values, how.window)


def modality(stored: np.ndarray, how: Presentation) -> np.ndarray:
    """The modality transformation in 64 bits. Reference: DICOM PS3.3 C.11.1."""
    if how.modality_table is not None:
        return looked_up(stored, how.modality_table)
    return stored.astype(np.float64) * how.slope + how.intercept


def windowed(values: np.ndarray, window: Window) -> np.ndarray:
    """Values through a window, to [0, 1]. Reference: DICOM PS3.3 C.11.2.1.2.1 and C.11.2.1.3.

    With centre c and width w, and y clamped to [0, 1] where it is linear:

        LINEAR        y = (x − (c − 0.5)) / (w − 1) + 0.5
        LINEAR_EXACT  y = (x − c) / w + 0.5
        SIGMOID       y = 1 / (1 + exp(−4 (x − c) / w))

    LINEAR with w = 1 is a step: 0 up to c − 0.5, then 1.
    """
    centre, width = window.centre, window.width
    if window.function == "SIGMOID":
        return expit(4 * (values - centre) / width)
    if window.function == "LINEAR_EXACT":
        return np.clip((values - centre) / width + 0.5, 0, 1)
    if width == 1:
        return (values > centre - 0.5).astype(np.float64)
    return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


def looked_up(values: np.ndarray, table: Lookup) -> np.ndarray:
    """Entries of the table for `values`, clamped to its ends. Reference: DICOM PS3.3 C.11.1.1.1."""
    index = np.clip(np.rint(values).astype(np.int64) - table.first, 0, table.values.size - 1)
    return table.values[index].astype(np.float64)


def padding_of(how: Presentation) -> Mask | None:
    """Which stored values are padding; None where none is."""
    padding = how.padding
    return None if padding is None else lambda stored: (stored >= padding[0]) & (stored <= padding[1])


def stored_planes(scan: Scan) -> np.ndarray:
    """The voxels with an axis of planes, which a picture lacks."""
    return scan.voxels[np.newaxis] if scan.kind == "picture" else scan.voxels


def _asked_for(scan: Scan, preprocess: PreprocessConfig) -> list[tuple[float, float]]:
    """Values shown black and white, for each channel; none where the settings leave it to the file."""
    how, windows = scan.presentation, preprocess.ct_windows or (preprocess.hu_window,)
    if scan.modality == "CT":
        return [_hounsfield(scan, window) for window in windows if window is not None]
    if scan.modality == "PT" and preprocess.suv_range is not None:
        return [_uptake(scan, preprocess.suv_range)]
    if scan.modality == "MR" and preprocess.mr_scaling != "file":
        limits = mr.percentile if preprocess.mr_scaling == "percentile" else mr.z_score
        return [limits(stored_planes(scan), _modality_of(how), padding_of(how))]
    return []


def _spread(how: Presentation, low: float, high: float) -> Presentation:
    """Values from `low` to `high` become 0 to 1; where they are equal, everything is middle grey."""
    width = high - low if high > low else np.inf
    window = Window(centre=(low + high) / 2, width=width, function="LINEAR_EXACT")
    return replace(how, window=window, voi_table=None)


def _hounsfield(scan: Scan, window: CtWindow) -> tuple[float, float]:
    if scan.units != "HU":
        raise ReadError(
            f"a CT whose values are {scan.units or 'of unknown unit'} cannot be windowed in Hounsfield units",
            code="RescaleMissing",
            path=scan.path,
            hint="Export it with rescale slope and intercept, leave it out, or plan without preprocess.hu_window and "
            "preprocess.ct_windows.",
        )
    centre, width = PRESETS[window] if isinstance(window, str) else window
    return centre - width / 2, centre + width / 2


def _uptake(scan: Scan, shown: tuple[float, float]) -> tuple[float, float]:
    if not isinstance(scan.suv_factor, float) or not scan.suv_factor > 0:
        raise ReadError(
            f"no standardised uptake value: {scan.suv_factor or 'the file does not say how to compute it'}",
            code="SuvUnavailable",
            path=scan.path,
            hint="Export it with dose, weight and decay correction, or plan without preprocess.suv_range.",
        )
    return shown[0] / scan.suv_factor, shown[1] / scan.suv_factor


def _range(scan: Scan) -> tuple[float, float]:
    """Range of the bits or percentiles, in output units of the modality transformation."""
    how = scan.presentation
    lowest, highest = how.stored_range
    if scan.voxels.dtype.kind in "iu" and highest - lowest < 1 << _SHALLOW_BITS:
        low, high = sorted(modality(np.array([lowest, highest]), how).tolist())
        return low, high
    low, high = percentiles(stored_planes(scan), TAILS, transform=_modality_of(how), background=padding_of(how))
    return low, high


def _modality_of(how: Presentation) -> Callable[[np.ndarray], np.ndarray]:
    return lambda stored: modality(stored, how)

"""Body-weight standardised uptake value of a PET series, or why there is none.

    SUV = c · w / D,   D = A · 2^(−Δt / T½)

with c the activity concentration in Bq/ml, w the body weight in grams, A the injected activity in Bq, T½ the half-life.
Only for activity in Bq/ml (`Units` BQML, or Philips' counts with their private factor to Bq/ml) that was corrected for
attenuation and decay. What Δt is, DecayCorrection says:

| DecayCorrection | the image was corrected to | Δt |
|---|---|---|
| START | the scan's reference time | reference time − injection |
| ADMIN | the injection | 0 |
| NONE, absent | – | refused |

The reference time is the series' own, where no image was acquired before it; a series written later (a reconstruction)
carries a later time, and the reference is found from the acquisition:

    t₀ = acquisition − FrameReferenceTime + τ,   τ = ln(λd / (1 − e^(−λd))) / λ,   d = ActualFrameDuration

An injection without a date that would lie after the scan was made the day before (scans past midnight).

Reference: DICOM PS3.3 C.8.9.1 (PET series), C.8.9.2 (isotope), C.8.9.4 (image); QIBA FDG-PET/CT Profile, SUV
calculation, vendor-neutral version.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import exp, inf, isfinite, log
from typing import TYPE_CHECKING, Final

from pydicom.dataset import Dataset

from medtransfer.core.errors import ReadError
from medtransfer.data.dicom.tags import number, text, words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_DAY: Final = timedelta(days=1)
_PHILIPS = "Philips PET Private Group"
_PLAUSIBLE_DOSE: Final = (1e5, 1e11)
"""Bq. Doses noted in MBq, a common slip, lie far below."""

_PLAUSIBLE_WEIGHT: Final = (0.2, 700.0)
"""Kilograms."""


def suv_factor(datasets: Iterable[Dataset], path: Path) -> float | str:
    """SUV per unit of the rescaled values of a series, or a sentence that says why it cannot be had.

    Args:
        datasets: Headers of its images, with their sequences; the first gives what all share.
        path: A file of the series, for errors.
    """
    try:
        return _factor(list(datasets), path)
    except ReadError as error:
        return error.message


def _factor(images: list[Dataset], path: Path) -> float:
    first = images[0]
    units = text(first, "Units").upper()
    to_becquerel = 1.0 if units == "BQML" else _philips(first, 0x09, path) if units == "CNTS" else None
    to_suv = _philips(first, 0x00, path) if units == "CNTS" else None
    if to_becquerel is None and to_suv is None:
        raise _none(f"Units is {units or 'missing'}, not BQML", path)
    if missing := [word for word in ("ATTN", "DECY") if word not in words(first, "CorrectedImage")]:
        raise _none(f"CorrectedImage lacks {' and '.join(missing)}", path)
    if to_becquerel is None:
        return to_suv or 0.0
    tracer = (first.get("RadiopharmaceuticalInformationSequence") or [Dataset()])[0]
    weight = _within(number(first, "PatientWeight", path), _PLAUSIBLE_WEIGHT, "PatientWeight in kg", path)
    dose = _within(number(tracer, "RadionuclideTotalDose", path), _PLAUSIBLE_DOSE, "RadionuclideTotalDose in Bq", path)
    half_life = _within(number(tracer, "RadionuclideHalfLife", path), (1.0, inf), "RadionuclideHalfLife in s", path)
    correction = text(first, "DecayCorrection").upper()
    if correction not in {"START", "ADMIN"}:
        raise _none(f"DecayCorrection is {correction or 'missing'}", path)
    elapsed = _elapsed(images, tracer, half_life, path) if correction == "START" else timedelta(0)
    return to_becquerel * weight * 1000 / (dose * 2 ** (-elapsed.total_seconds() / half_life))


def _philips(dataset: Dataset, element: int, path: Path) -> float | None:
    """Philips' private factor of counts: (7053,xx09) to Bq/ml, (7053,xx00) to SUV; None where it is absent or 0."""
    try:
        value = float(dataset.private_block(0x7053, _PHILIPS)[element].value)
    except (KeyError, TypeError, ValueError):
        return None
    return _within(value, (0.0, inf), f"Philips' factor (7053,xx{element:02})", path) if value else None


def _elapsed(images: list[Dataset], tracer: Dataset, half_life: float, path: Path) -> timedelta:
    """From the injection to the time to which the images were corrected."""
    reference = _reference_time(images, half_life, path)
    injected = _moment(text(tracer, "RadiopharmaceuticalStartDateTime"))
    if injected is None:
        injected = _moment(reference.strftime("%Y%m%d") + text(tracer, "RadiopharmaceuticalStartTime"))
        if injected is None:
            raise _none("the time of injection is missing", path)
        if injected > reference:
            injected -= _DAY
    elapsed = reference - injected
    if not timedelta(0) <= elapsed <= _DAY:
        raise _none(f"the injection lies {elapsed.total_seconds() / 3600:.1f} h before the scan", path)
    return elapsed


def _reference_time(images: list[Dataset], half_life: float, path: Path) -> datetime:
    series = _moment(text(images[0], "SeriesDate") + text(images[0], "SeriesTime"))
    acquired = [_moment(text(d, "AcquisitionDate") + text(d, "AcquisitionTime")) for d in images]
    known = [(moment, i) for i, moment in enumerate(acquired) if moment is not None]
    if len(known) < len(images):
        raise _none("AcquisitionDate or AcquisitionTime is missing", path)
    earliest, index = min(known)
    if series is not None and series <= earliest:
        return series
    shift, duration = (number(images[index], word, path) for word in ("FrameReferenceTime", "ActualFrameDuration"))
    if shift is None or duration is None or duration <= 0:
        reason = "and FrameReferenceTime or ActualFrameDuration is missing"
        raise _none(f"the series' time does not lie before its acquisition, {reason}", path)
    rate, seconds = log(2) / half_life, duration / 1000
    average = log(rate * seconds / (1 - exp(-rate * seconds))) / rate
    return earliest - timedelta(milliseconds=shift) + timedelta(seconds=average)


def _moment(stamp: str) -> datetime | None:
    """A DICOM date and time `YYYYMMDDHHMMSS.FFFFFF&ZZXX`; None without either. The zone is one for all, and dropped."""
    digits, _, fraction = stamp.partition("+")[0].partition("-")[0].replace(":", "").partition(".")
    if len(digits) < 12 or not digits.isdecimal():
        return None
    try:
        whole = datetime.strptime(digits[:14].ljust(14, "0"), "%Y%m%d%H%M%S")
    except ValueError:
        return None
    return whole + timedelta(seconds=float(f"0.{fraction}") if fraction.isdecimal() else 0.0)


def _within(value: float | None, bounds: tuple[float, float], name: str, path: Path) -> float:
    if value is None or not (isfinite(value) and bounds[0] <= value <= bounds[1]):
        raise _none(f"{name} is {'missing' if value is None else f'{value:g}'}", path)
    return value


def _none(reason: str, path: Path) -> ReadError:
    return ReadError(reason, code="SuvUnavailable", path=path, hint="Leave suv_range out to use the file's own values.")

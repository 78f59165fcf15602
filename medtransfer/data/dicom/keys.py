"""Attributes that may cut one series into several stacks: echo, b-value, phase, acquisition and their kin.

An attribute is only evidence: whether it cuts a series is decided by the positions (`dicom/splitting`). Values are
kept as text, numbers in their shortest form, so that `30`, `30.0` and `3E1` are the same.

Where the b-value is private, GE's (0043,xx39) and Siemens' (0019,xx0C) are read if their creator stands in the file:
GE writes several numbers, and may add 10⁹ to the first, the b-value.

Reference: DICOM PS3.3 C.7.6.16 (functional groups), C.8.3.1 (MR), C.8.13.5 (enhanced MR); PS3.5 7.8.1 (creators).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from medtransfer.core.inert import one_line
from medtransfer.data.dicom.tags import private

PHASES: Final = "phases"
"""How many volumes of one place the file says there are; cuts nothing by itself."""

KEYS: Final = {
    "image_type": (),
    "component": ("ComplexImageComponent",),
    "echo": ("EffectiveEchoTime", "EchoTime"),
    "echo_number": ("EchoNumbers",),
    "b_value": ("DiffusionBValue",),
    "direction": ("DiffusionGradientOrientation",),
    "phase": ("TemporalPositionIndex", "TemporalPositionIdentifier"),
    "inversion": ("InversionTimes", "InversionTime"),
    "flip": ("FlipAngle",),
    "energy": ("KVP",),
    "kernel": ("ConvolutionKernel",),
    "stack": ("StackID",),
    "reference": ("FrameOfReferenceUID",),
    "trigger": (
        "NominalPercentageOfCardiacPhase",
        "NominalCardiacTriggerDelayTime",
        "TriggerTime",
        "TemporalPositionTimeOffset",
    ),
    "frame_time": ("FrameReferenceTime",),
    "acquisition": ("FrameAcquisitionNumber", "AcquisitionNumber"),
    PHASES: ("NumberOfTemporalPositions",),
}
"""Name of a splitting attribute → elements, of which the first that has a value counts; the most telling name first."""

MOSAIC: Final = "MOSAIC"
"""Siemens' word for a picture that is tiled from all slices of a volume."""

_B_VALUES: Final = ("GEDiffusionBValue", "SiemensDiffusionBValue")
_GE_FLAG: Final = 10**9
_SAYS_NOTHING: Final = frozenset({"PRIMARY", "SECONDARY"})


def keys_of(dataset: Any, image_type: tuple[str, ...]) -> dict[str, str]:
    """Splitting attributes that have a value.

    Args:
        dataset: Anything whose `get(keyword)` gives an element's value.
        image_type: The words of ImageType or FrameType.
    """
    keys: dict[str, str] = {}
    for name, keywords in KEYS.items():
        for keyword in keywords:
            said = _said(dataset, keyword)
            if said:
                keys[name] = said
                break
    words = "\\".join(word for word in image_type if word not in _SAYS_NOTHING)
    b_value = keys.get("b_value") or _private_b_value(dataset)
    return {**({"image_type": words} if words else {}), **keys, **({"b_value": b_value} if b_value else {})}


def _said(dataset: Any, keyword: str) -> str:
    """An element as text; empty where its bytes are no value: no evidence, and no reason to refuse a picture."""
    try:
        return label(dataset.get(keyword))
    except (TypeError, ValueError, OverflowError):
        return ""


def label(value: Any) -> str:
    """A value as text; several joined by backslashes, as in the file."""
    if value is None or value == "":
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return "\\".join(map(label, value))
    text = one_line(str(value))
    number = number_of(text)
    return text if number is None else f"{number:.10g}"


def number_of(value: str) -> float | None:
    """The number that a text says; None where it says none."""
    try:
        return float(value)
    except ValueError:
        return None


def _private_b_value(dataset: Any) -> str:
    for name in _B_VALUES:
        try:
            value = private(dataset, name)
        except (TypeError, ValueError, OverflowError):
            continue
        several = [value] if isinstance(value, str | bytes) or not isinstance(value, Iterable) else list(value)
        number = number_of(str(several[0])) if several else None
        if number is not None:
            return label(number % _GE_FLAG)
    return ""

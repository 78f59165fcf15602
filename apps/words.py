"""Predictions and operating points in words.

A sentence may hold foreign names: show it with `text.plain`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import medtransfer as mt
    from medtransfer import OperatingPoint

SEVERAL_IMAGES: Final = "several_images"
UNTRAINED: Final = "untrained_modality_"

_NOTES: Final = {
    "BurnedInAnnotation": "The file declares text burned into the picture: it may name the patient, "
    "and the model may have been swayed by it.",
    "OverlayIgnored": "The file has overlay graphics, which are not shown and were not given to the model.",
    "MiddlePlane": "A volume: {}.",
    "GantryTilt": "The scanner's gantry was tilted by {}.",
    "SecondaryCapture": "The picture is a secondary capture: a screenshot or a digitised film, not the original.",
}
_FACTS: Final = {
    "view": "view {}",
    "sex": "sex {}",
    "age": "{} years",
    "date": "{}",
    "body_part": "{}",
    "manufacturer": "{}",
}


def number(value: float, *, apart_from: float | None = None) -> str:
    """Two decimals, or as many as it takes to tell `value` from `apart_from`.

    What is neither 0 nor 1 is never said to be.
    """
    digits = 2
    while apart_from is not None and digits < 6 and f"{value:.{digits}f}" == f"{apart_from:.{digits}f}":
        digits += 1
    if digits == 2 and 0 < value < 0.005:
        return "below 0.01"
    if digits == 2 and 0.995 <= value < 1:
        return "above 0.99"
    return f"{value:.{digits}f}"


def decision(point: OperatingPoint, probability: float) -> str:
    """`Called pneumonia: 0.73 is at or above the operating point 0.41.`"""
    value = number(probability, apart_from=point.threshold)
    threshold = number(point.threshold, apart_from=probability)
    if probability >= point.threshold:
        return f"Called {point.positive}: {value} is at or above the operating point {threshold}."
    return f"Called not {point.positive}: {value} is below the operating point {threshold}."


def rule(point: OperatingPoint) -> str:
    """How the operating point was chosen."""
    goal = "" if point.goal is None else f"{point.goal:g}"
    chosen = {
        "sensitivity": f"for a sensitivity of at least {goal}",
        "specificity": f"for a specificity of at least {goal}",
        "youden": "for the largest sum of sensitivity and specificity",
        "cost": f"for the least cost, a missed finding counting as {goal} false alarms",
    }.get(point.rule, f"by the rule {point.rule} {goal}".strip())
    unmet = "" if point.met else " No operating point reached this goal; the nearest was taken."
    return f"Chosen on the {point.chosen_on} split {chosen}.{unmet}"


def optimism(point: OperatingPoint) -> str:
    """On how many studies sensitivity and specificity were estimated, and why they flatter."""
    return (
        f"Both were estimated on the {studies(point.sensitivity.n + point.specificity.n)} of the "
        f"{point.chosen_on} split, on which the operating point itself was chosen. "
        "They are therefore optimistic: expect less on new patients."
    )


def value(estimate: mt.Estimate) -> str:
    """The figure alone."""
    return "not estimable" if estimate.value is None else f"{estimate.value:.2f}"


def interval(estimate: mt.Estimate) -> str:
    """`95 % interval 0.81–0.95`, or why there is none."""
    if estimate.low is None or estimate.high is None:
        return f"no interval: {estimate.note}" if estimate.note else "no interval"
    return f"{estimate.level * 100:g} % interval {estimate.low:.2f}–{estimate.high:.2f}"


def studies(count: int) -> str:
    """`1 study`, `1,204 studies`."""
    return f"{count:,} {'study' if count == 1 else 'studies'}"


def flag(name: str, modalities: tuple[str, ...]) -> str:
    """A flag of the prediction as a sentence; `modalities` are those the model was trained on."""
    if name == SEVERAL_IMAGES:
        return "Several images were pooled into one probability."
    if name.startswith(UNTRAINED):
        return (
            f"The modality {name.removeprefix(UNTRAINED)} is not among those the model was trained on "
            f"({', '.join(modalities) or 'none stated'}): the probability may mean nothing."
        )
    return f"{name.replace('_', ' ').capitalize()}."


def windows(window: tuple[float, float] | None, channels: tuple[str | tuple[float, float], ...] | None) -> str:
    """The windows through which a CT is shown to the model: `brain, subdural, bone`; empty: the file's own."""
    pairs = channels or (() if window is None else (window,))
    return ", ".join(w if isinstance(w, str) else f"{w[0]:g} ± {w[1] / 2:g} HU" for w in pairs)


def note(text: str) -> str:
    """What the reader noticed in a file, `Code` or `Code: what`, as a sentence where we have one."""
    code, _, what = text.partition(": ")
    return _NOTES[code].format(what) if code in _NOTES else text


def facts(modality: str, attributes: dict[str, str]) -> str:
    """`CR · view PA · sex F · 61 years`: what the header says, without identifiers."""
    known = [words.format(attributes[name]) for name, words in _FACTS.items() if attributes.get(name)]
    return " · ".join([modality, *known])

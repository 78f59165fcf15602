"""Predictions and operating points in words.

A sentence may hold foreign names: show it with `text.plain`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import medtransfer as mt
    from medtransfer import OperatingPoint

NO_INTERVAL: Final = "For the probability of a single study this bundle gives no interval."
SEVERAL_IMAGES: Final = "several_images"
UNTRAINED: Final = "untrained_modality_"

QUALITY: Final = {
    "BurnedInAnnotation": "text in the picture",
    "ConstantImage": "empty picture",
    "SecondaryCapture": "secondary capture",
    "GantryTilt": "tilted gantry",
}
"""Notes on the quality of a picture, in a few words."""

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


def call(point: OperatingPoint, probability: float) -> str:
    """`pneumonia` or `not pneumonia`."""
    return point.positive if probability >= point.threshold else f"not {point.positive}"


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
    return "not estimable" if estimate.value is None else f"{estimate.value:.{_digits(estimate)}f}"


def interval(estimate: mt.Estimate) -> str:
    """`95 % interval 0.81–0.95`, or why there is none."""
    if estimate.low is None or estimate.high is None:
        return f"no interval: {estimate.note}" if estimate.note else "no interval"
    digits = _digits(estimate)
    return f"{estimate.level * 100:g} % interval {estimate.low:.{digits}f}–{estimate.high:.{digits}f}"


def figure(estimate: mt.Estimate) -> str:
    """`0.90, 95 % interval 0.79–0.96 (Wilson), n = 50.`, and whatever else is to be said of it."""
    if estimate.value is None:
        return f"not estimable: {estimate.note or 'nothing is known of it'}."
    known = estimate.low is not None and estimate.high is not None
    method = f" ({estimate.method})" if known else ""
    more = f"; {estimate.note}" if estimate.note and known else ""
    return f"{value(estimate)}, {interval(estimate)}{method}, n = {estimate.n:,}{more}."


def recalibration(manifest: mt.Manifest) -> str:
    """By what the probabilities are recalibrated."""
    how = manifest.calibrator
    if how is None:
        return "The probabilities are the network's own: this bundle does not recalibrate."
    on = f"{studies(how.studies)} of the {how.fitted_on} split"
    return f"The probabilities are recalibrated by {how.name}, fitted on {on}."


def made_from(manifest: mt.Manifest) -> str:
    """What stands in the formula of a probability."""
    many = len(manifest.members)
    network = "z is the network's answer" if many == 1 else f"z is the mean answer of {many} networks"
    return f"{network}, and c the recalibration. {recalibration(manifest)}"


def calibrated_to(name: str, prior: float | None) -> str:
    """For which prevalence the probability is meant."""
    if prior is None:
        return f"The bundle does not say for which share of patients with {name} it is meant."
    return f"It is meant for patients of whom {percent(prior)} have {name}."


def percent(share: float) -> str:
    """`8 %`, `1.5 %`, `0.1 %`: two digits, and more where it would read as all."""
    return f"{100 * share:.1f} %" if share > 0.99 else f"{100 * share:.2g} %"


def _digits(estimate: mt.Estimate) -> int:
    """Two decimals, or as many as tell the figure and the ends of its interval apart."""
    told = {end for end in (estimate.low, estimate.value, estimate.high) if end is not None}
    return next((n for n in (2, 3) if len({f"{end:.{n}f}" for end in told}) == len(told)), 4)


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
            f"({', '.join(modalities) or 'none stated'}): its probability would mean nothing."
        )
    return f"{name.replace('_', ' ').capitalize()}."


def chip(name: str) -> str:
    """A flag in a few words, for a cell of the worklist."""
    if name.startswith(UNTRAINED):
        return f"other modality: {name.removeprefix(UNTRAINED)}"
    return QUALITY.get(name, name.replace("_", " "))


def files(count: int) -> str:
    """`1 file`, `1,204 files`."""
    return f"{count:,} {'file' if count == 1 else 'files'}"


def windows(window: tuple[float, float] | None, channels: tuple[str | tuple[float, float], ...] | None) -> str:
    """The windows through which a CT is shown to the model: `brain, subdural, bone`; empty: the file's own."""
    pairs = channels or (() if window is None else (window,))
    return ", ".join(w if isinstance(w, str) else f"{w[0]:g} ± {w[1] / 2:g} HU" for w in pairs)


def facts(modality: str, attributes: dict[str, str]) -> str:
    """`CR · view PA · sex F · 61 years`: what the header says, without identifiers."""
    known = [words.format(attributes[name]) for name, words in _FACTS.items() if attributes.get(name)]
    return " · ".join([modality, *known])

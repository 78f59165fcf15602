"""How often, in words: of a hundred people scored or called like this one.

A sentence may hold foreign names: show it with `text.plain`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from apps import words

if TYPE_CHECKING:
    import medtransfer as mt
    from medtransfer import OperatingPoint


def hundred(estimate: mt.Estimate) -> tuple[int, int]:
    """Ends of the interval as people out of a hundred, rounded outwards: it is never said to be narrower than it is."""
    low, high = estimate.low or 0.0, 1.0 if estimate.high is None else estimate.high
    tiny = 1e-9  # 0.29 · 100 is 28.999…, which is 29
    return math.floor(100 * low + tiny), math.ceil(100 * high - tiny)


def natural(found: mt.NaturalFrequency) -> str:
    """`Of 100 calibration patients scored like this, 62–78 had pneumonia.`"""
    if found.estimate.value is None:
        return f"How many of those scored like this had {found.of} is not estimable: {found.estimate.note}."
    low, high = hundred(found.estimate)
    if found.prevalence is None:
        return f"Of 100 {found.split} patients scored like this, {low}–{high} had {found.of}."
    at = words.percent(found.prevalence)
    return f"Where {at} have {found.of}: of 100 patients scored like this, {low}–{high} have it."


def neighbours(found: mt.NaturalFrequency) -> str:
    """Who was scored like this."""
    if found.lowest is None or found.highest is None:
        return f"The bundle carries {words.studies(found.scored)} of the {found.split} split, too few for a frequency."
    low = words.number(found.lowest, apart_from=found.highest)
    high = words.number(found.highest, apart_from=found.lowest)
    who = "" if found.patients == found.estimate.n else f", of {found.patients:,} patients,"
    return (
        f"Scored like this are {words.studies(found.estimate.n)}{who} with a probability from {low} to {high}, as many "
        f"below this one as above where there are as many, out of {found.scored:,} of the {found.split} split. "
        f"{found.present:,} of them had {found.of}."
    )


def seen(manifest: mt.Manifest, found: mt.NaturalFrequency) -> str:
    """What else those studies were used for, so that the frequency may agree with the probability too well."""
    if manifest.calibrator is not None and manifest.calibrator.fitted_on == found.split:
        return "The recalibration was fitted on these very studies: new patients may agree with it less."
    if found.split == "validation":
        return "On the validation split the model and its operating point were chosen, too: new patients may differ."
    return ""


def worth(point: OperatingPoint, values: mt.PredictiveValues, probability: float) -> str:
    """What the call that this study got is worth, beside what its score says: `… 31–45 of 100 have it.`"""
    called, said = probability >= point.threshold, words.call(point, probability)
    estimate = values.ppv if called else values.npv
    if estimate.low is None or estimate.high is None:
        return f"What the call {said} is worth is not estimable: {estimate.note}."
    low, high = hundred(estimate)
    right = "have it" if called else "do not have it"
    at = words.percent(values.prevalence)
    return (
        f"The call alone, whatever the score: {low}–{high} of 100 patients who are called {said} {right}, where {at} "
        f"of all have {point.positive}."
    )


def counts(values: mt.PredictiveValues) -> str:
    """The two-by-two table in a sentence."""
    table = values.counts
    return (
        f"Counted were {table.true_positive:,} true positives, {table.false_negative:,} false negatives, "
        f"{table.false_positive:,} false positives and {table.true_negative:,} true negatives."
    )


def threshold_here(place: mt.RocPlace) -> str:
    """What a threshold at this study's own probability would have done."""
    if place.sensitivity.value is None or place.specificity.value is None:
        which = "none" if place.sensitivity.value is None else "all"
        return f"The {place.split} studies have no ROC curve: {which} of them have {place.of}."
    return (
        f"Were the operating point at this study's own probability, {words.percent(place.sensitivity.value)} of the "
        f"{place.split} studies with {place.of} would have been called so, and "
        f"{words.percent(1 - place.specificity.value)} of those without."
    )

"""What the evidence rests on, folded away below it: the operating point, and where the study stands among others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import streamlit as st

import medtransfer as mt
from apps import words
from apps.drawing import draw_chart
from apps.evidence import charts, frequencies
from apps.text import plain, why

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from apps.evidence.findings import Finding

_SAME: Final = "It is not shifted: the prevalence is about that among these very studies."
UNKNOWN: Final = (
    "This bundle does not carry the studies that it was calibrated on: how many of those scored like this had it "
    "cannot be said. A bundle that is fitted anew carries them."
)
_TENTH: Final = 0.1


def together() -> DeltaGenerator:
    """What belongs together stands together."""
    return st.container(gap="xxsmall")


def alike(one: float, other: float) -> bool:
    """Whether two shares mean the same: their odds differ by less than a tenth."""
    return abs(math.log(one / (1 - one)) - math.log(other / (1 - other))) < _TENTH if 0 < one < 1 else False


def hundred(manifest: mt.Manifest, finding: Finding, prevalence: float | None) -> tuple[str, ...]:
    """The natural frequency as a hundred people, and where it comes from; in sentences what it says."""
    if finding.scored is None:
        return (UNKNOWN,)
    here = mt.natural_frequency(finding.scored, finding.probability)
    found = here
    if prevalence is not None and here.share is not None and not alike(here.share, prevalence):
        found = mt.natural_frequency(finding.scored, finding.probability, prevalence=prevalence)
    if found.estimate.value is not None:
        plain("A hundred patients scored like this:")
        draw_chart(charts.dots(*frequencies.hundred(found.estimate)), width="content")
        st.text("Squares: so many had it at least. Triangles: so many more may have. Circles: the others.")
    why(
        r"\hat p = \tfrac{x}{n}, \qquad \mathrm{odds}\,p' = \mathrm{odds}\,\hat p \cdot "
        r"\frac{\mathrm{odds}\,\pi'}{\mathrm{odds}\,\pi}",
        frequencies.neighbours(found),
        words.figure(found.estimate),
        frequencies.natural(here) if found is not here else _SAME,
        f"π, among these studies: {words.percent(here.share)}." if here.share is not None else "",
        f"π′, as stated: {words.percent(prevalence)}." if found is not here and prevalence is not None else "",
        found.assumption,
        frequencies.seen(manifest, found),
    )
    take_care = here.estimate.note if here.estimate.value is not None else ""
    return (frequencies.natural(found), *([f"Take care: {take_care}."] if take_care else []))


def operating_point(point: mt.OperatingPoint) -> None:
    """Its sensitivity and specificity with their intervals, how it was chosen, and why both flatter."""
    sensitivity, specificity = st.columns(2)
    with sensitivity, together():
        st.metric("Sensitivity", words.value(point.sensitivity))
        plain(words.interval(point.sensitivity))
        plain(f"{words.studies(point.sensitivity.n)} with {point.positive}")
    with specificity, together():
        st.metric("Specificity", words.value(point.specificity))
        plain(words.interval(point.specificity))
        plain(f"{words.studies(point.specificity.n)} without")
    plain(words.rule(point))
    plain(words.optimism(point))
    why(
        r"se = \frac{TP}{TP + FN}, \qquad sp = \frac{TN}{TN + FP}",
        f"Sensitivity: {words.figure(point.sensitivity)} Specificity: {words.figure(point.specificity)}",
    )


def position(finding: Finding) -> None:
    """Where the study stands along the probability, and on the ROC curve."""
    point = finding.point
    threshold = None if point is None else point.threshold
    draw_chart(charts.strip(finding.scored, finding.probability, threshold))
    if point is not None:
        plain(f"Diamond: this study. Dashed: the operating point, {words.number(point.threshold)}.")
    if finding.scored is None:
        return
    place = mt.roc_place(finding.scored, finding.probability)
    if place.curve.x:
        at = None if point is None else mt.roc_place(finding.scored, point.threshold)
        draw_chart(charts.roc(place, at))
        if at is not None:
            st.text("Diamond: this study. Square: the operating point. Dashed: chance.")
    plain(frequencies.threshold_here(place))
    why(
        r"se(t) = \frac{\#\{p_i \ge t,\ y_i = 1\}}{\#\{y_i = 1\}}, \qquad "
        r"1 - sp(t) = \frac{\#\{p_i \ge t,\ y_i = 0\}}{\#\{y_i = 0\}}",
        f"Drawn from {words.studies(len(finding.scored.present))} of the {place.split} split.",
        f"Sensitivity there: {words.figure(place.sensitivity)} Specificity: {words.figure(place.specificity)}",
    )

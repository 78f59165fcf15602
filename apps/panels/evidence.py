"""Evidence: what the model says of the study, how often it is right when it says so, and where that comes from.

There is one prevalence on this panel: natural frequency, predictive values and the probability beside them follow it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import streamlit as st

import medtransfer as mt
from apps import words
from apps.drawing import draw_chart
from apps.evidence import charts, frequencies
from apps.evidence.findings import Finding, findings, first, shares, start
from apps.text import plain, why

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from apps.readers.reading import Reading

ORDER: Final = 20
AFTER_REVEAL: Final = True

_SAME: Final = "It is not shifted: the prevalence is about that among these very studies."
_TENTH: Final = 0.1


def show(reading: Reading) -> None:
    """All of it, redrawn by itself when the prevalence moves."""
    found = findings(reading.bundle.manifest, reading.result)
    if found:
        _draw(reading, found)


@st.fragment
def _draw(reading: Reading, found: tuple[Finding, ...]) -> None:
    manifest = reading.bundle.manifest
    with st.container(border=True):
        st.subheader("Evidence")
        finding, clinic = found[0], reading.settings.clinic.prevalence
        if len(found) > 1:
            finding, clinic = _chosen(manifest, found, reading.bundle.sha256), None
        with _together():
            _probability(manifest, finding)
        prevalence = _prevalence(finding, clinic, f"{reading.bundle.sha256} {finding.name}")
        if prevalence is not None and finding.prior is not None and not _alike(finding.prior, prevalence):
            there = mt.probability_at(finding.probability, prior=finding.prior, stated=prevalence)
            plain(f"Where {words.percent(prevalence)} have it, the probability would be {words.number(there)}.")
        with _together():
            _frequency(manifest, finding, prevalence)
        if finding.point is None:
            st.text("This bundle has no operating point: a probability is given, and no decision.")
        else:
            if prevalence is not None:
                with _together():
                    _predictive_values(finding, finding.point, prevalence)
            with _together():
                _operating_point(finding.point)
        with _together():
            _position(finding)


def _together() -> DeltaGenerator:
    """What belongs together stands together."""
    return st.container(gap="xxsmall")


def _chosen(manifest: mt.Manifest, found: tuple[Finding, ...], key: str) -> Finding:
    """All of them in a table, and the one that is looked at more closely."""
    if manifest.task == "multilabel":
        st.text("Several findings may be there at once; each has its own probability.")
    elif manifest.task == "ordinal":
        st.text("One of these grades, in their order, is there.")
    else:
        st.text("One of these classes is there, and none is the positive one.")
    rows = {"Finding": [one.name for one in found], "Probability": [words.number(one.probability) for one in found]}
    if any(one.point for one in found):
        rows["Called"] = ["" if one.point is None else words.call(one.point, one.probability) for one in found]
    st.dataframe(rows, hide_index=True)
    names = [one.name for one in found]
    return found[
        st.selectbox("Look closer at", range(len(found)), first(found), lambda k: names[k], key=f"closer {key}")
    ]


def _probability(manifest: mt.Manifest, finding: Finding) -> None:
    plain(f"Probability of {finding.name}")
    st.metric("Probability", words.number(finding.probability), label_visibility="collapsed")
    if finding.point is not None:
        plain(words.decision(finding.point, finding.probability))
    if finding.uncalibrated is not None and st.toggle("Before recalibration, too"):
        plain(f"Before recalibration it was {words.number(finding.uncalibrated)}.")
    _why_probability(manifest, finding)


def _why_probability(manifest: mt.Manifest, finding: Finding) -> None:
    said = (words.made_from(manifest), words.calibrated_to(finding.name, finding.prior), words.NO_INTERVAL)
    if manifest.task == "multilabel":
        why(r"p = c\left(\frac{1}{1 + e^{-z}}\right)", *said)
    elif manifest.task == "ordinal":
        why(r"P(y > k) = \frac{1}{1 + e^{-z_k}}, \quad p_k = c\left(P(y > k-1) - P(y > k)\right)", *said)
    else:
        why(r"p_k = c\left(\frac{e^{z_k}}{\sum_j e^{z_j}}\right)", *said)


def _prevalence(finding: Finding, clinic: float | None, key: str) -> float | None:
    """The one that everything below follows; None where the bundle knows of none."""
    begin = start(finding, clinic)
    if begin is None or (finding.point is None and finding.scored is None):
        return None
    offered = shares(begin.share)
    chosen = st.select_slider(
        "How frequent it is among your own patients",
        offered,
        min(offered, key=lambda share: abs(share - begin.share)),
        format_func=words.percent,
        key=f"prevalence {key} {begin.share}",
    )
    plain(begin.said)
    return chosen


def _frequency(manifest: mt.Manifest, finding: Finding, prevalence: float | None) -> None:
    if finding.scored is None:
        st.text(
            "This bundle does not carry the studies that it was calibrated on: how many of those scored like this had "
            "it cannot be said. A bundle that is fitted anew carries them."
        )
        return
    here = mt.natural_frequency(finding.scored, finding.probability)
    found = here
    if prevalence is not None and here.share is not None and not _alike(here.share, prevalence):
        found = mt.natural_frequency(finding.scored, finding.probability, prevalence=prevalence)
    plain(frequencies.natural(found))
    if here.estimate.value is not None and here.estimate.note:
        plain(f"Take care: {here.estimate.note}.")
    if found.estimate.value is not None:
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


def _predictive_values(finding: Finding, point: mt.OperatingPoint, prevalence: float) -> None:
    values = mt.predictive_values_at(point, prevalence)
    plain(frequencies.worth(point, values, finding.probability))
    positive, negative = st.columns(2)
    with positive, _together():
        st.metric("If called: PPV", words.value(values.ppv))
        plain(words.interval(values.ppv))
    with negative, _together():
        st.metric("If not called: NPV", words.value(values.npv))
        plain(words.interval(values.npv))
    why(
        r"\mathrm{PPV} = \frac{se\,\pi'}{se\,\pi' + (1-sp)(1-\pi')}, \quad "
        r"\mathrm{NPV} = \frac{sp\,(1-\pi')}{sp\,(1-\pi') + (1-se)\,\pi'}",
        f"π′ = {words.percent(prevalence)}; {frequencies.counts(values)}",
        f"PPV: {words.figure(values.ppv)} NPV: {words.figure(values.npv)}",
        words.optimism(point),
        values.assumption,
    )


def _operating_point(point: mt.OperatingPoint) -> None:
    st.text("How often the operating point is right")
    sensitivity, specificity = st.columns(2)
    with sensitivity, _together():
        st.metric("Sensitivity", words.value(point.sensitivity))
        plain(words.interval(point.sensitivity))
        plain(f"{words.studies(point.sensitivity.n)} with {point.positive}")
    with specificity, _together():
        st.metric("Specificity", words.value(point.specificity))
        plain(words.interval(point.specificity))
        plain(f"{words.studies(point.specificity.n)} without")
    plain(words.rule(point))
    plain(words.optimism(point))
    why(
        r"se = \frac{TP}{TP + FN}, \qquad sp = \frac{TN}{TN + FP}",
        f"Sensitivity: {words.figure(point.sensitivity)} Specificity: {words.figure(point.specificity)}",
    )


def _position(finding: Finding) -> None:
    """Where the study stands along the probability, and on the ROC curve."""
    point = finding.point
    if finding.scored is None and point is None:
        return
    st.text("Where this study stands")
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


def _alike(one: float, other: float) -> bool:
    """Whether two shares mean the same: their odds differ by less than a tenth."""
    return abs(math.log(one / (1 - one)) - math.log(other / (1 - other))) < _TENTH if 0 < one < 1 else False

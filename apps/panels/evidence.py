"""Evidence: what the model says of the study, how often it is right when it says so, and where that comes from.

There is one prevalence on this panel: natural frequency, predictive values and the probability beside them follow it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

import medtransfer as mt
from apps import words
from apps.evidence import frequencies
from apps.evidence.findings import Finding, Start, findings, first, shares, start
from apps.evidence.seen import SEEN, seen
from apps.panels import _behind
from apps.panels._answer import told_apart
from apps.panels._behind import alike, together
from apps.text import plain, printable, why

if TYPE_CHECKING:
    from apps.readers.reading import Reading

ORDER: Final = 20
AFTER_REVEAL: Final = True


def show(reading: Reading) -> None:
    """All of it, redrawn by itself when the prevalence moves."""
    found = findings(reading.bundle.manifest, reading.result)
    if found:
        _draw(reading, found)


@st.fragment
def _draw(reading: Reading, found: tuple[Finding, ...]) -> None:
    """First what a reader needs: probability, decision, natural frequency. What they rest on is folded below."""
    manifest = reading.bundle.manifest
    with st.container(border=True, gap="small"):
        st.subheader("Evidence")
        finding, clinic = found[0], reading.settings.clinic.prevalence
        if len(found) > 1:
            finding, clinic = _chosen(manifest, found, reading.bundle.sha256), None
        with together():
            _probability(manifest, finding, known=seen(reading))
        frequency = together()  # it follows the prevalence, which is chosen below
        if finding.point is None:
            st.text("This bundle has no operating point: a probability is given, and no decision.")
        if finding.point is None and finding.scored is None:
            plain(_behind.UNKNOWN)
            return
        with st.expander("What this rests on"):
            prevalence = _own_patients(finding, clinic, f"{reading.bundle.sha256} {finding.name}")
            with together():
                said = _behind.hundred(manifest, finding, prevalence)
            if finding.point is not None:
                if prevalence is not None:
                    with together():
                        _predictive_values(finding, finding.point, prevalence)
                st.markdown("**How often the operating point is right**")
                with together():
                    _behind.operating_point(finding.point)
            st.markdown("**Where this study stands**")
            with together():
                _behind.position(finding)
        with frequency:
            for sentence in said:
                plain(sentence)


def _chosen(manifest: mt.Manifest, found: tuple[Finding, ...], key: str) -> Finding:
    """All of them in a table, and the one that is looked at more closely."""
    if manifest.task == "multilabel":
        st.text("Several findings may be there at once; each has its own probability.")
    elif manifest.task == "ordinal":
        st.text("One of these grades, in their order, is there.")
    else:
        st.text("One of these classes is there, and none is the positive one.")
    names = told_apart([printable(one.name) for one in found])
    rows = {"Finding": names, "Probability": [words.number(one.probability) for one in found]}
    if any(one.point for one in found):
        called = ("" if one.point is None else words.call(one.point, one.probability) for one in found)
        rows["Called"] = [printable(word) for word in called]
    st.dataframe(rows, hide_index=True)
    return found[
        st.selectbox("Look closer at", range(len(found)), first(found), lambda k: names[k], key=f"closer {key}")
    ]


def _probability(manifest: mt.Manifest, finding: Finding, *, known: bool) -> None:
    plain(f"Probability of {finding.name}")
    st.metric("Probability", words.number(finding.probability), label_visibility="collapsed")
    if known:
        with st.container(border=True):
            plain(SEEN)
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


def _own_patients(finding: Finding, clinic: float | None, key: str) -> float | None:
    """The prevalence that frequencies and predictive values follow; None where the bundle knows of none."""
    begin = start(finding, clinic)
    if begin is None:
        return None
    st.markdown("**Among your own patients**")
    with together():
        prevalence = _prevalence(begin, key)
        if finding.prior is not None and not alike(finding.prior, prevalence):
            there = mt.probability_at(finding.probability, prior=finding.prior, stated=prevalence)
            plain(f"Where {words.percent(prevalence)} have it, the probability would be {words.number(there)}.")
    return prevalence


def _prevalence(begin: Start, key: str) -> float:
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


def _predictive_values(finding: Finding, point: mt.OperatingPoint, prevalence: float) -> None:
    values = mt.predictive_values_at(point, prevalence)
    plain(frequencies.worth(point, values, finding.probability))
    positive, negative = st.columns(2)
    with positive, together():
        st.metric("If called: PPV", words.value(values.ppv))
        plain(words.interval(values.ppv))
    with negative, together():
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

"""Model: what the bundle is, what it was made from, and what it must not be used for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps import words
from apps.bundle import opened_bundle
from apps.text import fact, plain

if TYPE_CHECKING:
    import medtransfer as mt
    from medtransfer import OperatingPoint


def show() -> None:
    """The whole screen."""
    bundle = opened_bundle()
    if bundle is None:
        return
    st.title("Model")
    left, right = st.columns(2, gap="large")
    with left:
        _question(bundle)
        _operating_point(bundle)
    with right:
        _network(bundle)
        _limits(bundle)
    _origin(bundle)
    _objective(bundle.manifest.training.plan)


def _question(bundle: mt.Bundle) -> None:
    manifest = bundle.manifest
    with st.container(border=True):
        st.subheader("The question")
        fact("Classes", ", ".join(manifest.classes))
        fact("Positive class", manifest.positive or "none: every class has its probability")


def _network(bundle: mt.Bundle) -> None:
    manifest = bundle.manifest
    with st.container(border=True):
        st.subheader("The network")
        fact("Backbone", ", ".join(member.backbone for member in manifest.members))
        fact("Weights it started from", _weights(manifest.training.plan))
        fact("Picture", f"{manifest.preprocess.size} × {manifest.preprocess.size} pixels")
        if shown := words.windows(manifest.preprocess.hu_window, manifest.preprocess.ct_windows):
            fact("Windows of CT", shown)
        fact("Slices and views of a study are pooled by", ", ".join(m.pooling.name for m in manifest.members))
        fact("Bundle (SHA-256)", bundle.sha256)
        fact("Made by medtransfer", manifest.medtransfer_version)


def _operating_point(bundle: mt.Bundle) -> None:
    one, each = bundle.manifest.operating_point, bundle.manifest.operating_points.values()
    with st.container(border=True):
        st.subheader("The operating points" if each else "The operating point")
        if one is None and not each:
            st.text("There is none: the bundle gives probabilities and no decision.")
        for point in each if one is None else (one,):
            if each:
                plain(point.positive)
            _figures_at(point)


def _figures_at(point: OperatingPoint) -> None:
    fact("A study is called positive from a probability of", words.number(point.threshold))
    fact("Sensitivity", f"{words.value(point.sensitivity)}, {words.interval(point.sensitivity)}")
    fact("Specificity", f"{words.value(point.specificity)}, {words.interval(point.specificity)}")
    plain(words.rule(point))
    plain(words.optimism(point))


def _limits(bundle: mt.Bundle) -> None:
    with st.container(border=True):
        st.subheader("What it must not be used for")
        plain(bundle.manifest.notice)
        st.markdown(
            "- Diagnosis, triage or treatment of any patient.\n"
            "- Findings other than its classes: it cannot say that something else is there.\n"
            "- Modalities, sites or patients it was not trained on, before it has been evaluated there.\n"
            "- Figures on the patients it was trained on: they flatter."
        )


def _origin(bundle: mt.Bundle) -> None:
    training = bundle.manifest.training
    st.subheader("What it was trained on")
    sites, modalities, length = st.columns(3)
    with sites:
        fact("Sites", ", ".join(training.sites))
    with modalities:
        fact("Modalities", ", ".join(training.modalities))
    with length:
        fact("Training", f"{training.epochs} epochs, {training.steps:,} steps")
    rows = [
        {"Domain": domain, "Class": name, "Studies": count}
        for domain, classes in training.studies.items()
        for name, count in classes.items()
    ]
    if rows:
        st.dataframe(rows, hide_index=True)


def _objective(plan: dict[str, Any]) -> None:
    st.subheader("What was minimised")
    st.latex(r"\mathcal{L}_S + \lambda\,\mathcal{L}_T + \Omega")
    objective = _part(plan, "objective")
    trade_off, policy = st.columns(2)
    with trade_off:
        fact("λ, how much the target counts", _trade_off(objective.get("trade_off")))
    with policy:
        fact("Policy: what may move", str(_part(plan, "policy").get("name", "")))
    rows = [
        {"Family": family, "Term": name, "Strength and settings": _settings(settings)}
        for family in ("instances", "features", "parameters")
        for name, settings in _part(objective, family).items()
    ]
    if rows:
        st.dataframe(rows, hide_index=True)
    else:
        st.text("No further terms: Ω = 0.")


def _part(plan: dict[str, Any], name: str) -> dict[str, Any]:
    """A table of the plan; empty where the plan, which the bundle carries unchecked, has none."""
    part = plan.get(name)
    return part if isinstance(part, dict) else {}


def _weights(plan: dict[str, Any]) -> str:
    weights = str(_part(plan, "model").get("weights", ""))
    return "none: random" if weights == "none" else weights


def _trade_off(value: object) -> str:
    """λ as the plan has it; JSON writes infinity as a word."""
    try:
        number = float(str(value))
    except ValueError:
        return "" if value is None else str(value)
    return "∞ (target only)" if math.isinf(number) else f"{number:g}"


def _settings(settings: object) -> str:
    if not isinstance(settings, dict):
        return str(settings)
    return ", ".join(f"{name} = {value}" for name, value in settings.items()) or "defaults"


show()

"""Model: what the bundle is, what it was made from, and what it must not be used for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps import words
from apps.evidence.card import show_limits, show_question, show_training
from apps.server.bundle import opened_bundle
from apps.text import fact, plain, printable

if TYPE_CHECKING:
    import medtransfer as mt


def show() -> None:
    """The whole screen."""
    bundle = opened_bundle()
    if bundle is None:
        return
    st.title("Model")
    left, right = st.columns(2, gap="large")
    with left:
        _question(bundle)
        _origin(bundle)
        _limits(bundle)
    with right:
        _operating_points(bundle)
        _calibration(bundle)
        _network(bundle)
    _objective(bundle.manifest.training.plan)


def _question(bundle: mt.Bundle) -> None:
    with st.container(border=True):
        st.subheader("The question")
        show_question(bundle.manifest)


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


def _calibration(bundle: mt.Bundle) -> None:
    manifest = bundle.manifest
    with st.container(border=True):
        st.subheader("Its probabilities")
        plain(words.recalibration(manifest))
        for name in (manifest.positive,) if manifest.positive else manifest.classes:
            plain(words.calibrated_to(name, manifest.priors.get(name)))
        if not manifest.scored:
            st.text("The studies that it was calibrated on do not travel with it: there are no natural frequencies.")
        for scored in manifest.scored:
            among = f"{words.studies(len(scored.present))} of the {scored.split} split"
            plain(f"A new study is put beside {among}, {sum(scored.present):,} of them with {scored.of}.")


def _operating_points(bundle: mt.Bundle) -> None:
    manifest = bundle.manifest
    points = [manifest.operating_point] if manifest.operating_point else list(manifest.operating_points.values())
    with st.container(border=True):
        st.subheader("The operating point")
        if not points:
            st.text("There is none: the bundle gives probabilities and no decision.")
        for point in points:
            plain(f"A study is called {point.positive} from a probability of {words.number(point.threshold)} on.")
            fact("Sensitivity", f"{words.value(point.sensitivity)}, {words.interval(point.sensitivity)}")
            fact("Specificity", f"{words.value(point.specificity)}, {words.interval(point.specificity)}")
            plain(words.rule(point))
            plain(words.optimism(point))


def _limits(bundle: mt.Bundle) -> None:
    with st.container(border=True):
        st.subheader("What it must not be used for")
        show_limits(bundle.manifest)


def _origin(bundle: mt.Bundle) -> None:
    training = bundle.manifest.training
    with st.container(border=True):
        st.subheader("What it was trained on")
        show_training(bundle.manifest)
        fact("Training", f"{training.epochs} epochs, {training.steps:,} steps")
        rows = [
            {"Domain": printable(domain), "Class": printable(name), "Studies": count}
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
        {"Family": family, "Term": printable(name), "Strength and settings": printable(_settings(settings))}
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

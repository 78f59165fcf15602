"""The card of a model: whom it was trained on, and what it must not be used for. Screens and panels share it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from apps.evidence.trained_on import spread
from apps.text import fact, plain

if TYPE_CHECKING:
    import medtransfer as mt


def show_question(manifest: mt.Manifest) -> None:
    """Its classes, and which of them is the finding."""
    if manifest.task == "multilabel":
        fact("Findings, of which several may be there", ", ".join(manifest.classes))
    elif manifest.task == "ordinal":
        fact("Grades, from low to high", ", ".join(manifest.classes))
    else:
        fact("Classes", ", ".join(manifest.classes))
        fact("Positive class", manifest.positive or "none: every class has its probability")


def show_training(manifest: mt.Manifest) -> None:
    """Sites, modalities, and the patients by what was kept of them."""
    training, spectrum = manifest.training, manifest.training.spectrum
    fact("Sites", ", ".join(training.sites))
    fact("Modalities", ", ".join(training.modalities))
    if spectrum is None:
        st.text("How ages, sexes and manufacturers were spread was not kept.")
        return
    fact("Labelled studies", f"{spectrum.n_studies:,} of {spectrum.n_patients:,} patients")
    fact("Manufacturers", spread(manifest, "manufacturer"))
    fact("Age", spread(manifest, "age"))
    fact("Sex", spread(manifest, "sex"))
    if spectrum.first_month:
        fact("Dates", f"{spectrum.first_month} to {spectrum.last_month}")


def show_limits(manifest: mt.Manifest) -> None:
    """What it must not be used for."""
    plain(manifest.notice)
    st.markdown(
        "- Diagnosis, triage or treatment of any patient.\n"
        "- Findings other than its classes: it cannot say that something else is there.\n"
        "- Modalities, sites or patients it was not trained on, before it has been evaluated there.\n"
        "- Figures on the patients it was trained on: they flatter."
    )
    for note in manifest.training.notes:
        plain(f"Of its training: {note}")

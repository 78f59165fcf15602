"""Study: its images, and what the bundle says about them, at an operating point with its intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

import medtransfer as mt
from apps import words
from apps.bundle import forget_prediction, opened_bundle, predicted
from apps.choice import chosen_study
from apps.patients import patient_line
from apps.pictures import windowed
from apps.studies import MOST_FILES
from apps.text import plain, trouble

if TYPE_CHECKING:
    from apps.studies import Study
    from medtransfer import OperatingPoint, StudyImage, StudyResult

WIDE = 1_200  # pixels that a picture is drawn at, at least; the browser fits it into its column


def show() -> None:
    """The whole screen."""
    bundle = opened_bundle()
    if bundle is None:
        return
    study = chosen_study()
    if study is None:
        forget_prediction()
        st.title("No study is open")
        st.text("Choose a study on the left: from the folder on the server, or by uploading its files.")
        return
    if len(study.files) > MOST_FILES:
        trouble(
            "This study has too many files for this screen.",
            f"{study.name} has {len(study.files)} files, {MOST_FILES} are the most that are shown at once.",
            "If each file is a study of its own, start the app with this very folder as --studies. "
            "For whole cohorts use `medtransfer predict`.",
        )
        return
    try:
        result = predicted(bundle, study)
    except mt.MedTransferError as error:
        trouble("The network cannot be loaded.", error.message, error.hint or "")
        return
    readable = [(n, i) for n, i in zip(study.names, result.images, strict=True) if i.shown is not None]
    if not readable:
        st.warning("No image of this study could be read, so there is no prediction.")
        _say_what_to_note(bundle, study, result)
        return
    left, right = st.columns([3, 2], gap="large")
    with right:
        plain(study.name)
        if line := patient_line(study):
            plain(line)
        _say_prediction(bundle, result)
        _say_what_to_note(bundle, study, result)
        if bundle.manifest.operating_point is not None:
            _say_operating_point(bundle.manifest.operating_point)
        for point in bundle.manifest.operating_points.values():
            _say_operating_point(point)
    with left:
        _show_images(str(study.files), readable)


def _say_prediction(bundle: mt.Bundle, result: StudyResult) -> None:
    manifest = bundle.manifest
    if manifest.positive is not None:
        with st.container(border=True):
            probability = result.probabilities[manifest.positive]
            st.text(f"Probability of {manifest.positive}")
            st.metric("Probability", words.number(probability), label_visibility="collapsed")
            if manifest.operating_point is not None:
                plain(words.decision(manifest.operating_point, probability))
            st.caption("For the probability of a single study this bundle gives no interval.")
    else:
        _table_of(result.probabilities)
        for name, point in manifest.operating_points.items():
            plain(words.decision(point, result.probabilities[name]))
    if manifest.operating_point is None and not manifest.operating_points:
        st.text("This bundle has no operating point: a probability is given, and no decision.")


def _table_of(probabilities: dict[str, float]) -> None:
    rows = {"Class": list(probabilities), "Probability": [words.number(p) for p in probabilities.values()]}
    st.dataframe(rows, hide_index=True)


def _say_operating_point(point: OperatingPoint) -> None:
    with st.container(border=True):
        st.text("How often the operating point is right")
        sensitivity, specificity = st.columns(2)
        with sensitivity:
            st.metric("Sensitivity", words.value(point.sensitivity))
            plain(words.interval(point.sensitivity))
            plain(f"{words.studies(point.sensitivity.n)} with {point.positive}")
        with specificity:
            st.metric("Specificity", words.value(point.specificity))
            plain(words.interval(point.specificity))
            plain(f"{words.studies(point.specificity.n)} without")
        plain(words.rule(point))
        plain(words.optimism(point))


def _say_what_to_note(bundle: mt.Bundle, study: Study, result: StudyResult) -> None:
    """Flags of the prediction, and every file that could not be read, with the cure."""
    sentences = [words.flag(flag, bundle.manifest.training.modalities) for flag in result.flags]
    unread = [(n, i.problem) for n, i in zip(study.names, result.images, strict=True) if i.shown is None]
    if unread and result.probabilities:
        count = f"{len(unread)} of {len(study.files)} files"
        sentences.append(f"{count} could not be read: the probability rests on the others.")
    sentences += [f"{name} cannot be read: {problem}" for name, problem in unread]
    if sentences:
        with st.container(border=True):
            st.caption("Take note")
            for sentence in sentences:
                plain(sentence)


@st.fragment
def _show_images(key: str, images: list[tuple[str, StudyImage]]) -> None:
    """One image at a time; moving the window redraws the picture and predicts nothing anew."""
    number = 0
    if len(images) > 1:
        number = st.selectbox(
            "Image",
            range(len(images)),
            format_func=lambda i: f"{i + 1} of {len(images)} · {images[i][0]}",
            key=f"image {key}",
        )
    _, image = images[number]
    picture = image.shown
    if picture is None:
        return
    low, high = st.slider(
        "Window: what is black and what is white, in % of the display range",
        0,
        100,
        (0, 100),
        key=f"window {key} {number}",
    )
    shown = windowed(picture, low / 100, high / 100)
    st.image(shown, width=max(WIDE, picture.shape[1]), output_format="PNG")
    plain(words.facts(image.modality, image.attributes))
    for note in image.notes:
        plain(words.note(note))
    st.caption("Neither mirrored nor cropped. Eight bits on the screen; the model has more.")


show()

"""An evaluation and its studies, read once for each content of its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

import medtransfer as mt
from apps.research.content import content_key
from apps.settings import current_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apps.research.outputs import Outputs

FILE: Final = "evaluation.json"
_TABLE, _HEADER = "predictions.csv", "predictions.json"

ABSENT: Final = (
    "The predictions of this evaluation are not in the folder of runs: its figures are shown, and the studies behind "
    "them cannot be listed."
)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The studies of an evaluation, or why they cannot be listed, in a sentence."""

    studies: mt.JudgedStudies | None
    problem: str = ""


def evaluation_key(folder: Path) -> str:
    """What tells this evaluation from every other."""
    return content_key(folder / FILE)


@st.cache_resource(max_entries=16, show_spinner=False)
def read_once(key: str, _folder: Path) -> mt.Evaluation:
    """The evaluation of this content.

    Raises:
        MedTransferError: It cannot be read.
    """
    del key
    return mt.read_evaluation(_folder)


@st.cache_resource(max_entries=64, show_spinner="Drawing …")
def part_once(key: str, heading: str, _evaluation: mt.Evaluation) -> mt.ReportPart:
    """A part of its report."""
    del key
    return mt.report_part(_evaluation, heading)


def judged_beside(evaluation: mt.Evaluation, found: Outputs, *, key: str) -> Judged:
    """Its studies, from whichever predictions of the folder were evaluated."""
    problem = ABSENT
    for folder in _candidates(evaluation, found):
        try:
            return Judged(studies=_judged(key + content_key(folder / _TABLE, folder / _HEADER), evaluation, folder))
        except mt.MedTransferError as error:
            if error.code != "OtherPredictions":
                problem = f"The studies behind the figures cannot be listed: {error.message}."
    return Judged(studies=None, problem=problem)


def _candidates(evaluation: mt.Evaluation, found: Outputs) -> Iterable[Path]:
    given = current_settings().predictions
    folders = [] if given is None else [given if given.is_dir() else given.parent]
    for folder in dict.fromkeys([*folders, *found.predictions]):
        try:
            header = (folder / _HEADER).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if evaluation.provenance.bundle_sha256 in header:
            yield folder


@st.cache_resource(max_entries=4, show_spinner="Reading the predictions …")
def _judged(key: str, _evaluation: mt.Evaluation, _folder: Path) -> mt.JudgedStudies:
    del key
    return mt.judged_studies(_evaluation, mt.read_predictions(_folder))

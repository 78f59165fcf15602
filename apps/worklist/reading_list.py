"""The worklist as this person may see it: folder, predictions and reviews put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import medtransfer as mt
from apps.people import current_person
from apps.readers.records import all_standings
from apps.settings import current_settings
from apps.studies.choice import listed, tell_what_was_opened
from apps.text import trouble
from apps.worklist.predictions import Matched, read_matched
from apps.worklist.rows import Reader, next_unread, rows

if TYPE_CHECKING:
    from apps.studies.folder import Study
    from apps.worklist.rows import Row


def current_rows(bundle: mt.Bundle, reviews: mt.Reviews, matched: Matched) -> list[Row] | None:
    """Every row; None where the reviews cannot be read, having said why."""
    standings = all_standings(reviews)
    if standings is None:
        return None
    tell_what_was_opened(standings.sizes(), standings.by_name)
    clinic = current_settings().clinic
    reader = Reader(who=current_person().name, bundle=bundle, always=clinic.reveal == "always", triage=clinic.triage)
    return rows(listed().studies, matched, standings, reader)


def current_predictions(bundle: mt.Bundle) -> Matched:
    """The predictions beside the folder; none where they cannot be used, having said why."""
    path = current_settings().predictions
    if path is None:
        return Matched()
    try:
        matched, sha256 = read_matched(path, listed())
    except mt.MedTransferError as error:
        trouble("The predictions cannot be used.", f"{error.path or path}: {error.message}", error.hint or "")
        return Matched()
    if sha256 != bundle.sha256:
        trouble("The predictions were made by another bundle, and are not shown.", "Predict again with this one.")
        return Matched()
    return matched


def next_study(study: Study, bundle: mt.Bundle, reviews: mt.Reviews) -> str | None:
    """The next one to read, in order of arrival; None where there is none."""
    found = current_rows(bundle, reviews, Matched())
    return None if found is None else next_unread(found, study.name)

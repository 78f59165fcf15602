"""A reading: one study, one reader, one bundle. Every panel of the Study screen draws from it.

Until the model's answer may be seen, `result` is empty: a panel cannot show, even by mistake, what its reader must not
know yet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import medtransfer as mt
from apps.studies.scope import unanswerable

if TYPE_CHECKING:
    from apps.people import Person
    from apps.readers.standing import Standing
    from apps.settings import Settings
    from apps.studies.folder import Study

NOTHING: Final = mt.StudyResult(probabilities={}, decision="", flags=(), images=())
"""What is known of a study whose answer is not there, or not to be seen."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The study that is open, and all that may be shown beside it."""

    study: Study
    bundle: mt.Bundle
    views: mt.StudyViews
    """Its pictures, what could not be read, and the SHA-256 of its content."""
    result: mt.StudyResult
    """What the bundle says; `NOTHING` unless `revealed`."""
    person: Person
    settings: Settings
    revealed: bool
    """Whether this reader may see what the model says, and it is there."""
    token: str
    """Of the picture on display: `apps.server.shown.shown(token)` says how it is looked at."""
    no_score: tuple[str, ...] = ()
    """Why the model may not speak of this study, a sentence each; then it is never revealed."""

    def with_answer(self, result: mt.StudyResult) -> Reading:
        """The same reading once the model's answer is to be seen."""
        return replace(self, result=result, revealed=True)

    def without_score(self, reasons: tuple[str, ...]) -> Reading:
        """The same reading where the model turned out to have no answer."""
        return replace(self, no_score=reasons)


def new_reading(
    study: Study, bundle: mt.Bundle, views: mt.StudyViews, *, person: Person, settings: Settings, token: str
) -> Reading:
    """A reading as it begins: nothing of the model's answer is in it."""
    return Reading(
        study=study,
        bundle=bundle,
        views=views,
        result=NOTHING,
        person=person,
        settings=settings,
        revealed=False,
        token=token,
        no_score=unanswerable(bundle, views),
    )


def may_see(reading: Reading, left: Standing) -> bool:
    """Whether the model's answer may be shown to this person now.

    A reader speaks first, unless the clinic's file says otherwise. Who is no reader has nothing to be blinded for.
    """
    if reading.no_score:
        return False
    if reading.settings.clinic.reveal == "always" or "reader" not in reading.person.roles:
        return True
    return left.is_read(reading.person.name, reading.bundle.sha256)

"""Whether a study is one the model may speak of; where it is not, the reasons stand in place of a score.

The model was made from readable studies of certain modalities whose geometry is known. On others its probability
looks the same and means nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apps import words
from apps.notices import why_unread

if TYPE_CHECKING:
    import medtransfer as mt

GEOMETRY: Final = {
    "GeometryDisagreement": "what the file says of its own geometry does not agree",
    "NoOrientation": "the file does not say how the patient lies in it",
}
"""Notes of the reader that leave open which way round, or how large, a picture is."""


def modalities(bundle: mt.Bundle, views: mt.StudyViews) -> tuple[str, ...]:
    """Those of the study that the model was not trained on; none where the bundle does not say."""
    trained = set(bundle.manifest.training.modalities)
    return tuple(sorted({view.modality for view in views.views} - trained)) if trained else ()


def unanswerable(bundle: mt.Bundle, views: mt.StudyViews) -> tuple[str, ...]:
    """Why no score is shown, a sentence each; empty where one may be."""
    if not views.views:
        return ("No image of this study could be read.",)
    reasons = [
        words.flag(f"{words.UNTRAINED}{name}", bundle.manifest.training.modalities)
        for name in modalities(bundle, views)
    ]
    reasons += [
        f"{view.label or view.modality}: {GEOMETRY[code]}."
        for view in views.views
        for note in view.notes
        if (code := note.partition(": ")[0]) in GEOMETRY
    ]
    if lost := unread(views):
        reasons.append(f"{words.files(lost)} of this study could not be read: the model would not see all of it.")
    return tuple(dict.fromkeys(reasons))


def unanswered(result: mt.StudyResult, views: mt.StudyViews) -> tuple[str, ...]:
    """Why there is no score although the model was asked: it could not take what the viewer can show."""
    known = {one.path for one in views.unread}
    problems = [why_unread(image.code) for image in result.images if image.problem and image.path not in known]
    if not result.probabilities and not problems:
        return ("The model gave no answer.",)
    return tuple(f"The model cannot use an image of this study: {problem}" for problem in dict.fromkeys(problems))


def unread(views: mt.StudyViews) -> int:
    """Files that should have been read and could not: what is left out by rule, as a scout is, is not missed."""
    return sum(not one.by_rule for one in views.unread)


def flags(bundle: mt.Bundle, views: mt.StudyViews) -> tuple[str, ...]:
    """The same in a few words each, for the worklist."""
    found = [words.chip(f"{words.UNTRAINED}{name}") for name in modalities(bundle, views)]
    noted = {note.partition(": ")[0] for view in views.views for note in view.notes}
    found += ["geometry in doubt"] * bool(noted & GEOMETRY.keys())
    found += [words.chip(code) for code in sorted(noted & words.QUALITY.keys())]
    if (lost := unread(views)) and views.views:
        found.append(f"{words.files(lost)} not read")
    return tuple(found)

"""What is to note of a study in the list: what was met when it was opened, else what headers and predictions say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps import words
from apps.studies.scope import GEOMETRY
from apps.text import printable

if TYPE_CHECKING:
    import medtransfer as mt
    from apps.readers.standing import Standing
    from apps.studies.folder import Study
    from apps.worklist.predictions import Known


def noted(study: Study, known: Known | None, left: Standing | None, bundle: mt.Bundle) -> tuple[tuple[str, ...], str]:
    """Flags in a few words, and why it could not be read."""
    table = () if known is None else known.flags
    if left is not None and left.met:
        met = left.met
        flags = [str(flag) for flag in met.get("flags", ())] + other_images(study, known)
        return tuple(dict.fromkeys(map(printable, flags))), printable(str(met.get("failed", "")))
    found = set(study.told.notes)
    flags = [printable(words.chip(flag)) for flag in table]
    flags += [words.chip(f"{words.UNTRAINED}{name}") for name in foreign(study, known, bundle)]
    flags += ["geometry in doubt"] * bool(found & GEOMETRY.keys())
    flags += [words.chip(code) for code in sorted(found & words.QUALITY.keys())]
    flags += [f"{words.files(study.told.lost)} not read"] * bool(study.told.lost)
    flags += other_images(study, known)
    failed = study.told.failed
    if known is not None and known.status != "read":
        failed = printable(known.reason) or failed
    return tuple(dict.fromkeys(flags)), failed


def foreign(study: Study, known: Known | None, bundle: mt.Bundle) -> tuple[str, ...]:
    """Its modalities that the model was not trained on, as far as bundle, files and table say."""
    trained = set(bundle.manifest.training.modalities)
    met = {*study.told.modalities, "" if known is None else printable(known.modality)} - {""}
    return tuple(sorted(met - trained)) if trained else ()


def of_others(study: Study, known: Known | None) -> bool:
    """Whether the predictions were made from another number of images than lie here: then theirs is no score of it."""
    here = _here(study)
    return known is not None and known.status == "read" and here > 0 and known.several != (here > 1)


def other_images(study: Study, known: Known | None) -> list[str]:
    """The same in words, once it is known that no more of its images lie beside it."""
    if known is None or not study.settled or not of_others(study, known):
        return []
    if known.several:
        return ["predicted from several images, of which one is here"]
    return [f"predicted from one image, {_here(study)} are here"]


def _here(study: Study) -> int:
    """Images of the study, as far as is known; 0 where it is not."""
    return study.told.images or (len(study.files) if len(study.files) == 1 else 0)

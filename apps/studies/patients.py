"""Who a study is of: said to those who have the key of the pseudonyms, and to nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import medtransfer as mt
from apps.settings import current_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apps.settings import Settings
    from apps.studies.folder import Study

DISAGREE: Final = "the files disagree"


def may_name(settings: Settings) -> bool:
    """Whether the app has the key, and can read it: without it, nothing of it names a patient."""
    try:
        return settings.key is not None and bool(mt.read_key(settings.key))
    except mt.MedTransferError:
        return False


def patient_line(study: Study) -> str:
    """Who and which study it is, on one line; empty where the app was started without the key."""
    return " · ".join(patient_lines(study))


def patient_lines(study: Study) -> tuple[str, ...]:
    """Name; number and day of birth; the study's date and accession number; the pseudonym last.

    Empty where the app was started without the key. The key is read anew each time: once it is taken away, names are
    gone with the next look.
    """
    key_file = current_settings().key
    if key_file is None:
        return ()
    try:
        key = mt.read_key(key_file)
        images = mt.instances_of(study.files)
        person = _person(key, study, images)
    except mt.MedTransferError as error:
        return (f"The patient cannot be named, since the key cannot be used: {error.message}.",)
    if person is None:
        return ("The files do not say, or do not agree on, whose study this is.",)
    born, day, accession = (
        _agreed(values)
        for values in (
            (_date(one.birth_date) for one in images),
            (_date(one.study_date) for one in images),
            (one.accession_number for one in images),
        )
    )
    lines = (
        (person.name,),
        (_said("ID", person.patient_id), _said("Born", born)),
        (_said("Study of", day), _said("Accession", accession)),
        (f"Patient {person.pseudonym}",),
    )
    joined = (" · ".join(word for word in line if word) for line in lines)
    return tuple(line for line in joined if line)


def _person(key: mt.Key, study: Study, images: Sequence[mt.Instance]) -> mt.Person | None:
    """Asked of one file, once the headers of all agree on whose they are: to ask them all takes seconds."""
    if len({one.patient_id for one in images if one.patient_id}) != 1:
        return None
    found = (mt.person_of(key, [file]) for file in study.files)
    return next((person for person in found if person is not None), None)


def _agreed(values: Iterable[str]) -> str:
    """What all say, as far as they say anything, or that they differ."""
    several = {value for value in values if value}
    return DISAGREE if len(several) > 1 else "".join(several)


def _said(word: str, value: str) -> str:
    return f"{word}{':' * (value == DISAGREE)} {value}" if value else ""


def _date(day: str) -> str:
    """`1960-01-31` of DICOM's `19600131`, and of the older `1960.01.31`; anything else as it is."""
    digits = day.replace(".", "")
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 and digits.isdecimal() else day

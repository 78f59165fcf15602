"""Who a study is of: said to those who have the key of the pseudonyms, and to nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import medtransfer as mt
from apps.settings import current_settings

if TYPE_CHECKING:
    from apps.settings import Settings
    from apps.studies.folder import Study


def may_name(settings: Settings) -> bool:
    """Whether the app has the key, and can read it: without it, nothing of it names a patient."""
    try:
        return settings.key is not None and bool(mt.read_key(settings.key))
    except mt.MedTransferError:
        return False


def patient_line(study: Study) -> str:
    """Pseudonym, name and number of the study's patient; empty where the app was started without the key.

    The key is read anew each time: once it is taken away, names are gone with the next look.
    """
    key_file = current_settings().key
    if key_file is None:
        return ""
    try:
        person = mt.person_of(mt.read_key(key_file), study.files)
    except mt.MedTransferError as error:
        return f"The patient cannot be named, since the key cannot be used: {error.message}."
    if person is None:
        return "The files do not say, or do not agree on, whose study this is."
    return " · ".join(word for word in (f"Patient {person.pseudonym}", person.name, person.patient_id) if word)

"""Whether the model was made from studies of the patient who is being read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

import medtransfer as mt

if TYPE_CHECKING:
    from pathlib import Path

    from apps.readers.reading import Reading

SEEN: Final = "The model was made from studies of this patient, by the number in the files: its probability flatters."


def seen(reading: Reading) -> bool:
    """By the files' own numbers, or the pseudonyms of them where the app has the key.

    Files that do not say whose study it is, or do not agree, are nobody's: nothing is claimed.
    """
    manifest, key = reading.bundle.manifest, reading.settings.key
    if not manifest.training.patients:
        return False
    return _seen(reading.views.sha256, reading.bundle.sha256, str(key or ""), manifest, tuple(reading.study.files), key)


# The answer alone is kept, and no number: caches are shared by all sessions.
@st.cache_data(max_entries=512, show_spinner=False)
def _seen(
    study_sha256: str,
    bundle_sha256: str,
    key_file: str,
    _manifest: mt.Manifest,
    _files: tuple[Path, ...],
    _key: Path | None,
) -> bool:
    del study_sha256, bundle_sha256, key_file
    numbers = {one.patient_id for one in mt.instances_of(_files, settings=_manifest.read)}
    if len(numbers) != 1:
        return False
    return any(mt.has_seen(_manifest, number) for number in (*numbers, _pseudonym(_key, _files)))


def _pseudonym(key: Path | None, files: tuple[Path, ...]) -> str:
    try:
        person = None if key is None else mt.person_of(mt.read_key(key), files)
    except mt.MedTransferError:
        return ""
    return "" if person is None else person.pseudonym

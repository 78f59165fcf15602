"""Codes of findings: SNOMED CT where a class is called as the term is, otherwise our own, marked as such.

A class is matched by its whole name, never by a part: `no pneumonia` is no pneumonia, and `effusion` may be of a knee.
"""

from __future__ import annotations

import hashlib
from typing import Final

from pydicom.sr.coding import Code

from apps.exports.values import long_string

OURS: Final = "99MEDTRANSFER"
"""Designator of private codes. Reference: DICOM PS3.16, 8.2."""

DECISION: Final = Code("decision", OURS, "Call at the operating point")

_KNOWN: Final = {
    "atelectasis": ("46621007", "Atelectasis"),
    "cardiomegaly": ("8186001", "Cardiomegaly"),
    "covid-19": ("840539006", "COVID-19"),
    "intracranial hemorrhage": ("1386000", "Intracranial hemorrhage"),
    "normal": ("17621005", "Normal"),
    "pleural effusion": ("60046008", "Pleural effusion"),
    "pneumonia": ("233604007", "Pneumonia"),
    "pneumothorax": ("36118008", "Pneumothorax"),
    "pulmonary edema": ("19242006", "Pulmonary edema"),
    "pulmonary embolism": ("59282003", "Pulmonary embolism"),
    "tuberculosis": ("56717001", "Tuberculosis"),
}
_SPELLINGS: Final = {"haemorrhage": "hemorrhage", "oedema": "edema"}


def finding_code(name: str) -> Code:
    """The code of a class or label."""
    plain = " ".join(name.lower().replace("_", " ").split())
    for ours, theirs in _SPELLINGS.items():
        plain = plain.replace(ours, theirs)
    if plain in _KNOWN:
        value, meaning = _KNOWN[plain]
        return Code(value, "SCT", meaning)
    value = f"local-{hashlib.sha256(name.encode('utf-8', 'backslashreplace')).hexdigest()[:10]}"
    return Code(value, OURS, long_string(f"local: {name}"))

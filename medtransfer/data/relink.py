"""From pseudonyms back to people: computed again from the original files, which only who has the key can do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom import dcmread

from medtransfer.core.errors import MedTransferError, ReadError
from medtransfer.core.inert import one_line
from medtransfer.core.pseudonyms import pseudonym
from medtransfer.data.cohort import Cohort
from medtransfer.data.ingest import ingest
from medtransfer.data.loaders._containment import contained

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medtransfer.core.keys import Key
    from medtransfer.data.found import Item


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whom a pseudonym stands for. Held in memory, never written."""

    pseudonym: str
    patient_id: str
    name: str = ""
    """PatientName as a header writes it; empty where no header was asked or none says."""


def relink(key: Key, originals: Cohort | str | Path) -> dict[str, Person]:
    """Who hides behind which pseudonym.

    Args:
        key: The one that the pseudonyms were made with; another one gives names that occur nowhere.
        originals: A folder of studies, or a cohort as it was before de-identification.

    Returns:
        Pseudonym of the patient → the patient. Rows and files without a patient's number have none.

    Raises:
        ReadError: `NotFound` or `EmptyFolder`.
    """
    if isinstance(originals, Cohort):
        numbers = dict.fromkeys(number for number in originals.table["patient_id"] if number)
        return _by_pseudonym(_person(key, number) for number in numbers)
    items, _ = ingest(Path(originals))
    first: dict[str, Item] = {}
    for item in items:
        if item.facts.get("patient_id"):
            first.setdefault(item.facts["patient_id"], item)
    return _by_pseudonym(_person(key, number, patient_name(item.path)) for number, item in first.items())


def person_of(key: Key, files: Iterable[Path]) -> Person | None:
    """The patient of a study, or None where no file of it says or two files say two."""
    found: dict[str, Person] = {}
    for file in files:
        try:
            items, _ = ingest(file)
        except MedTransferError:
            continue  # a file that cannot be read says nothing; reading it for prediction says why
        for item in items:
            number = item.facts.get("patient_id", "")
            if number and number not in found:
                found[number] = _person(key, number, patient_name(item.path))
    return next(iter(found.values())) if len(found) == 1 else None


def patient_name(file: Path) -> str:
    """PatientName (0010,0010) of a DICOM file on one line; empty where there is none or it cannot be read."""
    try:
        with contained(file, [], library="Pydicom", doing="reading the header"):
            header = dcmread(file, stop_before_pixels=True, specific_tags=["PatientName", "SpecificCharacterSet"])
            return one_line(str(header.get("PatientName", "")))
    except ReadError:
        return ""


def _person(key: Key, number: str, name: str = "") -> Person:
    return Person(pseudonym=pseudonym(key, "patient", number), patient_id=number, name=name)


def _by_pseudonym(people: Iterable[Person]) -> dict[str, Person]:
    return {person.pseudonym: person for person in people}

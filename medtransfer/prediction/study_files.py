"""The files of one study: what they hold, what of them cannot be read, and a digest of what is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from medtransfer.core.errors import MedTransferError
from medtransfer.core.files import file_digest
from medtransfer.data.ingest import ingest_together
from medtransfer.data.walk import files_below

if TYPE_CHECKING:
    from medtransfer.core.config.data import ReadConfig
    from medtransfer.data.found import Item


class Unreadable(NamedTuple):
    """A file that cannot be read, and why: message and cure."""

    path: Path
    problem: str
    by_rule: bool = False
    """Left out by rule, as a scout or a report is: nothing is missing for that."""
    code: str = ""
    """Of the error, or of the rule."""


def found_in(files: Sequence[Path], settings: ReadConfig) -> tuple[list[Item], list[Unreadable]]:
    """Images and series of a study, the files of a series together; and what cannot be read.

    Files of several patients are no study: none of them is read.
    """
    there: list[Path] = []
    problems: list[Unreadable] = []
    for file in files:
        try:
            files_below(file)
            there.append(file)
        except MedTransferError as error:
            problems.append(Unreadable(file, said(error), code=error.code))
    try:
        items, ledger = ingest_together(there, settings=settings)
    except MedTransferError as error:
        return [], [*problems, Unreadable(Path(error.path or there[0]), said(error), code=error.code)]
    left_out = (row for row in ledger.rows if row.status != "read")
    problems += [
        Unreadable(Path(row.path), f"{row.reason}. {row.hint}".strip(), row.status == "excluded", row.code)
        for row in left_out
    ]
    patients = {item.facts["patient_id"] for item in items if item.facts.get("patient_id")}
    if len(patients) < 2:
        return list(items), problems
    why = f"one of {len(patients)} patients in this folder. Give the studies of each patient a folder of their own."
    return [], [*problems, *(Unreadable(item.path, why, code="MixedPatient") for item in items)]


def said(error: MedTransferError) -> str:
    """Message and cure in one line."""
    return f"{error.message}. {error.hint or ''}".strip()


def study_sha256(files: Sequence[Path]) -> str:
    """SHA-256 of what is in a study's files, whatever their names and order.

    It is the digest of the files' own digests, sorted. A file that cannot be read counts as such.
    """
    digests = sorted(_digest(file) for place in files for file in _regular(place))
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _regular(place: Path) -> list[Path]:
    """The files below a place; the archive itself for what is inside of one."""
    try:
        below = files_below(place)
    except MedTransferError:
        return [place]
    every = [file.path for file in below.files] + [entry.path for entry in (*below.failed, *below.excluded)]
    return sorted({path if path.exists() else next(p for p in path.parents if p.exists()) for path in every})


def _digest(file: Path) -> str:
    try:
        return file_digest(file)
    except OSError:
        return "unreadable"

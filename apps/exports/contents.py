"""What a report says: one frozen record, of which the preview, the PDF, the SR and the Secondary Capture are made.

Texts are plain and may be foreign: each kind of file makes them harmless in its own way. Two equal records make
equal files, byte by byte.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    import medtransfer as mt
    from apps.exports.snapshot import Snapshot

NOTICE: Final = "Research use only. Not a medical device."


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Whose study it is, as the files say: a pseudonym stays one. Empty where they do not say."""

    named: bool = True
    """Whether the app may name a person; without that, `name`, `number` and `birth_date` are empty."""
    name: str = ""
    number: str = ""
    birth_date: str = ""
    sex: str = ""
    deidentified: bool = False


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the model says of one class or label. Sentences are as the screens have them, empty where there is none."""

    name: str
    probability: float
    said: str
    """The probability in words: `0.73`, `above 0.99`."""
    caution: str = ""
    """Why the probability is not to be trusted like others, beside which it stands."""
    uncalibrated: float | None = None
    threshold: float | None = None
    called: bool | None = None
    """Whether the study is called positive; None where there is no operating point."""
    decision: str = ""
    frequency: str = ""
    """Natural frequency with its interval, or why there is none."""
    performance: tuple[str, ...] = ()
    """How often the operating point is right, with intervals, and on whom that was estimated."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """What was asked."""

    name: str
    version: str
    """Of medtransfer, which made the bundle."""
    sha256: str
    scope: tuple[tuple[str, str], ...]
    """What it was trained on, and what it must not be used for: label and words."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What the reader recorded: who, when (UTC), and what; parts that are empty were not said."""

    who: str
    at: str
    said: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Contents:
    """One report."""

    protocol: str
    """Id of the study protocol under which it leaves the app."""
    exported_by: str
    drawn_up: datetime
    """UTC, to the second."""
    study: str
    study_sha256: str
    study_date: str
    images: str
    """What was read: `CR · view PA · 2 files, all read`."""
    subject: Subject
    model: Model
    findings: tuple[Finding, ...]
    flags: tuple[str, ...] = ()
    impressions: tuple[Statement, ...] = ()
    feedback: tuple[Statement, ...] = ()
    picture: Snapshot | None = None
    instances: tuple[mt.Instance, ...] = ()
    """The DICOM images that it rests on; none where the study is not DICOM."""
    notice: str = NOTICE

    @property
    def identity(self) -> str:
        """SHA-256 of everything that it says, so that names and UIDs follow from it and from nothing else."""
        picture = self.picture.sha256 if self.picture else ""
        return hashlib.sha256(f"{self!r}{picture}".encode("utf-8", "backslashreplace")).hexdigest()

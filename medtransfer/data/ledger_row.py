"""One row of a ledger: what became of one input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.core.inert import one_line

if TYPE_CHECKING:
    from medtransfer.core.results import Status

COLUMNS = (
    "path", "loader", "status", "code", "stage", "reason", "hint", "study_id", "series_uid", "patient_id", "notes",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LedgerRow:
    """One input.

    Attributes:
        path: The file, as it was found.
        loader: Who looked at it; empty where no loader knows the format.
        status: `read`, `excluded` by a rule, or `failed`.
        code: The rule or the error's code; empty where it was read.
        stage: Where on the way it failed: `find`, `header`, `series`, `pixels`, `prepare`.
        reason: The rule's or error's words.
        hint: What to do about it.
        study_id: StudyInstanceUID, where the file says.
        series_uid: SeriesInstanceUID, where the file says.
        patient_id: PatientID, where the file says.
        notes: What was noticed and not acted on.
    """

    path: str
    loader: str = ""
    status: Status = "read"
    code: str = ""
    stage: str = ""
    reason: str = ""
    hint: str = ""
    study_id: str = ""
    series_uid: str = ""
    patient_id: str = ""
    notes: tuple[str, ...] = ()


def cells_of(row: LedgerRow) -> list[str]:
    """The row as text, each cell on one printable line; notes joined by `; `."""
    cells = [getattr(row, column) for column in COLUMNS]
    joined = ["; ".join(cell) if isinstance(cell, tuple) else cell for cell in cells]
    return [one_line(cell, limit=None) for cell in joined]

"""The files of an inspection, and what was done so that outputs name nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from medtransfer.core.errors import OutputError
from medtransfer.core.files import writable_folder, write_bytes, write_text
from medtransfer.data.inspection import Inspection
from medtransfer.reporting.inspection import render_inspection, sheet_of
from medtransfer.reporting.inspection_files import duplicates_csv, inspection_json

if TYPE_CHECKING:
    from medtransfer.data.confidentiality import Statement

STATEMENT = "deidentification.json"


def inspection_folder(place: str | Path, out: str | Path) -> Path:
    """Make the folder for an inspection's files, which would be inputs of the next one if it lay inside `place`.

    Raises:
        OutputError: `OutInsidePlace`, or it cannot be written to.
    """
    if Path(place).is_dir() and Path(out).resolve().is_relative_to(Path(place).resolve()):
        raise OutputError(
            "lies inside the folder that is inspected: what is written would be taken for its content",
            code="OutInsidePlace",
            path=out,
            hint="Choose a folder beside it with --out.",
        )
    return writable_folder(Path(out), private=True)


def write_inspection(inspection: Inspection, out: str | Path) -> Path:
    """Write what was found into a folder that does not lie inside the one inspected; returns the path of the page.

    `ledger.csv`, `ledger.parquet`, `inspection.json`, `inspection.html`, `contact_sheet.png` where a scan was read, and
    `duplicates.csv` where there are any. Of the last two, one that an earlier inspection left is removed.

    Raises:
        OutputError: The folder cannot be written to, or lies inside the one inspected.
    """
    folder = inspection_folder(inspection.place, out)
    inspection.ledger.write(folder)
    sheet = sheet_of(inspection)
    groups = duplicates_csv(inspection.duplicates) if inspection.duplicates.groups else None
    for name, content in (("contact_sheet.png", sheet), ("duplicates.csv", groups)):
        if content is None:
            (folder / name).unlink(missing_ok=True)
        else:
            write_bytes(folder / name, content, private=True)
    facts = json.dumps(inspection_json(inspection), indent=2, allow_nan=False)
    write_text(folder / "inspection.json", facts + "\n", private=True)
    write_text(folder / "inspection.html", render_inspection(inspection, sheet=sheet), private=True)
    return folder / "inspection.html"


def write_statement(statement: Statement, folder: str | Path) -> Path:
    """Write `deidentification.json`: what was done so that the output names nobody, and what was not.

    Raises:
        OutputError: The folder cannot be written to.
    """
    path = Path(folder) / STATEMENT
    write_text(path, json.dumps(statement.as_json(), indent=2) + "\n")
    return path

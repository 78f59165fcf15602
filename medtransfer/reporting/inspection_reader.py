"""An inspection read back from its files: `inspection.json`, `ledger.csv`, and `duplicates.csv` where there is one.

What comes back is what was found, but for the pictures, which lie in `contact_sheet.png`, and the patients of equal
pictures, which are numbers within their group.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, Final, cast, get_args

from pydantic import ValidationError

from medtransfer.core.errors import OutputError
from medtransfer.data.audit import Summary
from medtransfer.data.duplicates import COLUMNS, Duplicates, Group, Kind, Member
from medtransfer.data.fingerprint import Fingerprint
from medtransfer.data.inspection import Inspection
from medtransfer.data.ledger_reader import read_ledger, restored
from medtransfer.reporting.blocks import ReportBlock, blocks
from medtransfer.reporting.inspection import render_inspection

NAME: Final = "inspection.json"
_DUPLICATES: Final = "duplicates.csv"


def read_inspection(folder: Path) -> Inspection:
    """What `inspect` wrote into a folder.

    Raises:
        OutputError: `NotFound`, `NotAnInspection`, or the ledger cannot be read.
    """
    path = folder / NAME
    try:
        return _inspection(json.loads(path.read_text(encoding="utf-8")), folder)
    except FileNotFoundError as error:
        raise OutputError(
            "there is no inspection", code="NotFound", path=path, hint="Write one: `medtransfer inspect --out`."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError, RecursionError) as error:
        raise OutputError(
            f"is no inspection, or one that was cut short: {type(error).__name__}",
            code="NotAnInspection",
            path=path,
            hint="Inspect again: `medtransfer inspect --out`.",
        ) from error


def inspection_words(found: Inspection) -> tuple[ReportBlock, ...]:
    """The words and tables of its page, as plain pieces; its pictures are left out."""
    page = render_inspection(found, sheet=None)
    return blocks(page[page.index("<main>") : page.index("</main>")])


def _inspection(said: dict[str, Any], folder: Path) -> Inspection:
    ledger, same = read_ledger(folder), said["duplicates"]
    return Inspection(
        place=Path(said["place"]),
        ledger=ledger,
        summary=Summary(**said["summary"], facts=said["facts"], identifiers=said["identifiers"]),
        cohort=None if said["cohort"] is None else Fingerprint.model_validate(said["cohort"]),
        duplicates=Duplicates(
            groups=_groups(folder / _DUPLICATES) if same["groups"] else (),
            compared=int(same["compared"]),
            flat=int(same["flat"]),
            near=float(same["correlation"]),
        ),
        warnings=tuple(map(str, said["warnings"])),
        tiles=(),
    )


def _groups(path: Path) -> tuple[Group, ...]:
    rows: dict[str, list[dict[str, str]]] = {}
    table = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), strict=True)
    if tuple(table.fieldnames or ()) != COLUMNS:
        raise ValueError(path.name)
    for row in table:
        rows.setdefault(row["group"], []).append({name: restored(cell) for name, cell in row.items()})
    return tuple(_group(members) for members in rows.values())


def _group(rows: list[dict[str, str]]) -> Group:
    kind = rows[0]["kind"]
    if kind not in get_args(Kind):
        raise ValueError(kind)
    return Group(
        kind=cast("Kind", kind),
        correlation=float(rows[0]["correlation"]),
        members=tuple(
            Member(
                path=row["path"],
                part=row["part"],
                patient=row["patient_in_group"],
                split=row["split"],
                label=row["label"],
            )
            for row in rows
        ),
    )

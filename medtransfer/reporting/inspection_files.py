"""An inspection for scripts and spreadsheets: one JSON object, and a table of duplicates."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import TYPE_CHECKING

from medtransfer.core.inert import csv_cell, visible

if TYPE_CHECKING:
    from medtransfer.data.duplicates import Duplicates
    from medtransfer.data.inspection import Inspection


def inspection_json(found: Inspection) -> dict[str, object]:
    """What `--json` prints and `inspection.json` holds: counts, facts, duplicates and warnings.

    Values of identifiers are not in it; the ledger has every file.
    """
    counted = asdict(found.summary)
    facts = counted.pop("facts")
    identifiers = counted.pop("identifiers")
    return {
        "place": visible(str(found.place)),
        "counts": found.ledger.counts(),
        "reasons": [
            {"status": status, "code": code, "files": files}
            for (status, code), files in found.ledger.by_reason().items()
        ],
        "summary": counted,
        "facts": facts,
        "identifiers": identifiers,
        "duplicates": _duplicates(found.duplicates),
        "cohort": None if found.cohort is None else found.cohort.as_json(),
        "warnings": list(found.warnings),
    }


def duplicates_csv(found: Duplicates) -> bytes:
    """One row a member of a group, cells that a spreadsheet would run as formulas begin with ``'``."""
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    table = found.table()
    writer.writerow(table.columns)
    writer.writerows([csv_cell(cell) for cell in row] for row in table.itertuples(index=False, name=None))
    return content.getvalue().encode()


def _duplicates(found: Duplicates) -> dict[str, object]:
    """Groups by kind and border; the files of each stand in duplicates.csv."""
    return {
        "compared": found.compared,
        "flat": found.flat,
        "correlation": found.near,
        "groups": found.counts(),
        "images": sum(len(group.members) for group in found.groups),
        "labels_differ": sum(group.labels_differ for group in found.groups),
    }

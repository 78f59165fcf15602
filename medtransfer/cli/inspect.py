"""Look at every file in a folder (or every image a cohort table names), and say what became of it.

Examples:
    medtransfer inspect scans/
    medtransfer inspect hospital/cohort.csv --out inspection/
    medtransfer inspect scans/ --json --allow-failures 6
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from medtransfer.cli.common import Common, Outcome
from medtransfer.core.errors import FailedCasesError

if TYPE_CHECKING:
    from medtransfer.data.inspection import Inspection


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `inspect` takes."""

    place: Positional[Path]
    """Folder, image or cohort table."""
    out: Path | None = None
    """Write ledger.csv, ledger.parquet, inspection.html and contact_sheet.png here."""
    label: str = "label"
    """Column of the label in a cohort table."""
    allow_failures: int = 0
    """So many files may fail before the command ends with code 3."""


def run(arguments: Arguments) -> Outcome:
    """Inspect, and write what was found."""
    from medtransfer.core.files import writable_folder
    from medtransfer.data.ledger import require_allowed
    from medtransfer.pipeline import inspect, write_inspection

    if arguments.out is not None and arguments.place.exists():
        writable_folder(arguments.out)  # said before hours of decoding
    found = inspect(arguments.place, label=arguments.label, quiet=arguments.quiet or arguments.json)
    if arguments.out is not None:
        write_inspection(found, arguments.out)
    failure = None
    try:
        require_allowed(found.ledger, arguments.allow_failures)
    except FailedCasesError as error:
        failure = error
    return Outcome(facts=_facts(found), text=_text(found, arguments.out), failure=failure)


def _facts(found: Inspection) -> dict[str, object]:
    return {
        "place": str(found.place),
        "counts": found.ledger.counts(),
        "reasons": [
            {"status": status, "code": code, "files": files}
            for (status, code), files in found.ledger.by_reason().items()
        ],
        "facts": found.facts,
        "cohort": None if found.cohort is None else found.cohort.as_json(),
        "warnings": list(found.warnings),
    }


def _text(found: Inspection, out: Path | None) -> str:
    counts = found.ledger.counts()
    lines = [
        f"{counts['inputs']} files: {counts['read']} read, {counts['excluded']} excluded, {counts['failed']} failed."
    ]
    lines += [f"  {status:<9}{files:>6}  {code}" for (status, code), files in found.ledger.by_reason().items()]
    for fact, values in found.facts.items():
        shown = ", ".join(f"{value} ({files})" for value, files in list(values.items())[:5])
        lines.append(f"{fact}: {shown}{' …' if len(values) > 5 else ''}")
    if found.cohort is not None:
        classes = ", ".join(f"{name} {studies}" for name, studies in found.cohort.per_class.items())
        lines.append(f"cohort: {found.cohort.studies} studies of {found.cohort.patients} patients: {classes}")
    lines += [f"note: {warning}" for warning in found.warnings]
    if out is not None:
        lines.append(f"written to {out}: ledger.csv, inspection.html, contact_sheet.png")
    return "\n".join(lines)

"""Write a cohort once into prepared arrays: training and prediction then read these, and need the files no more.

Done again into the same folder, it decodes only what has changed.

Examples:
    medtransfer convert hospital/cohort.csv --out prepared/
    medtransfer convert hospital/ --out prepared/ --size 320 --workers 4
    medtransfer convert ct/ --out prepared/ --set preprocess.hu_window=[40,400] --allow-failures 3
    medtransfer convert hospital/ --out prepared/ --deidentify --keep-column scanner
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, UseAppendAction, arg

from medtransfer.cli.common import Common, Outcome
from medtransfer.cli.deidentification import Deidentification, deidentifier, unnamed_errors

if TYPE_CHECKING:
    from medtransfer.data.confidentiality import Statement


@dataclass(frozen=True, kw_only=True)
class Arguments(Deidentification, Common):
    """What `convert` takes."""

    cohort: Positional[Path]
    """Table of the studies, a folder with one, or class folders."""
    out: Path
    """Folder for the arrays, their ledger, and a cohort.csv that names them."""
    size: int | None = None
    """Side of the pictures in pixels; the same as `--set preprocess.size`."""
    set: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="KEY=VALUE")]] = ()
    """Change any key below `preprocess` or `read`; may be given several times."""
    label: str = "label"
    """Column of the label."""
    labels: str = ""
    """Several labels at once: their columns, such as `pneumonia,effusion`."""
    workers: int = 1
    """Processes that decode."""
    allow_failures: int = 0
    """So many cases may fail before the command ends with code 3; the others are written anyway."""


def run(arguments: Arguments) -> Outcome:
    """Convert, and say what was written."""
    from medtransfer.data.ledger import failure_beyond
    from medtransfer.pipeline.inspections import write_statement
    from medtransfer.pipeline.story import convert, read_cohort

    size = [] if arguments.size is None else [f"preprocess.size={arguments.size}"]
    unnamed, of_key = deidentifier(arguments, arguments.out)
    with unnamed_errors(unnamed, arguments.cohort):
        cohort = read_cohort(
            arguments.cohort,
            label=arguments.label,
            labels=[name.strip() for name in arguments.labels.split(",")] if arguments.labels else None,
            patients_unknown=True,
            allow_missing=arguments.allow_failures > 0,
        )
        written = convert(
            cohort,
            out=arguments.out,
            changes=(*size, *arguments.set),
            workers=arguments.workers,
            pseudonyms=unnamed,
            quiet=arguments.quiet or arguments.json,
        )
    statement = None if unnamed is None else unnamed.statement(cohort.table)
    if statement is not None:
        write_statement(statement, arguments.out)
    counts = written.ledger.counts()
    failure = failure_beyond(written.ledger, arguments.allow_failures)
    reasons = [f"  {status:<9}{rows:>6}  {code}" for (status, code), rows in written.ledger.by_reason().items()]
    text = "\n".join(
        (
            f"{counts['inputs']} cases: "
            + ", ".join(f"{counts[status]} {status}" for status in ("read", "excluded", "failed")),
            *reasons,
            f"{written.planes} pictures, {written.bytes / 2**20:.1f} MiB, in {written.seconds:.1f} s",
            f"written to {written.folder}: cohort.csv, prepared.json, arrays/, ledger.csv",
            *(() if statement is None else _said(statement)),
            *((of_key,) if of_key else ()),
            f"next: medtransfer plan {written.folder}",
        )
    )
    return Outcome(
        facts={
            "folder": str(written.folder),
            "counts": counts,
            "planes": written.planes,
            "bytes": written.bytes,
            "seconds": round(written.seconds, 1),
            **({} if statement is None else {"deidentification": statement.as_json()}),
        },
        text=text,
        failure=failure,
    )


def _said(statement: Statement) -> tuple[str, ...]:
    dropped = ", ".join(statement.dropped_columns) or "none"
    return (
        f"de-identified with key {statement.key_id}: see deidentification.json; columns dropped: {dropped}",
        "pixels are as they were: no complete de-identification is claimed",
    )

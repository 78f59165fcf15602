"""Look at every file in a folder (or every image a cohort table names), and say what became of it.

Every scan is decoded once. What is said: which files were excluded or failed and why, what the scans are, pictures that
occur twice (within a patient, across patients, across splits), labels that look wrong, and identifiers in headers.

Examples:
    medtransfer inspect scans/
    medtransfer inspect scans/ --out inspection/
    medtransfer inspect hospital/cohort.csv --out inspection/ --classes normal pneumonia
    medtransfer inspect scans/ --json --allow-failures 6
    medtransfer inspect scans/ --out inspection/ --deidentify
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from medtransfer.cli.common import Common, Outcome
from medtransfer.cli.deidentification import Deidentification, deidentifier, unnamed_errors


@dataclass(frozen=True, kw_only=True)
class Arguments(Deidentification, Common):
    """What `inspect` takes."""

    place: Positional[Path]
    """Folder, image or cohort table."""
    out: Path | None = None
    """Folder for inspection.html, inspection.json, ledger.csv, ledger.parquet, contact_sheet.png and, where there are
    any, duplicates.csv. Not inside the folder that is inspected."""
    label: str = "label"
    """Column of the label in a cohort table."""
    classes: tuple[str, ...] = ()
    """Labels that are right: every other one is pointed out."""
    near: float = 0.99
    """Correlation of thumbnails from which two pictures are taken for the same."""
    force: bool = False
    """Try DICOM files that lack the preamble."""
    volume: int | None = None
    """Which volume of a four-dimensional file to take, from 0; without it such files fail."""
    nifti_modality: Literal["", "CT", "MR", "PT"] = ""
    """What NIfTI files are, which do not say it themselves."""
    on_irregular: Literal["rule", "keep", "resample", "refuse"] = "rule"
    """What becomes of a series whose slices do not lie on one regular grid."""
    allow_failures: int = 0
    """So many files may fail before the command ends with code 3."""


def run(arguments: Arguments) -> Outcome:
    """Inspect, and write what was found."""
    from medtransfer.core.config.data import ReadConfig
    from medtransfer.core.config.toml import validated
    from medtransfer.data.ledger import failure_beyond
    from medtransfer.pipeline.inspections import inspection_folder, write_inspection, write_statement
    from medtransfer.pipeline.story import inspect
    from medtransfer.reporting.inspection_files import inspection_json
    from medtransfer.reporting.inspection_text import inspection_text

    if arguments.out is not None and arguments.place.exists():
        inspection_folder(arguments.place, arguments.out)  # said before hours of decoding
    choices = {name: getattr(arguments, name) for name in ("force", "volume", "nifti_modality", "on_irregular")}
    settings = validated(ReadConfig, choices, path="read")
    unnamed, of_key = deidentifier(arguments, arguments.out)
    with unnamed_errors(unnamed, arguments.place):
        found = inspect(
            arguments.place,
            label=arguments.label,
            classes=arguments.classes,
            near=arguments.near,
            settings=settings,
            deidentifier=unnamed,
            quiet=arguments.quiet or arguments.json,
        )
    if arguments.out is not None:
        write_inspection(found, arguments.out)
        if unnamed is not None:
            write_statement(unnamed.statement(), arguments.out)
    facts = inspection_json(found)
    if unnamed is not None:
        facts["deidentification"] = unnamed.statement().as_json()
    return Outcome(
        facts=facts,
        text="\n".join(filter(None, (inspection_text(found, out=arguments.out), of_key))),
        failure=failure_beyond(found.ledger, arguments.allow_failures),
    )

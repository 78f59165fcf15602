"""One row per study: a probability per class, the decision at the operating point, flags.

A run that was killed goes on where it stopped when the same command is given again. Studies whose files have
changed since are predicted anew.

Examples:
    medtransfer predict runs/pneumonia/bundle runs/pneumonia/cohort.csv --split test --out runs/pneumonia/test
    medtransfer predict bundle/ new_studies/cohort.csv --allow-failures 3
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from medtransfer.cli.common import Common, Outcome


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `predict` takes."""

    bundle: Positional[Path]
    """The bundle's folder."""
    cohort: Positional[Path]
    """Table of the studies, or a folder with one; labels may be empty."""
    split: str | None = None
    """Only the rows of this split."""
    out: Path = Path("predictions")
    """Folder for predictions.csv, predictions.json and the ledger."""
    cache: Path | None = None
    """Folder of prepared pictures to read from and add to, such as `fit`'s; default: nothing is kept."""
    label: str = "label"
    """Column of the label, which becomes `truth`."""
    patients_unknown: bool = False
    """Allow rows without a patient id."""
    allow_failures: int = 0
    """So many images may fail before the command ends with code 3; the others are predicted anyway."""


def run(arguments: Arguments) -> Outcome:
    """Predict, and say where the rows are."""
    from medtransfer.data.ledger import failure_beyond
    from medtransfer.pipeline.story import predict_run, read_bundle, read_cohort

    bundle = read_bundle(arguments.bundle)
    cohort = read_cohort(
        arguments.cohort,
        label=arguments.label,
        task=bundle.manifest.task,
        classes=bundle.manifest.classes,
        positive=bundle.manifest.positive,
        patients_unknown=arguments.patients_unknown,
        allow_missing=arguments.allow_failures > 0,
    )
    if arguments.split is not None:
        cohort = cohort.split(arguments.split)
    quiet = arguments.quiet or arguments.json
    found = predict_run(bundle, cohort, out=arguments.out, cache=arguments.cache, quiet=quiet)
    statuses = found.predictions.table["status"].value_counts().to_dict()
    return Outcome(
        facts={
            "predictions": str(arguments.out / "predictions.csv"),
            "studies": {name: int(statuses.get(name, 0)) for name in ("read", "excluded", "failed")},
            "images": found.ledger.counts(),
            "bundle_sha256": bundle.sha256,
        },
        text=f"{len(found.predictions.table)} studies: "
        + ", ".join(f"{count} {status}" for status, count in statuses.items())
        + f"\nwritten to {arguments.out}\nnext: medtransfer evaluate {arguments.out}",
        failure=failure_beyond(found.ledger, arguments.allow_failures),
    )

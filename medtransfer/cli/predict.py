"""One row per study: a probability per class, the decision at the operating point, flags.

A run that was killed goes on where it stopped when the same command is given again. Studies whose files have
changed since are predicted anew.

Examples:
    medtransfer predict runs/pneumonia/bundle runs/pneumonia/cohort.csv --split test --out runs/pneumonia/test
    medtransfer predict bundle/ new_studies/cohort.csv --allow-failures 3
    medtransfer predict bundle/ archive/cohort.csv --shard 2/8 --out parts/2
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
    shard: str = "1/1"
    """Only this part of the studies, such as 1/8, with an --out of its own; `medtransfer merge` puts them together."""
    store: str = ""
    """What else to keep of every study in features.parquet: embeddings, thumbnails, or both with a comma."""
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
    from medtransfer.data.listed import CohortFile
    from medtransfer.pipeline.story import predict_run, read_bundle

    bundle = read_bundle(arguments.bundle)
    cohort = CohortFile(
        path=arguments.cohort,
        label=arguments.label,
        split=arguments.split,
        patients_unknown=arguments.patients_unknown,
        allow_missing=arguments.allow_failures > 0,
    )
    done = predict_run(
        bundle,
        cohort,
        out=arguments.out,
        cache=arguments.cache,
        shard=arguments.shard,
        store=[word.strip() for word in arguments.store.split(",") if word.strip()],
        quiet=arguments.quiet or arguments.json,
    )
    whole = arguments.shard.endswith("/1")
    then = f"medtransfer evaluate {arguments.out}" if whole else "medtransfer merge, once every shard has ended"
    return Outcome(
        facts={
            "predictions": str(arguments.out / "predictions.csv"),
            "studies": done.studies,
            "images": done.images.counts(),
            "bundle_sha256": bundle.sha256,
        },
        text=f"{done.sentence()}\nwritten to {arguments.out}\nnext: {then}",
        failure=done.images.failure_beyond(arguments.allow_failures),
    )

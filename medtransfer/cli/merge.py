"""Put the shards of a run together: what an undivided run would have written, to the byte.

Every study of the cohort must have exactly one row. What is missing, there twice or of another run is named, and
nothing is written.

Examples:
    medtransfer merge parts/1 parts/2 parts/3 --out predictions
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from medtransfer.cli.common import Common, Outcome


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `merge` takes."""

    shards: Positional[tuple[Path, ...]]
    """The folders that `predict --shard` wrote, all of them, in any order."""
    out: Path = Path("predictions")
    """Folder for predictions.csv, predictions.json and the ledger."""
    allow_failures: int = 0
    """So many images may have failed before the command ends with code 3."""


def run(arguments: Arguments) -> Outcome:
    """Merge, and say where the rows are."""
    from medtransfer.pipeline.merging import merge_run

    done = merge_run(arguments.shards, out=arguments.out)
    return Outcome(
        facts={
            "predictions": str(arguments.out / "predictions.csv"),
            "shards": len(arguments.shards),
            "studies": done.studies,
            "images": done.images.counts(),
        },
        text=f"{done.sentence()}\nwritten to {arguments.out}\nnext: medtransfer evaluate {arguments.out}",
        failure=done.images.failure_beyond(arguments.allow_failures),
    )

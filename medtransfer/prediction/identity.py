"""What the rows of a journal belong to: bundle, cohort, settings and shard. Rows of two runs never mix."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from medtransfer.core.errors import OutputError
from medtransfer.core.journal import Journal
from medtransfer.core.records import Record
from medtransfer.prediction.shard import BATCH, Shard


class RunIdentity(Record):
    """Everything that a row depends on but the files of its study, whose state is part of the row's key."""

    schema_version: Literal[1] = 1
    bundle_sha256: str
    cohort_sha256: str
    """Of all rows that were asked for, those of other shards too."""
    patients_unknown: bool
    root: str
    """Folder that the cohort's paths are relative to; shards may have seen it at different places."""
    runtime: str
    stored: tuple[str, ...]
    columns: tuple[str, ...]
    """Of the prediction table."""
    batch: int = BATCH
    shard: int
    shards: int

    def part(self) -> Shard:
        """Which part of the cohort it is."""
        return Shard(number=self.shard, of=self.shards)


def identity_of(journal: Journal) -> RunIdentity:
    """What a journal says that it belongs to.

    Raises:
        OutputError: `OtherVersion`: another version of this program wrote it.
    """
    try:
        return RunIdentity.model_validate_json(journal.run)
    except ValidationError as error:
        raise OutputError(
            "the journal was written by another version of medtransfer",
            code="OtherVersion",
            path=journal.path,
            hint="Predict again with this version, into a new folder.",
        ) from error


def listing_path(folder: Path) -> Path:
    """Where a run's list of studies lies."""
    return folder / "cohort.sqlite"


def journal_path(folder: Path) -> Path:
    """Where a run's rows lie."""
    return folder / "predictions.sqlite"

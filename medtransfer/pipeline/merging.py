"""Shards of one run → the predictions of the whole cohort, every study exactly once or not at all.

The rows come from the shards' journals, in the order of the cohort, and are written as an undivided run writes them:
the files are the same to the byte.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from medtransfer.core.errors import ConfigError, OutputError, PredictionsError
from medtransfer.core.files import writable_folder
from medtransfer.core.journal import Journal
from medtransfer.data.listing import Listing
from medtransfer.evaluation.predictions_io import HEADER, TABLE, PredictionsHeader, predictions_of, read_header
from medtransfer.pipeline.shard_checks import OpenShard, check_every_row_once, check_same_run
from medtransfer.prediction.finished import Part, Summary, finished_rows, write_rows
from medtransfer.prediction.identity import RunIdentity, identity_of, journal_path, listing_path
from medtransfer.prediction.table import empty_features

if TYPE_CHECKING:
    from collections.abc import Sequence


def merge(folders: Sequence[str | Path], *, out: str | Path, allow_failures: int = 0) -> Path:
    """Put the shards of a run together; returns the path of the table, which `read_predictions` reads.

    Args:
        folders: What `predict --shard 1/n` to `n/n` wrote, in any order.
        out: Another folder, for what an undivided run would have written.
        allow_failures: How many images may have failed.

    Raises:
        PredictionsError: `MissingRows`, `DoubledRows` or `ForeignRows`, naming the studies; `OtherBundle`,
            `OtherCohort` or `OtherSettings`: a shard is of another run; `Unfinished`.
        OutputError: A folder holds no shard, or `out` cannot be written to.
        FailedCasesError: More images failed than allowed; what could be predicted is written first.
    """
    error = merge_run(folders, out=out).images.failure_beyond(allow_failures)
    if error is not None:
        raise error
    return Path(out) / TABLE


def merge_run(folders: Sequence[str | Path], *, out: str | Path) -> Summary:
    """`merge`, without an opinion on how many images may fail; memory does not grow with the cohort."""
    places, target = [Path(folder) for folder in folders], Path(out)
    if not places or target.resolve() in {place.resolve() for place in places}:
        raise ConfigError(
            "is one of the shards" if places else "no shards are named",
            code="NotAnotherFolder",
            path=target,
            hint="Name the folders of all shards, and with --out another one for the whole.",
        )
    with ExitStack() as files:
        shards = [_opened(place, files) for place in places]
        check_same_run(shards)
        check_every_row_once(shards)
        identity, studies = shards[0].identity, shards[0].part.listing.about.studies
        parts = {shard.identity.shard: shard.part for shard in shards}
        table = pd.DataFrame(columns=list(identity.columns))
        about = predictions_of(_header(shards), table, empty_features(identity.stored))
        rows = finished_rows(parts, shards=identity.shards, studies=studies)
        return write_rows(rows, about, writable_folder(target, private=True))


def _opened(folder: Path, files: ExitStack) -> OpenShard:
    for path in (journal_path(folder), listing_path(folder)):
        if not path.is_file():
            raise OutputError(
                f"has no {path.name}",
                code="NotAShard",
                path=folder,
                hint="Give the folders that `medtransfer predict --shard` wrote, with every file in them.",
            )
    journal = files.enter_context(Journal.existing(journal_path(folder)))
    listing = files.enter_context(Listing(listing_path(folder)))
    identity = identity_of(journal)
    return OpenShard(
        folder=folder, identity=identity, part=Part(listing=listing, journal=journal, shard=identity.part())
    )


def _header(shards: Sequence[OpenShard]) -> PredictionsHeader:
    """What the first shard that has ended says for all of them."""
    for shard in shards:
        path = shard.folder / HEADER
        if path.is_file():
            header = read_header(path)
            if _is_of(header, shard.identity):
                return header
    raise PredictionsError(
        f"no shard has the {HEADER} of this run",
        code="Unfinished",
        path=shards[0].folder,
        hint="Run `medtransfer predict` for one of them again: it goes on where it stopped, and writes it.",
    )


def _is_of(header: PredictionsHeader, identity: RunIdentity) -> bool:
    """False for what an earlier run left in the folder."""
    return (header.bundle_sha256, header.patients_unknown) == (identity.bundle_sha256, identity.patients_unknown)

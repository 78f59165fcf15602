"""The rows of a finished run, or of several shards of one, in the order of the cohort; and their way onto disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtransfer.core.errors import PredictionsError
from medtransfer.core.journal import Journal
from medtransfer.core.results import Predictions
from medtransfer.data.ledger_files import written_ledger
from medtransfer.data.listing import Listing
from medtransfer.data.tally import Tally
from medtransfer.evaluation.predictions_io import written_predictions
from medtransfer.prediction.shard import WHOLE, Shard
from medtransfer.prediction.table import ledger_rows, with_features


@dataclass(frozen=True, kw_only=True)
class Part:
    """Where the rows of one shard lie."""

    listing: Listing
    journal: Journal
    shard: Shard


@dataclass(frozen=True, kw_only=True)
class Summary:
    """How many studies and images of a run were read, excluded and failed."""

    studies: dict[str, int]
    images: Tally

    def sentence(self) -> str:
        """`10 studies: 9 read, 1 failed`."""
        parts = ", ".join(f"{count} {status}" for status, count in self.studies.items() if count)
        return f"{sum(self.studies.values())} studies: {parts}" if parts else "no studies"


def finished_rows(parts: Mapping[int, Part], *, shards: int, studies: int) -> Iterator[dict[str, Any]]:
    """The rows of some shards (by their numbers), in the order of the cohort; only a batch is held.

    Raises:
        PredictionsError: `MissingRows`: a study has no row.
    """
    for number, batch in enumerate(WHOLE.batches(studies)):
        part = parts.get(number % shards + 1)
        if part is None:
            continue
        keys = part.listing.keys(batch)
        found = part.journal.found(keys)
        for key, study in zip(keys, part.listing.names(batch), strict=True):
            if key not in found:
                raise PredictionsError(
                    f"study '{study}' has no row",
                    code="MissingRows",
                    path=part.journal.path,
                    hint="Run the same `medtransfer predict` again: it goes on where it stopped.",
                )
            yield with_features(found[key])


def write_rows(rows: Iterator[dict[str, Any]], about: Predictions, folder: Path) -> Summary:
    """Write predictions and ledger into a folder, each file whole or not at all, and count.

    Raises:
        OutputError: The folder cannot be written to.
    """
    studies: Counter[str] = Counter()
    images = Tally()
    with written_ledger(folder) as take_image, written_predictions(about, folder) as take_row:
        for row in rows:
            take_row(row)
            studies[row["status"]] += 1
            _each(ledger_rows(row), take_image, images.take)
    return Summary(studies={status: studies[status] for status in ("read", "excluded", "failed")}, images=images)


def _each(rows: list[Any], *takers: Callable[[Any], None]) -> None:
    for row in rows:
        for take in takers:
            take(row)

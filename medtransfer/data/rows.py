"""What the headers of a cohort's images say, row by row, without decoding any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.core.config.data import ReadConfig
from medtransfer.data.converted import Conversions
from medtransfer.data.ingest import DEFAULTS
from medtransfer.data.ledger import Ledger, LedgerRow
from medtransfer.data.names import case_names
from medtransfer.data.outcome import one_item

if TYPE_CHECKING:
    from medtransfer.data.cohort import Cohort
    from medtransfer.data.found import Item


def looked_at(cohort: Cohort, *, settings: ReadConfig = DEFAULTS) -> tuple[tuple[Item | None, LedgerRow], ...]:
    """For each row of the table: what can be read, None where nothing can, and its row of the ledger.

    A row that stands for converted arrays has nothing to read, and the row that it had when it was converted.
    """
    table = cohort.table
    empty = [""] * len(table)
    choices = [table[name].tolist() if name in table else empty for name in ("series_uid", "part")]
    conversions = Conversions()
    looks: list[tuple[Item | None, LedgerRow]] = []
    for path, name, series, part in zip(table["path"].tolist(), case_names(table), *choices, strict=True):
        stored = conversions.row(cohort.file(path), name[len(path) :])
        if stored is None:
            looks.append(one_item(cohort.file(path), series=series, part=part, settings=settings))
        else:
            looks.append((None, stored[1].ledger_row(str(cohort.file(path)))))
    return tuple(looks)


def rows_ledger(cohort: Cohort, *, settings: ReadConfig = DEFAULTS) -> Ledger:
    """The ledger of a cohort's rows as far as headers tell: `read` means here that nothing in them forbids it."""
    return Ledger(tuple(sorted((row for _, row in looked_at(cohort, settings=settings)), key=lambda row: row.path)))

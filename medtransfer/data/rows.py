"""What the headers of a cohort's images say, row by row, without decoding any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.core.config.data import ReadConfig
from medtransfer.data.converted import ARRAYS, Conversions
from medtransfer.data.ingest import DEFAULTS
from medtransfer.data.ledger import Ledger, LedgerRow
from medtransfer.data.names import case_names
from medtransfer.data.outcome import one_item
from medtransfer.data.stored.shards import SUFFIX, read_shard

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medtransfer.data.cohort import Cohort
    from medtransfer.data.found import Item
    from medtransfer.data.stored.shards import Stored


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


def stored_cases(cohort: Cohort) -> tuple[Stored, ...]:
    """What the headers of converted arrays say of the rows that stand for them; the arrays are not looked at."""
    conversions, known = Conversions(), {}
    cases: list[Stored] = []
    for path, name in zip(cohort.table["path"].tolist(), case_names(cohort.table), strict=True):
        found = conversions.row(cohort.file(path), name[len(path) :])
        if found is None or not found[1].key:
            continue
        home, row = found
        if home not in known:
            shards = map(read_shard, (home / ARRAYS).glob(f"*/*{SUFFIX}"))
            known[home] = {case.key: case for shard in shards if shard is not None for case in shard.cases}
        cases += [known[home][row.key]] if row.key in known[home] else []
    return tuple(cases)


def ledger_of(*looks: Iterable[tuple[Item | None, LedgerRow]]) -> Ledger:
    """The ledger of cohorts' rows as far as headers tell: `read` means here that nothing in them forbids it."""
    return Ledger(tuple(sorted((row for look in looks for _, row in look), key=lambda row: row.path)))

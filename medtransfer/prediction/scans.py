"""The scans of a cohort's rows as a bundle wants them: from a cache, from a converted cohort, or from the files."""

from __future__ import annotations

from pathlib import Path

from medtransfer.data.cache import prepare_cohort
from medtransfer.data.cohort import Cohort
from medtransfer.data.converted import Conversions
from medtransfer.data.decoding import Case, How, outcome
from medtransfer.data.ledger import LedgerRow
from medtransfer.data.names import case_names
from medtransfer.data.preprocess import Prepared
from medtransfer.models.bundle import Manifest


class Scans:
    """Prepared scans by the name of their case; files are decoded when asked for, and kept only where there is a cache.

    Args:
        cohort: The cohort, or those of its rows that will be asked for.
        manifest: The bundle's: how training read and prepared.
        cache: Folder of prepared pictures, or None.
        conversions: Converted folders that were met before.

    Raises:
        OutputError: The cache cannot be written to.
        CohortError: `OtherPreprocessing`: the cohort was converted with other settings.
    """

    def __init__(
        self, cohort: Cohort, manifest: Manifest, *, cache: Path | None, conversions: Conversions | None = None
    ) -> None:
        rows = cohort.table
        conversions = conversions or Conversions()
        self._how = How(preprocess=manifest.preprocess, read=manifest.read)
        self._cases: dict[str, Case] = {}
        self._prepared: dict[str, tuple[int | None, LedgerRow]] = {}
        names = case_names(rows)
        series, parts = (rows[name] if name in rows else [""] * len(rows) for name in ("series_uid", "part"))
        stored = []
        for name, path, uid, part in zip(names, rows["path"], series, parts, strict=True):
            self._cases[name] = Case(place=cohort.file(path), series=uid, part=part)
            stored.append(cache is not None or conversions.row(cohort.file(path), name[len(path) :]) is not None)
        if any(stored):
            ready = prepare_cohort(
                cohort.with_rows(rows[stored]),
                preprocess=manifest.preprocess,
                read=manifest.read,
                folder=cache or Path(),
                conversions=conversions,
            )
            self._arrays = ready.arrays
            number = iter(range(len(ready.arrays)))
            for row in ready.ledger.rows:
                self._prepared[row.path] = (next(number) if row.status == "read" else None, row)

    def of(self, name: str) -> tuple[Prepared | None, LedgerRow]:
        """One scan and its row; None where it could not be read."""
        if name not in self._prepared:
            found = outcome(self._cases[name], self._how)
            return found.prepared, found.row
        index, row = self._prepared[name]
        if index is None:
            return None, row
        return Prepared(planes=self._arrays[index], views=self._arrays.views(index)), row

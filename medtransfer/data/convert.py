"""Write a cohort once into prepared arrays that training and prediction read instead of the files."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.core.errors import CohortError, OutputError
from medtransfer.core.files import writable_folder, written_whole
from medtransfer.data.cache import prepare_cohort
from medtransfer.data.converted import ARRAYS, PREPARED, Conversion, Conversions, StoredRow, inner_names
from medtransfer.data.converted import write_conversion as write
from medtransfer.data.ledger import Ledger
from medtransfer.data.names import case_names

if TYPE_CHECKING:
    import pandas as pd

    from medtransfer.data.cohort import Cohort

COHORT = "cohort.csv"


@runtime_checkable
class Pseudonyms(Protocol):
    """How a cohort is published under other names: what `data/deidentify.py` offers, or nothing of the kind."""

    def cohort(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table under other names: the same rows in the same order, each `path` a name of its own."""
        ...

    def ledger(self, ledger: Ledger) -> Ledger:
        """The ledger under other names."""
        ...

    def notes(self, notes: Iterable[str]) -> tuple[str, ...]:
        """Notes as they may be stored."""
        ...

    def modality(self, modality: str) -> str:
        """A modality as it may be stored."""
        ...

    def check_pixels(self, facts: Mapping[str, str], notes: Iterable[str], path: Path) -> None:
        """Raise a `ReadError` for a case that must not be stored."""


@dataclass(frozen=True, kw_only=True)
class Converted:
    """What was written.

    Attributes:
        folder: Where.
        ledger: One row per row of the cohort, as it was written.
        planes: Pictures, slices and frames.
        bytes: Of the prepared values.
        seconds: What it took.
    """

    folder: Path
    ledger: Ledger
    planes: int
    bytes: int
    seconds: float


def convert_cohort(
    cohort: Cohort,
    *,
    folder: Path,
    preprocess: PreprocessConfig,
    read: ReadConfig,
    workers: int = 1,
    pseudonyms: Pseudonyms | None = None,
    quiet: bool = True,
) -> Converted:
    """Write `cohort.csv`, `prepared.json`, `ledger.csv`, `ledger.parquet` and the arrays.

    Done again, it decodes what has changed. What could not be read stays a row, failed or excluded as it was.

    Args:
        cohort: Any cohort but a converted one.
        folder: A new folder, or one that was converted into before.
        preprocess: From scan to planes.
        read: How files become scans.
        workers: Processes that decode.
        pseudonyms: Other names for everything that is written; the folder has to be a new one then.
        quiet: Show no progress bars.

    Raises:
        OutputError: `Unwritable`; `CohortExists`: a cohort that was not converted lies there; `NotNew`.
        CohortError: `AlreadyConverted`.
    """
    started = time.monotonic()
    _check(cohort, folder, must_be_new=pseudonyms is not None)
    prepared = prepare_cohort(
        cohort,
        preprocess=preprocess,
        read=read,
        folder=folder / ARRAYS,
        workers=workers,
        confidential=pseudonyms,
        quiet=quiet,
    )
    table = cohort.table.assign(path=inner_names(list(cohort.table["path"])))
    ledger = prepared.ledger
    if pseudonyms is not None:
        table = pseudonyms.cohort(cohort.table)
        ledger = Ledger(tuple(pseudonyms.ledger(Ledger((row,))).rows[0] for row in ledger.rows))
    names = case_names(table)
    ledger = Ledger(tuple(replace(row, path=name) for row, name in zip(ledger.rows, names, strict=True)))
    keys, kinds = iter(prepared.keys), iter(prepared.kinds)
    rows = tuple(
        StoredRow(
            name=row.path,
            key=next(keys) if row.status == "read" else "",
            loader=row.loader,
            status=row.status,
            code=row.code,
            stage=row.stage,
            reason=row.reason,
            hint=row.hint,
            modality=next(kinds) if row.status == "read" else "",
            notes=row.notes,
        )
        for row in ledger.rows
    )
    (folder / COHORT).unlink(missing_ok=True)  # the table comes last: no cohort without its arrays
    ledger.write(folder)
    write(folder, Conversion(preprocess=preprocess, read=read, rows=rows))
    with written_whole(folder / COHORT, private=True) as temporary:
        table.to_csv(temporary, index=False)
    planes = sum(prepared.arrays.planes(case) for case in range(len(prepared.arrays)))
    return Converted(
        folder=folder,
        ledger=ledger,
        planes=planes,
        bytes=2 * planes * prepared.arrays.channels * preprocess.size**2,
        seconds=time.monotonic() - started,
    )


def _check(cohort: Cohort, folder: Path, *, must_be_new: bool) -> None:
    conversions = Conversions()
    places = zip(cohort.table["path"], case_names(cohort.table), strict=True)
    if any(conversions.row(cohort.file(path), name[len(path) :]) for path, name in places):
        raise CohortError(
            "its cases are prepared arrays already",
            code="AlreadyConverted",
            path=cohort.source,
            hint="Copy the folder, or convert the original cohort again.",
        )
    there = [name for name in (COHORT, "cohort.parquet") if (folder / name).exists()]
    if there and not (folder / PREPARED).exists():
        raise OutputError(
            f"{there[0]} is in it, and it was not converted",
            code="CohortExists",
            path=folder,
            hint="Choose another folder with --out.",
        )
    if must_be_new and folder.exists() and any(folder.iterdir()):
        raise OutputError(
            "is not empty: what lies in it may name patients",
            code="NotNew",
            path=folder,
            hint="Choose a new folder with --out.",
        )
    writable_folder(folder, private=True)

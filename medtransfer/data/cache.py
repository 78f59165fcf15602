"""Prepared pictures of a cohort, decoded once and memory-mapped ever after.

One array a cohort, named by the digest of everything it depends on: name and bytes of every file,
the preprocessing and the version of this code. It is therefore never stale; it is verified before use, and made
again where it is damaged. Exception to "files are written whole": the array is filled in place under a temporary
name, then renamed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.lib.format import open_memmap
from pydantic import ValidationError

from medtransfer.core.files import file_digest, text_digest, write_text, written_whole
from medtransfer.core.progress import progress_bar
from medtransfer.core.records import Record
from medtransfer.core.types import PreparedPictures
from medtransfer.data.ledger import Ledger, LedgerRow
from medtransfer.data.outcome import prepared_file

if TYPE_CHECKING:
    import pandas as pd

    from medtransfer.data.cohort import Cohort

VERSION: Final = "1"
"""Raise it when loaders or preprocessing give other values for the same file."""


@dataclass(frozen=True, kw_only=True)
class PreparedCohort:
    """The pictures of a cohort that could be read, and what became of the others.

    Attributes:
        table: The cohort's rows of the pictures, in their order.
        pictures: `case channel row column`, memory-mapped.
        ledger: One row per row of the cohort, paths as in the cohort.
        modalities: Those met.
    """

    table: pd.DataFrame
    pictures: PreparedPictures
    ledger: Ledger
    modalities: tuple[str, ...]


class _Contents(Record):
    """What stands beside the array."""

    array_sha256: str
    rows: tuple[dict[str, Any], ...]
    modalities: tuple[str, ...]
    own_sha256: str = ""

    def digest(self) -> str:
        """Of everything but itself: what `own_sha256` ought to be."""
        return text_digest(self.model_dump_json(exclude={"own_sha256"}))


def prepare_cohort(cohort: Cohort, *, size: int, folder: Path, quiet: bool = True) -> PreparedCohort:
    """Every image of the cohort as the network wants it; from the cache where it holds exactly these.

    Args:
        cohort: What to prepare.
        size: Side of the pictures.
        folder: Where caches lie; several cohorts may share it.
        quiet: Show no progress bar.

    Raises:
        OutputError: The folder cannot be written to.
    """
    files = [cohort.file(path) for path in cohort.table["path"]]
    stem = folder / _key(files, size)
    contents = _verified(stem)
    if contents is None:
        contents = _fill(stem, files, size=size, quiet=quiet)
    rows = [LedgerRow(**{**row, "notes": tuple(row["notes"])}) for row in contents.rows]
    named = [
        replace(row, path=path, study_id=study, patient_id=patient)
        for row, path, study, patient in zip(
            rows, cohort.table["path"], cohort.table["study_id"], cohort.table["patient_id"], strict=True
        )
    ]
    was_read = [row.status == "read" for row in rows]
    pictures = cast("PreparedPictures", np.load(stem.with_suffix(".npy"), mmap_mode="r"))
    return PreparedCohort(
        table=cohort.table[was_read].reset_index(drop=True),
        pictures=pictures[: sum(was_read)],
        ledger=Ledger(tuple(named)),
        modalities=contents.modalities,
    )


def _key(files: list[Path], size: int) -> str:
    digests = [f"{file.name} {file_digest(file)}" if file.is_file() else f"absent {file}" for file in files]
    return text_digest("prepared", VERSION, str(size), *digests)


def _verified(stem: Path) -> _Contents | None:
    """What a cache holds, or None where there is none or it is damaged."""
    try:
        contents = _Contents.model_validate_json(stem.with_suffix(".json").read_text(encoding="utf-8"))
        intact = contents.own_sha256 == contents.digest() and (
            file_digest(stem.with_suffix(".npy")) == contents.array_sha256
        )
    except (OSError, ValidationError, UnicodeDecodeError):
        return None
    return contents if intact else None


def _fill(stem: Path, files: list[Path], *, size: int, quiet: bool) -> _Contents:
    """Decode every file into one array, grey unless a picture in it has colour."""
    with written_whole(stem.with_suffix(".npy")) as temporary:
        rows, modalities = _decode(temporary, files, size=size, channels=1, quiet=quiet)
        if rows is None:
            rows, modalities = _decode(temporary, files, size=size, channels=3, quiet=quiet)
    contents = _Contents(
        array_sha256=file_digest(stem.with_suffix(".npy")),
        rows=tuple(asdict(row) | {"path": ""} for row in rows or []),
        modalities=tuple(sorted(modalities - {""})),
    )
    contents = contents.model_copy(update={"own_sha256": contents.digest()})
    write_text(stem.with_suffix(".json"), contents.model_dump_json())
    return contents


def _decode(
    path: Path, files: list[Path], *, size: int, channels: int, quiet: bool
) -> tuple[list[LedgerRow] | None, set[str]]:
    """Rows and modalities; None instead of rows where colour turned up and there is room for grey only."""
    array = open_memmap(path, mode="w+", dtype=np.uint16, shape=(len(files), channels, size, size))
    rows: list[LedgerRow] = []
    modalities: set[str] = set()
    filled = 0
    with progress_bar("reading images", len(files), quiet=quiet) as advance:
        for file in files:
            picture, row, modality = prepared_file(file, size=size)
            rows.append(row)
            advance()
            if picture is None:
                continue
            if picture.shape[0] > channels:
                return None, modalities
            array[filled] = picture
            filled += 1
            modalities.add(modality)
    array.flush()
    return rows, modalities

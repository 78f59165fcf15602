"""A converted cohort: prepared arrays that stand for files, which need not be there any more.

    FOLDER/
      cohort.csv           the cohort; its paths are names that prepared.json resolves
      prepared.json        settings, and for every row of the cohort its key in the arrays, or why it has none
      arrays/<settings>/   shards (`data/shards.py`)
      ledger.csv, ledger.parquet

`prepared.json` carries its own SHA-256. The arrays are verified at every start against the digests in their shards.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ValidationError

from medtransfer import __version__
from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.core.errors import CohortError
from medtransfer.core.files import text_digest, write_text
from medtransfer.core.records import Record
from medtransfer.core.results import Status
from medtransfer.data.ledger import LedgerRow

PREPARED: Final = "prepared.json"
ARRAYS: Final = "arrays"

_REMEMBERED: Final = 10_000
"""Folders of which it is remembered whether they were converted."""


class StoredRow(Record):
    """One row of the cohort as it was converted."""

    name: str
    """What its `path` says, and which series where it says that (`case_name`)."""
    key: str = ""
    """Of its planes in the arrays; empty where it was not read."""
    loader: str = ""
    status: Status = "read"
    code: str = ""
    stage: str = ""
    reason: str = ""
    hint: str = ""
    modality: str = ""
    notes: tuple[str, ...] = ()

    def ledger_row(self, path: str = "") -> LedgerRow:
        """The row as the ledger has it."""
        return LedgerRow(
            path=path,
            loader=self.loader,
            status=self.status,
            code=self.code,
            stage=self.stage,
            reason=self.reason,
            hint=self.hint,
            notes=self.notes,
        )


class _Version(BaseModel):
    """What every `prepared.json` says, of whatever version."""

    schema_version: int = 0


class Conversion(Record):
    """What `prepared.json` says."""

    schema_version: Literal[2] = 2
    """1 did not say what the planes of a volume are, and cut volumes along other planes."""
    medtransfer_version: str = __version__
    preprocess: PreprocessConfig
    read: ReadConfig
    rows: tuple[StoredRow, ...]
    own_sha256: str = ""

    def digest(self) -> str:
        """Of everything but itself: what `own_sha256` ought to be."""
        return text_digest(self.model_dump_json(exclude={"own_sha256"}))


class Conversions:
    """Converted folders as they turn up, each read once."""

    def __init__(self) -> None:
        self._homes: dict[Path, Path | None] = {}
        self._rows: dict[Path, dict[str, StoredRow]] = {}
        self._read: dict[Path, Conversion] = {}

    def row(self, place: Path, pick: str = "") -> tuple[Path, StoredRow] | None:
        """The converted folder and row that a case's place stands for; None where it stands for itself.

        Args:
            place: Where the case would lie.
            pick: What of it is meant, as in `case_name`.

        Raises:
            CohortError: `DamagedConversion`: the folder's `prepared.json` is not as it was written; `OldConversion`.
        """
        place = place.resolve()
        home = self._home(place.parent)
        if home is None:
            return None
        row = self._rows[home].get(place.relative_to(home).as_posix() + pick)
        return None if row is None else (home, row)

    def conversion(self, home: Path) -> Conversion:
        """What a folder that `row` named says of itself."""
        return self._read[home]

    def _home(self, folder: Path) -> Path | None:
        if folder not in self._homes:
            if len(self._homes) >= _REMEMBERED:  # a folder a study: what is known of them must not grow with the cohort
                self._homes.clear()
            if _is_everybodys(folder):
                self._homes[folder] = None
            elif (folder / PREPARED).is_file():
                if folder not in self._read:
                    conversion = read_conversion(folder)
                    self._read[folder] = conversion
                    self._rows[folder] = {row.name: row for row in conversion.rows}
                self._homes[folder] = folder
            else:
                self._homes[folder] = None if folder.parent == folder else self._home(folder.parent)
        return self._homes[folder]


def _is_everybodys(folder: Path) -> bool:
    """True for a folder such as /tmp, where strangers leave files: it is no converted cohort, nor is any above it."""
    try:
        mode = folder.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_ISVTX and mode & stat.S_IWOTH)


def read_conversion(folder: Path) -> Conversion:
    """Read and verify `prepared.json`.

    Raises:
        CohortError: `DamagedConversion`; `OldConversion`: it was converted by an earlier version.
    """
    path = folder / PREPARED
    try:
        text = path.read_text(encoding="utf-8")
        _require_current(text, path)
        conversion = Conversion.model_validate_json(text)
        intact = conversion.own_sha256 == conversion.digest()
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise _damaged(path) from error
    if not intact:
        raise _damaged(path)
    return conversion


def write_conversion(folder: Path, conversion: Conversion) -> None:
    """Write `prepared.json`, whole or not at all and for its owner alone.

    Raises:
        OutputError: The folder cannot be written to.
    """
    complete = conversion.model_copy(update={"own_sha256": conversion.digest()})
    write_text(folder / PREPARED, complete.model_dump_json(), private=True)


def inner_names(paths: list[str]) -> list[str]:
    """The paths as names below one folder, each its own: `../scans/a.dcm` and `/scans/a.dcm` become `scans/a.dcm`."""
    names: list[str] = []
    taken: set[str] = set()
    for number, path in enumerate(paths):
        parts = [part for part in Path(path).parts if part not in {"..", os.sep} and not part.endswith(":\\")]
        name = "/".join(parts) or "case"
        if name in taken:
            name = f"case_{number}/{name}"
        taken.add(name)
        names.append(name)
    return names


def _require_current(text: str, path: Path) -> None:
    """Refuse what an earlier version converted: its planes are others than those that the files would give now."""
    if _Version.model_validate_json(text).schema_version == 1:
        raise CohortError(
            "was converted by an earlier version, which prepared volumes differently",
            code="OldConversion",
            path=path,
            hint="Convert the original cohort again with `medtransfer convert`.",
        )


def _damaged(path: Path) -> CohortError:
    return CohortError(
        "is not as it was written",
        code="DamagedConversion",
        path=path,
        hint="Copy the whole folder again, or make it again with `medtransfer convert`.",
    )

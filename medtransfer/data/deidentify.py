"""De-identification on the way in: what is stored, logged or shown names nobody, and still can be trained on.

Identifiers become keyed pseudonyms (`core/pseudonyms.py`), so that patients stay together across tables and splits.
A patient's dates all move back by the same number of days, so that order and intervals stay; the true quarter of the
year survives for splits by time. From an age of 90 years on nobody is told how old: `90+`. Everything that
`data/confidentiality.py` does not list is dropped.

Reference: DICOM PS3.15, E; ages: 45 CFR 164.514(b)(2)(i)(C), "all ages over 89 … a single category of age 90 or
older". The same paragraph allows no date finer than a year: a quarter is our choice, and is said in every output.
"""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from medtransfer.core.catalogue import did_you_mean
from medtransfer.core.errors import CohortError, ReadError
from medtransfer.core.inert import visible
from medtransfer.core.pseudonyms import day_shift, pseudonym
from medtransfer.core.wording import spelt_out, without_values
from medtransfer.data.cohort import patients
from medtransfer.data.confidentiality import COLUMNS_KEPT, COLUMNS_RENAMED, METHODS, RULES, Statement
from medtransfer.data.ledger import Ledger, LedgerRow
from medtransfer.data.scan import Identifiers
from medtransfer.data.terms import term, vendor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from medtransfer.core.errors import MedTransferError
    from medtransfer.core.keys import Key
    from medtransfer.data.audit import Summary
    from medtransfer.data.duplicates import Member
    from medtransfer.data.fingerprint import Fingerprint

BURNED_IN: Final = "BurnedIn"
OLDEST: Final = 90
QUARTER: Final = "quarter"

_SUFFIXES: Final = (
    ".nii.gz", ".nii", ".hdr", ".img", ".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp",
    ".zip", ".csv", ".parquet",
)  # fmt: skip
"""Endings of file names that say what a file is; any other may be part of a name or a UID."""

_MEASURES: Final = re.compile(r"[0-9.e+\- ×]{1,64}|[LRAPIS]{1,3}")
_LONGEST_TEXT: Final = 64
_AGE: Final = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*([YyMmWwDd]?)")
_YEARS_PER: Final = {"": 1.0, "y": 1.0, "m": 1 / 12, "w": 7 / 365.25, "d": 1 / 365.25}
_WHOLE_YEARS_FROM: Final = 2
_ULTRASOUND: Final = frozenset({"US", "IVUS"})
_OPTION: Final = re.compile(r"--[a-z-]+")
_CODE: Final = re.compile(r"[A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Deidentifier:
    """Takes names away, always the same way under one key.

    Attributes:
        key: Of the pseudonyms.
        keep_columns: Columns of a cohort that are kept as they are because the user asked for them by name.
        allow_burned_in: Let images through that declare burned-in text or cannot rule it out.
    """

    key: Key
    keep_columns: tuple[str, ...] = ()
    allow_burned_in: bool = False

    def file(self, path: str | PurePath, *, root: Path | None = None) -> str:
        """`F-…` and the file's suffix, where that is a well-known one.

        Args:
            path: The file. One spelling of it is named: relative to `root` where it lies below, with `/`.
            root: The folder that the user named.
        """
        shown = PurePath(path)
        for base in () if root is None else (root, root.absolute()):
            if shown.is_relative_to(base):
                shown = shown.relative_to(base)
                break
        suffix = next((ending for ending in _SUFFIXES if shown.name.lower().endswith(ending)), "")
        return pseudonym(self.key, "path", os.path.normpath(shown).replace("\\", "/")) + suffix

    def facts(self, facts: Mapping[str, str]) -> dict[str, str]:
        """What a header says (`Item.facts`, `Scan.attributes`), by the rules of `confidentiality.RULES`.

        A date is moved with its patient, or its study where the patient is unknown, and dropped where both are; its
        true quarter is added as `quarter`.
        """
        owner = facts.get("patient_id", "") or _as_patient(facts.get("study_uid", ""))
        kept = {name: self._fact(name, value, owner) for name, value in facts.items()}
        if facts.get("date"):
            kept[QUARTER] = quarter(facts["date"])
        return {name: value for name, value in kept.items() if value}

    def identifiers(self, identifiers: Identifiers) -> Identifiers:
        """The same scan's, as pseudonyms."""
        return Identifiers(**self.facts(asdict(identifiers)))

    def modality(self, modality: str) -> str:
        """A scan's modality where it is a term of the standard; `OT`, "other", where it is something else."""
        return term("modality", modality) or ("OT" if modality else "")

    def notes(self, notes: Iterable[str]) -> tuple[str, ...]:
        """Notes without the values they quote."""
        said = (without_values(note, otherwise=_head(note)) for note in notes)
        return tuple(dict.fromkeys(note for note in said if note))

    def error(self, error: MedTransferError, *, root: Path | None = None) -> MedTransferError:
        """The same error, naming the file by its pseudonym and without the values it quotes."""
        named = error.path is None or (_OPTION.fullmatch(error.path) and not os.path.lexists(error.path))
        return type(error)(
            without_values(error.message, otherwise=spelt_out(error.code)),
            code=error.code,
            path=error.path if named else self.file(error.path or "", root=root),
            hint=without_values(error.hint or "", otherwise="") or None,
            stage=error.stage,
        )

    def ledger(self, ledger: Ledger, *, root: Path | None = None) -> Ledger:
        """Every row, by another name: reasons, hints and notes keep the words of this package and lose all values."""
        rows = (self._row(row, root) for row in ledger.rows)
        return Ledger(tuple(sorted(rows, key=lambda row: row.path)))

    def cohort(self, table: pd.DataFrame) -> pd.DataFrame:
        """A cohort's table that names nobody; its rows and their order stay.

        `path`, `patient_id`, `study_id`, `series_uid` and `site` become pseudonyms, `date` moves, `quarter` (of the
        true date, `2024-Q1`) is added, `COLUMNS_KEPT` stay. Hospitals are renamed too: training needs to tell them
        apart, not to know them. All other columns are dropped but those in `keep_columns`, which are not changed.

        Args:
            table: As `Cohort.table`: all cells text, empty ones unknown.

        Raises:
            CohortError: `UnknownColumn`: a column that was asked for is not there.
        """
        self._check_columns(table)
        owners = patients(table)
        changed = self._renamed(table)
        if "date" in table:
            pairs = list(zip(table["date"], owners, strict=True))
            changed["date"] = [self.moved(day, owner) for day, owner in pairs]
            changed[QUARTER] = [quarter(day) for day, _ in pairs]
        if "age" in table:
            changed["age"] = [banded_age(age) for age in table["age"]]
        changed = {name: cells for name, cells in changed.items() if name not in self.keep_columns}
        kept = [name for name in table.columns if name not in self.dropped(table)]
        return table[kept].assign(**changed).reset_index(drop=True)

    def names_in(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table with its pseudonyms and nothing else changed: to look at it, not to hand it on."""
        return table.assign(**self._renamed(table))

    def dropped(self, table: pd.DataFrame) -> tuple[str, ...]:
        """Columns of a table that do not survive."""
        known = {*COLUMNS_RENAMED, *COLUMNS_KEPT, "date", *self.keep_columns}
        return tuple(str(name) for name in table.columns if name not in known)

    def summary(self, counted: Summary) -> Summary:
        """Counts of scans; values of facts that may name somebody are counted as not said."""
        facts: dict[str, dict[str, int]] = {}
        for name, values in counted.facts.items():
            for value, scans in values.items():
                kept = self._fact(name, value, "") if name in RULES else value
                of = facts.setdefault(name, {})
                of[kept] = of.get(kept, 0) + scans
        return replace(counted, facts=facts)

    def fingerprint(self, counts: Fingerprint) -> Fingerprint:
        """Counts of a cohort, with its hospitals renamed."""
        if "site" in self.keep_columns:
            return counts
        return counts.model_copy(update={"sites": tuple(sorted(self.sites(counts.sites)))})

    def member(self, member: Member) -> Member:
        """A picture of a group of equal ones, renamed."""
        return replace(member, path=self.file(member.path), patient=pseudonym(self.key, "patient", member.patient))

    def sites(self, sites: Iterable[str]) -> tuple[str, ...]:
        """Hospitals, renamed."""
        return tuple(pseudonym(self.key, "site", site) for site in sites)

    def moved(self, day: str, owner: str) -> str:
        """A date, moved back by its owner's number of days, in ISO form; empty where it is none or has no owner."""
        known = parsed_date(day)
        if known is None or not owner:
            return ""
        try:
            return (known - timedelta(days=day_shift(self.key, owner))).isoformat()
        except OverflowError:  # the years before Christ
            return ""

    def check_pixels(self, facts: Mapping[str, str], notes: Iterable[str], path: Path) -> None:
        """Refuse an image that shows text of a patient, or whose kind usually does and does not say otherwise.

        BurnedInAnnotation (0028,0301) YES is refused; ultrasound and secondary captures are unless it is NO.

        Args:
            facts: `Item.facts`, as they were.
            notes: The item's and the scan's.
            path: For the error.

        Raises:
            ReadError: `BurnedIn`.
        """
        declared = facts.get("burned_in", "").upper()
        notes = tuple(notes)
        flagged = declared == "YES" or any(note.startswith("BurnedInAnnotation") for note in notes)
        doubtful = facts.get("modality", "") in _ULTRASOUND or any(
            note.startswith("SecondaryCapture") for note in notes
        )
        if self.allow_burned_in or not (flagged or (doubtful and declared != "NO")):
            return
        what = "its header says so" if flagged else "images of its kind often do, and its header does not deny it"
        raise ReadError(
            f"the pixels may show who the patient is: {what}",
            code=BURNED_IN,
            path=path,
            hint="Look at it and leave it out, or let such images through with --allow-burned-in.",
            stage="prepare",
        )

    def statement(self, table: pd.DataFrame | None = None) -> Statement:
        """What was done, for the output; with the table before it was, which columns it lost."""
        kept = self.keep_columns
        methods = dict(METHODS)
        if "date" in kept:
            methods.pop("113107")
            methods["113106"] = "Retain Longitudinal Temporal Information Full Dates Option"
        if "site" in kept:
            methods["113112"] = "Retain Institution Identity Option"
        return Statement(
            methods=dict(sorted(methods.items())),
            dates="UNMODIFIED" if "date" in kept else "MODIFIED",
            key_id=self.key.id,
            kept_columns=kept,
            dropped_columns=() if table is None else self.dropped(table),
            burned_in_allowed=self.allow_burned_in,
        )

    def _fact(self, name: str, value: str, owner: str) -> str:
        rule = RULES.get(name)
        if rule is None:
            return ""
        match rule.action:
            case "patient" | "study" | "series" | "instance":
                kept = pseudonym(self.key, rule.action, value)
            case "shift":
                kept = self.moved(value, owner)
            case "age":
                kept = banded_age(value)
            case "measure":
                kept = value if _MEASURES.fullmatch(value) else ""
            case "term":
                kept = term(name, value)
            case "vendor":
                kept = vendor(value)
            case "text":
                kept = value if len(value) <= _LONGEST_TEXT and visible(value) == value else ""
        return kept

    def _row(self, row: LedgerRow, root: Path | None) -> LedgerRow:
        return replace(
            row,
            path=self.file(row.path, root=root),
            code=row.code if _CODE.fullmatch(row.code) else "",
            reason=without_values(row.reason, otherwise=spelt_out(row.code)),
            hint=without_values(row.hint, otherwise=""),
            study_id=pseudonym(self.key, "study", row.study_id),
            series_uid=pseudonym(self.key, "series", row.series_uid),
            patient_id=pseudonym(self.key, "patient", row.patient_id),
            notes=self.notes(row.notes),
        )

    def _renamed(self, table: pd.DataFrame) -> dict[str, list[str]]:
        return {
            name: [self.file(cell) if kind == "path" else pseudonym(self.key, kind, cell) for cell in table[name]]
            for name, kind in COLUMNS_RENAMED.items()
            if name in table
        }

    def _check_columns(self, table: pd.DataFrame) -> None:
        for name in self.keep_columns:
            if name not in table:
                raise CohortError(
                    f"there is no column '{name}' to keep.{did_you_mean(name, table.columns)}",
                    code="UnknownColumn",
                    path="--keep-column",
                    hint="Name a column of the cohort's table.",
                )


def parsed_date(day: str) -> date | None:
    """A date or a date with a time, in ISO form; None where it is neither."""
    try:
        return datetime.fromisoformat(day.strip()).date()
    except ValueError:
        return None


def quarter(day: str) -> str:
    """`2024-Q1` of an ISO date; empty where it is none."""
    known = parsed_date(day)
    return "" if known is None else f"{known.year:04}-Q{(known.month + 2) // 3}"


def banded_age(age: str) -> str:
    """An age (`61`, `061Y`, `18M`) in years that fits many people; empty where it is none.

    Whole years; tenths below two years; `90+` from 90 years on. Reference: 45 CFR 164.514(b)(2)(i)(C).
    """
    if age.strip() == f"{OLDEST}+":
        return age.strip()
    found = _AGE.fullmatch(age.strip())
    if found is None:
        return ""
    years = float(found[1]) * _YEARS_PER[found[2].lower()]
    if years >= OLDEST:
        return f"{OLDEST}+"
    return str(int(years)) if years >= _WHOLE_YEARS_FROM else f"{years:.1f}"


def _as_patient(study: str) -> str:
    """Who an unknown patient is: as `cohort.patients` says, one for each study."""
    return f"study:{study}" if study else ""


def _head(note: str) -> str:
    """The word that a note begins with, where that is one of ours; a note is kept by it."""
    head = note.partition(":")[0]
    return without_values(head, otherwise="")

"""Prepared cases of a cohort, decoded once and memory-mapped ever after.

A folder of shards (`data/store.py`), some dozens of cases each. A case is found by the digest of everything that its
values depend on (`data/content.py`): the bytes of its files, preprocessing, read settings and versions. So it is never
stale, a changed file costs that one case, and several cohorts and runs may share a folder. Only what was read is
kept: a case that failed is tried again, since a missing decoder or an unreachable disk may be there next time.

What is trusted at a start: nothing. Every source file is hashed, every stored case is compared with its own digest,
and a case whose files change while they are read is read again.

A row of a converted cohort (`data/converted.py`) is taken from that cohort's own arrays; there the arrays are the
source, and a case that is damaged has failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.core.errors import CohortError, MedTransferError, ReadError
from medtransfer.core.progress import progress_bar
from medtransfer.data.converted import ARRAYS, Conversions, StoredRow
from medtransfer.data.decoding import Case, How, outcome, outcomes
from medtransfer.data.ledger import Ledger, LedgerRow, after
from medtransfer.data.names import case_names
from medtransfer.data.outcome import READ_DEFAULTS, Outcome, one_item
from medtransfer.data.places import View
from medtransfer.data.stored.arrays import PreparedArrays
from medtransfer.data.stored.content import LIMITS, content_key, content_keys, settings_digest
from medtransfer.data.stored.shards import Mapped, Stored
from medtransfer.data.stored.store import Found, intact_cases, writing

if TYPE_CHECKING:
    import pandas as pd

    from medtransfer.data.cohort import Cohort

_TRIES: Final = 3
_DIGITS: Final = 16


@runtime_checkable
class Confidential(Protocol):
    """What has to be kept from a store: asked before a case is taken, and about its notes."""

    def check_pixels(self, facts: Mapping[str, str], notes: Iterable[str], path: Path) -> None:
        """Raise a `ReadError` for a case that must not be stored."""

    def notes(self, notes: Iterable[str]) -> tuple[str, ...]:
        """Notes as they may be stored."""
        ...

    def modality(self, modality: str) -> str:
        """A modality as it may be stored."""
        ...


@dataclass(frozen=True, kw_only=True)
class PreparedCohort:
    """The cases of a cohort that could be read, and what became of the others.

    Attributes:
        table: The cohort's rows of the cases, in their order.
        arrays: Their planes, memory-mapped.
        keys: Their keys in the store.
        ledger: One row per row of the cohort, named as `case_names` does.
        modalities: Those met.
        kinds: The modality of each case.
    """

    table: pd.DataFrame
    arrays: PreparedArrays
    keys: tuple[str, ...]
    ledger: Ledger
    modalities: tuple[str, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """What became of one row: its planes, or a ledger row that says why there are none."""

    row: LedgerRow
    key: str = ""
    place: tuple[Mapped, int] | None = None


def prepare_cohort(
    cohort: Cohort,
    *,
    preprocess: PreprocessConfig,
    read: ReadConfig = READ_DEFAULTS,
    folder: Path,
    workers: int = 1,
    confidential: Confidential | None = None,
    conversions: Conversions | None = None,
    quiet: bool = True,
) -> PreparedCohort:
    """Every case of the cohort as the network wants it; decoded only where the folder does not hold it.

    Args:
        cohort: What to prepare.
        preprocess: From scan to planes.
        read: How files become scans.
        folder: Where prepared cases lie; several cohorts and runs may share it.
        workers: Processes that decode.
        confidential: Keeps out what must not be stored.
        conversions: Converted folders that were met before.
        quiet: Show no progress bars.

    Raises:
        OutputError: The folder cannot be written to.
        CohortError: `OtherPreprocessing`: the cohort was converted with other settings; `DamagedConversion`;
            `OldConversion`.
    """
    table = cohort.table
    names = case_names(table)
    picks = list(zip(_column(table, "series_uid"), _column(table, "part"), strict=True))
    cases = [
        Case(place=cohort.file(path), series=series, part=part)
        for path, (series, part) in zip(table["path"], picks, strict=True)
    ]
    entries = _converted(cohort, cases, names, How(preprocess=preprocess, read=read), conversions or Conversions())
    others = [index for index in range(len(cases)) if index not in entries]
    how = How(preprocess=preprocess, read=read)
    made = _from_files([cases[i] for i in others], how, folder, workers, confidential, quiet=quiet) if others else []
    entries |= dict(zip(others, made, strict=True))
    return _cohort(table, names, [entries[index] for index in range(len(cases))])


def _from_files(
    cases: list[Case], how: How, folder: Path, workers: int, confidential: Confidential | None, *, quiet: bool
) -> list[_Entry]:
    """Entries of cases that have files, from the folder or decoded into it."""
    settings = settings_digest(how.preprocess, how.read)
    home = folder / settings[:_DIGITS]
    picks = [(case.series, case.part) for case in cases]
    keys = content_keys([case.place for case in cases], settings=settings, picks=picks, quiet=quiet)
    found = intact_cases(home, set(keys) - {""})
    lacking = [index for index, key in enumerate(keys) if key not in found]
    failed: dict[int, LedgerRow] = {}
    if lacking:
        with writing(home) as writer:
            found |= intact_cases(home, {keys[index] for index in lacking} - {""})  # what others wrote meanwhile
            first = {keys[i] or f"? {i}": i for i in reversed(lacking) if keys[i] not in found}
            todo = sorted(first.values())
            with progress_bar("reading images", len(todo), quiet=quiet) as advance:
                fresh = outcomes([cases[i] for i in todo], how, workers=workers)
                for index, result in zip(todo, fresh, strict=True):
                    sure, keys[index] = _unchanged(cases[index], how, settings, keys[index], result)
                    sure = _allowed(sure, cases[index], how, confidential)
                    if sure.prepared is None:
                        failed[index] = sure.row
                    else:
                        writer.add(_stored(sure, sure.prepared.views, keys[index], confidential), sure.prepared.planes)
                    advance()
            writer.flush()
            found |= writer.written
        for index in lacking:  # copies of a file that failed, or changed
            if index not in failed and keys[index] not in found:
                failed[index] = failed.get(first[keys[index]], _changing(cases[index]))
    entries = []
    for index, (case, key) in enumerate(zip(cases, keys, strict=True)):
        if index in failed:
            entries.append(_Entry(row=failed[index]))
        else:
            entries.append(_checked(_entry(found[key], key), case, how, confidential))
    return entries


def _unchanged(case: Case, how: How, settings: str, key: str, result: Outcome) -> tuple[Outcome, str]:
    """The outcome and the key of the very bytes that it was read from."""
    if result.prepared is None:
        return result, key
    for _ in range(_TRIES):
        now = content_key(case.place, settings=settings, series=case.series, part=case.part)
        if now and now == key:
            return result, key
        key, result = now, outcome(case, how)
        if result.prepared is None:
            return result, key
    return Outcome(prepared=None, row=_changing(case)), ""


def _changing(case: Case) -> LedgerRow:
    error = ReadError(
        "changes while it is read",
        code="ChangedWhileReading",
        path=case.place,
        hint="Wait until it is copied whole, and try again.",
        stage="pixels",
    )
    return after(LedgerRow(path=str(case.place)), error)


def _allowed(result: Outcome, case: Case, how: How, confidential: Confidential | None) -> Outcome:
    """The outcome, unless it must not be stored."""
    if confidential is None or result.prepared is None:
        return result
    row = _refused(result.row, case, how, confidential)
    return result if row.status == "read" else replace(result, prepared=None, row=row)


def _checked(entry: _Entry, case: Case, how: How, confidential: Confidential | None) -> _Entry:
    if confidential is None:
        return entry
    row = _refused(entry.row, case, how, confidential)
    return entry if row.status == "read" else _Entry(row=row)


def _refused(row: LedgerRow, case: Case, how: How, confidential: Confidential) -> LedgerRow:
    item, looked = one_item(case.place, series=case.series, part=case.part, settings=how.read)
    if item is None:
        return looked
    try:
        confidential.check_pixels(item.facts, (*item.notes, *row.notes), case.place)
    except MedTransferError as error:
        return after(row, error)
    return row


def _stored(result: Outcome, views: tuple[View, ...], key: str, confidential: Confidential | None) -> Stored:
    notes, modality = result.row.notes, result.modality
    if confidential is not None:
        notes, modality = confidential.notes(notes), confidential.modality(modality)
    return Stored(
        key=key,
        shape=(0, 0, 0, 0),
        views=views,
        sha256="",
        loader=result.row.loader,
        modality=modality,
        notes=notes,
    )


def _entry(place: tuple[Mapped, int], key: str) -> _Entry:
    stored = place[0].shard.cases[place[1]]
    return _Entry(row=LedgerRow(path="", loader=stored.loader, notes=stored.notes), key=key, place=place)


def _converted(
    cohort: Cohort, cases: list[Case], names: list[str], how: How, conversions: Conversions
) -> dict[int, _Entry]:
    """Entries of the rows that stand for stored arrays: number of the row → entry."""
    rows: dict[Path, dict[int, StoredRow]] = {}
    for index, (case, path, name) in enumerate(zip(cases, cohort.table["path"], names, strict=True)):
        known = conversions.row(case.place, name.removeprefix(str(path)))
        if known is not None:
            rows.setdefault(known[0], {})[index] = known[1]
    entries: dict[int, _Entry] = {}
    for home, theirs in rows.items():
        conversion = conversions.conversion(home)
        _check_settings(home, (conversion.preprocess, conversion.read), (how.preprocess, how.read))
        keys = {row.key for row in theirs.values() if row.key}
        found: Found = {}
        for store in sorted((home / ARRAYS).iterdir()) if (home / ARRAYS).is_dir() else []:
            found |= intact_cases(store, keys)
        entries |= {index: _of_stored(row, found, home) for index, row in theirs.items()}
    return entries


def _of_stored(row: StoredRow, found: Found, home: Path) -> _Entry:
    said = row.ledger_row()
    if row.status != "read":
        return _Entry(row=said)
    if row.key in found:
        return _Entry(row=said, key=row.key, place=found[row.key])
    error = ReadError(
        "its prepared array is damaged or gone",
        code="DamagedArray",
        path=home / ARRAYS,
        hint="Copy the converted folder again, or convert again from the original files.",
        stage="prepare",
    )
    return _Entry(row=after(replace(said, path=str(home / ARRAYS)), error))


def _check_settings(
    home: Path, theirs: tuple[PreprocessConfig, ReadConfig], ours: tuple[PreprocessConfig, ReadConfig]
) -> None:
    """Refuse arrays that were made with other settings: nothing here can make them again."""
    differing = [
        f"{room}.{name} is {stored[name]} and ought to be {wanted[name]}"
        for room, one, other in zip(("preprocess", "read"), theirs, ours, strict=True)
        for stored, wanted in [(one.model_dump(exclude=LIMITS), other.model_dump(exclude=LIMITS))]
        for name in stored
        if stored[name] != wanted[name]
    ]
    if differing:
        raise CohortError(
            f"was converted with other settings: {'; '.join(differing)}",
            code="OtherPreprocessing",
            path=home,
            hint="Plan with the settings it was converted with (--set preprocess.size=…), or convert the originals "
            "again with these.",
        )


def _cohort(table: pd.DataFrame, names: list[str], entries: list[_Entry]) -> PreparedCohort:
    rows = [
        replace(entry.row, path=name, study_id=study, patient_id=patient, series_uid=series)
        for entry, name, study, patient, series in zip(
            entries, names, table["study_id"], table["patient_id"], _column(table, "series_uid"), strict=True
        )
    ]
    there = [entry.place for entry in entries if entry.place is not None]
    kinds = tuple(mapped.shard.cases[index].modality for mapped, index in there)
    return PreparedCohort(
        table=table[[entry.place is not None for entry in entries]].reset_index(drop=True),
        arrays=PreparedArrays(there),
        keys=tuple(entry.key for entry in entries if entry.place is not None),
        ledger=Ledger(tuple(rows)),
        modalities=tuple(sorted(set(kinds))),
        kinds=kinds,
    )


def _column(table: pd.DataFrame, name: str) -> list[str]:
    return table[name].tolist() if name in table else [""] * len(table)

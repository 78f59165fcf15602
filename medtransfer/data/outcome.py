"""One case of a cohort, read and prepared, or the reason why not.

A case is what one row of a cohort names: a file, a member of an archive (`scans.zip/a.dcm`), or a folder (or archive)
that holds one series. Exactly one thing to read has to be there. What is excluded by rule (a localizer beside the
slices) does not matter; what failed does, since a slice that cannot be read is a slice that is missing. A single slice
of a series that is named alone is read as a picture, and noted as such.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.core.errors import MedTransferError, ReadError
from medtransfer.data.ingest import ingest, read
from medtransfer.data.ledger import LedgerRow, after
from medtransfer.data.preprocess import Prepared, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medtransfer.data.found import Item
    from medtransfer.data.ledger import Ledger

READ_DEFAULTS = ReadConfig()
SINGLE_SLICE = "SingleSlice: one slice of a series, read as a picture"
_SLICED = frozenset({"CT", "MR", "PT"})
_NAMED = 6


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one case.

    Attributes:
        prepared: Its planes; None where it was not read.
        row: Its row in the ledger, under the place as it was given.
        modality: DICOM modality; empty where it was not read.
    """

    prepared: Prepared | None
    row: LedgerRow
    modality: str = ""


def prepared_item(
    place: Path,
    *,
    preprocess: PreprocessConfig,
    settings: ReadConfig = READ_DEFAULTS,
    series: str = "",
    part: str = "",
) -> Outcome:
    """Read one case and prepare it; what goes wrong becomes a row, never an exception.

    Args:
        place: File, member of an archive, or folder with one series.
        preprocess: From scan to planes.
        settings: How files become scans.
        series: SeriesInstanceUID of the case, where `place` holds several.
        part: Which part of that series, such as `stack 2 of 3`.
    """
    item, row = one_item(place, series=series, part=part, settings=settings)
    if item is None:
        return Outcome(prepared=None, row=row)
    try:
        scan = read(item, settings=settings)
        prepared = prepare(scan, preprocess)
    except MedTransferError as error:
        return Outcome(prepared=None, row=after(row, error))
    lone = scan.kind == "picture" and scan.modality in _SLICED and not place.is_dir()
    notes = (*scan.notes, *([SINGLE_SLICE] if lone else []))
    return Outcome(prepared=prepared, row=after(row, notes), modality=scan.modality)


def one_item(
    place: Path, *, series: str = "", part: str = "", settings: ReadConfig = READ_DEFAULTS
) -> tuple[Item | None, LedgerRow]:
    """Look at one case without decoding it: what can be read (None where nothing can), and its row.

    The row is `excluded` where a rule left everything out, and `failed` where a file failed or the choice is not clear:
    `SeveralSeries` and `UnknownSeries` list what is there, for the columns `series_uid` and `part` of a cohort.
    """
    row = LedgerRow(path=str(place))
    try:
        items, ledger = ingest(place, settings=settings)
        row = replace(row, loader=_telling(ledger).loader)
        item = _chosen(place, items, ledger, series, part)
    except MedTransferError as error:
        return None, after(row, error)
    if item is not None:
        facts = item.facts
        return item, LedgerRow(
            path=str(place),
            loader=item.loader,
            study_id=facts.get("study_uid", ""),
            series_uid=facts.get("series_uid", ""),
            patient_id=facts.get("patient_id", ""),
            notes=item.notes,
        )
    return None, replace(_telling(ledger), path=str(place))


def _chosen(place: Path, items: Sequence[Item], ledger: Ledger, series: str, part: str) -> Item | None:
    """The one item that is meant; None where everything was excluded.

    Raises:
        ReadError: A file failed, or there is more or less than one.
    """
    failed = [row for row in ledger.failed() if not series or row.series_uid in {"", series}]
    if failed:
        first, more = failed[0], f" (and {len(failed) - 1} more files failed)" if len(failed) > 1 else ""
        elsewhere = f"{first.path}: " if first.path != str(place) else ""
        raise ReadError(
            f"{elsewhere}{first.reason}{more}", code=first.code, path=place, hint=first.hint or None, stage=first.stage
        )
    meant = [
        item
        for item in items
        if (not series or item.facts.get("series_uid", "") == series) and (not part or item.part == part)
    ]
    if len(meant) == 1:
        return meant[0]
    if not meant and not items:
        return None
    there = "; ".join(_description(item) for item in items[:_NAMED])
    more = f"; and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    asked = " ".join(word for word in (series, part) if word)
    raise ReadError(
        f"holds {len(items)} things to read: {there}{more}" if meant else f"holds no {asked}, but {there}{more}",
        code="SeveralSeries" if meant else "UnknownSeries",
        path=place,
        hint="Pick one with the columns `series_uid` and, within a series, `part` of the cohort table, or name its "
        "files' own folder.",
        stage="series",
    )


def _description(item: Item) -> str:
    facts = [item.facts.get(name, "") for name in ("modality", "matrix", "body_part")]
    said = ", ".join(fact for fact in (*facts, item.part) if fact)
    named = item.facts.get("series_uid", "") or item.path.name
    return f"{named} ({said})" if said else named


def _telling(ledger: Ledger) -> LedgerRow:
    """The row that says why nothing is left: a rule about images, before the one about files that are none."""
    return next((row for row in ledger.rows if row.loader), ledger.rows[0])

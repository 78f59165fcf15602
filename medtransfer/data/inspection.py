"""Look at everything in a folder or cohort: decode each scan once, and say what became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from medtransfer.core.config.data import ReadConfig
from medtransfer.core.errors import CohortError, ConfigError, MedTransferError
from medtransfer.core.inert import one_line
from medtransfer.core.progress import progress_bar
from medtransfer.data.audit import BURNED_IN, Seen, Summary, facts_of, summary
from medtransfer.data.cohort import read_cohort
from medtransfer.data.duplicates import NEAR, Duplicates, Look, Member, duplicates, pixel_digest, thumbnail
from medtransfer.data.fingerprint import fingerprint
from medtransfer.data.geometry import edge_letters
from medtransfer.data.ingest import DEFAULTS, ingest, read
from medtransfer.data.labels import label_warnings
from medtransfer.data.ledger import Ledger, after
from medtransfer.data.orient import acquired
from medtransfer.data.preprocess import plane_of, to_display
from medtransfer.data.rows import looked_at
from medtransfer.data.squares import pad_and_resize, pixel_ratio
from medtransfer.data.tables import TABLE_NAMES, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medtransfer.data.deidentify import Deidentifier
    from medtransfer.data.fingerprint import Fingerprint
    from medtransfer.data.found import Item
    from medtransfer.data.scan import Scan

THUMBNAILS: Final = 24
THUMBNAIL_SIZE: Final = 160
_TABLES: Final = frozenset({".csv", ".parquet"})


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One picture of the contact sheet.

    Attributes:
        picture: `row column` or `row column 3` in [0, 1], square.
        caption: The file's name.
        place: Which slice of how many, such as `slice 12 of 30`; empty for a picture.
        letters: Towards which side of the patient its top, right, bottom and left edges lie; empty where unknown.
    """

    picture: np.ndarray
    caption: str
    place: str = ""
    letters: tuple[str, str, str, str] = ("", "", "", "")


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What is in a folder.

    Attributes:
        place: The folder or table.
        ledger: One row per file, paths relative to `place`.
        summary: Counts of what was read.
        cohort: Counts of the cohort table, where there is a usable one.
        duplicates: Groups of pictures that are the same.
        warnings: What a user should know before planning.
        tiles: Some of the scans, evenly chosen.
    """

    place: Path
    ledger: Ledger
    summary: Summary
    cohort: Fingerprint | None
    duplicates: Duplicates
    warnings: tuple[str, ...]
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, kw_only=True)
class _Table:
    """The cohort table as far as it can be used: rows by resolved path, counts, and what is the matter."""

    rows: dict[str, dict[str, str]]
    counts: Fingerprint | None = None
    warnings: tuple[str, ...] = ()

    def of(self, item: Item, inputs: tuple[str, ...]) -> dict[str, str]:
        """The row that names the item's first file, or a folder or archive that holds it; empty where none does."""
        if not self.rows:
            return {}
        file = item.path.resolve()
        places = (Path(inputs[0]).resolve(), file, *file.parents)
        return next((self.rows[str(place)] for place in places if str(place) in self.rows), {})


def inspect_place(
    place: Path,
    *,
    label: str = "label",
    classes: Sequence[str] = (),
    near: float = NEAR,
    settings: ReadConfig = DEFAULTS,
    deidentifier: Deidentifier | None = None,
    quiet: bool = True,
) -> Inspection:
    """Decode every scan below a folder, or every image a cohort table names, one at a time.

    Args:
        place: A folder, an image, or a cohort table.
        label: Column of the label.
        classes: The labels that are right; others are pointed out. Empty: any may be.
        near: Correlation from which two pictures are taken for the same.
        settings: How files become scans.
        deidentifier: Takes names away from everything that is found.
        quiet: Show no progress bar.

    Raises:
        CohortError: The table cannot be used.
        ReadError: There is nothing at `place`.
        ConfigError: `near` is no correlation.
    """
    if not 0.5 <= near <= 1:
        raise ConfigError(f"{near} is not between 0.5 and 1", code="BadValue", path="near", hint="The default is 0.99.")
    root = place if place.is_dir() else place.parent
    found, ledger = _found(place, label, settings)
    table = _table(place, root, label, classes, deidentifier)
    shown = set(np.linspace(0, len(found) - 1, min(THUMBNAILS, len(found))).round().astype(int).tolist())
    rows = {row.path: row for row in ledger.rows}
    seen: list[Seen] = []
    looks: list[Look] = []
    tiles: list[Tile] = []
    with progress_bar("inspecting", len(found), quiet=quiet) as advance:
        for number, (item, inputs) in enumerate(found):
            outcome: MedTransferError | tuple[str, ...]
            try:
                scan = read(item, settings=settings)
                if deidentifier is not None:
                    deidentifier.check_pixels(item.facts, (*item.notes, *scan.notes), item.path)
                cut, _ = acquired(scan)
                plane = _middle(cut)
                picture = to_display(plane)
            except MedTransferError as error:
                outcome = error
            else:
                outcome = scan.notes
                said = table.of(item, inputs)
                seen.append(_seen(item, scan, said))
                looks.append(_look(item, scan, picture, said, root))
                if number in shown:
                    name = item.path.name if deidentifier is None else deidentifier.file(item.path, root=root)
                    tiles.append(_tile(name, cut, plane, picture))
                del scan, cut, plane, picture  # or two volumes would be held while the next one is read
            rows.update({path: after(rows[path], outcome) for path in inputs})
            advance()
    counted = summary(seen) if deidentifier is None else deidentifier.summary(summary(seen))
    same = duplicates(looks, near=near)
    inspection = Inspection(
        place=place,
        ledger=Ledger(tuple(replace(row, path=_relative(row.path, root)) for row in rows.values())),
        summary=counted,
        cohort=table.counts,
        duplicates=same,
        warnings=(*_same_warnings(same), *table.warnings, *_scan_warnings(counted)),
        tiles=tuple(tiles),
    )
    return inspection if deidentifier is None else _unnamed(inspection, deidentifier)


def _found(place: Path, label: str, settings: ReadConfig) -> tuple[list[tuple[Item, tuple[str, ...]]], Ledger]:
    """What can be read, each with the paths of its rows in the ledger: its files, or the path that a table names."""
    if place.is_dir() or place.suffix.lower() not in _TABLES:
        items, ledger = ingest(place, settings=settings)
        return [(item, tuple(map(str, item.paths))) for item in items], ledger
    cohort = read_cohort(place, label=label, patients_unknown=True, allow_missing=True)
    looks = sorted(looked_at(cohort, settings=settings), key=lambda look: look[1].path)
    return [(item, (row.path,)) for item, row in looks if item is not None], Ledger(tuple(row for _, row in looks))


def _unnamed(found: Inspection, deidentifier: Deidentifier) -> Inspection:
    """The same inspection under other names; what `inspect_place` wrote into it itself names nobody."""
    groups = tuple(
        replace(group, members=tuple(deidentifier.member(member) for member in group.members))
        for group in found.duplicates.groups
    )
    return replace(
        found,
        place=Path(deidentifier.file(found.place.resolve().name)),
        ledger=deidentifier.ledger(found.ledger),
        cohort=None if found.cohort is None else deidentifier.fingerprint(found.cohort),
        duplicates=replace(found.duplicates, groups=groups),
    )


def _table(
    place: Path, root: Path, label: str, classes: Sequence[str], deidentifier: Deidentifier | None = None
) -> _Table:
    """What the cohort table says; a folder without one is no error here."""
    if place.is_dir() and not any((place / name).is_file() for name in TABLE_NAMES):
        return _Table(rows={})
    if not place.is_dir() and place.suffix.lower() not in _TABLES:
        return _Table(rows={})
    try:
        raw, _ = read_table(place, label)
    except CohortError as error:
        return _Table(rows={}, warnings=(_unusable(error, deidentifier),))
    rows = {str((root / row["path"]).resolve()): row for row in raw.to_dict("records") if row.get("path")}
    labels = {path: {**row, "label": row.get(label, "")} for path, row in rows.items()}
    said_of = raw if deidentifier is None else deidentifier.names_in(raw)
    warnings = label_warnings(said_of, label=label, classes=classes)
    try:
        cohort = read_cohort(place, label=label, patients_unknown=True, allow_missing=True)
    except CohortError as error:
        return _Table(rows=labels, warnings=(_unusable(error, deidentifier), *warnings))
    return _Table(rows=labels, counts=fingerprint(cohort), warnings=warnings)


def _unusable(error: CohortError, deidentifier: Deidentifier | None) -> str:
    message = error.message if deidentifier is None else deidentifier.error(error).message
    return f"The cohort table cannot be used: {message}."


def _middle(scan: Scan) -> Scan:
    return scan if scan.kind == "picture" else plane_of(scan, scan.voxels.shape[0] // 2)


def _seen(item: Item, scan: Scan, row: dict[str, str]) -> Seen:
    notes = (*item.notes, *scan.notes)
    return Seen(
        facts=facts_of(item, scan),
        patient=_of_table(row, "patient_id") or item.facts.get("patient_id", ""),
        study=_of_table(row, "study_id") or item.facts.get("study_uid", ""),
        series=item.facts.get("series_uid", ""),
        paths=tuple(map(str, item.paths)),
        identifiers=item.identifiers,
        burned_in=item.facts.get("burned_in") == "YES" or any(note.startswith(BURNED_IN) for note in notes),
    )


def _look(item: Item, scan: Scan, picture: np.ndarray, row: dict[str, str], root: Path) -> Look:
    return Look(
        member=Member(
            path=_relative(str(item.path), root),
            part=item.part,
            patient=_of_table(row, "patient_id") or item.facts.get("patient_id", ""),
            split=_of_table(row, "split"),
            label=_of_table(row, "label"),
        ),
        digest=pixel_digest(scan.voxels),
        group=() if scan.kind == "picture" else scan.voxels.shape,
        thumbnail=thumbnail(picture),
    )


def _tile(name: str, scan: Scan, plane: Scan, picture: np.ndarray) -> Tile:
    planes = scan.voxels.shape[0]
    word = "slice" if scan.kind == "volume" else "frame"
    place = "" if scan.kind == "picture" else f"{word} {planes // 2 + 1} of {planes}"
    return Tile(
        picture=pad_and_resize(picture, size=THUMBNAIL_SIZE, ratio=pixel_ratio(plane)),
        caption=one_line(name),
        place=place,
        letters=edge_letters(plane),
    )


def _of_table(row: dict[str, str], column: str) -> str:
    return one_line(row.get(column, ""))


def _same_warnings(found: Duplicates) -> list[str]:
    """The groups that spoil a measurement, and pictures that show nothing."""
    said = []
    for where, consequence in (
        ("across splits", "a figure measured across them is too good"),
        ("across patients", "they may be one patient under two names, or copies"),
    ):
        n = sum(group.where == where and group.kind in {"exact", "near"} for group in found.groups)
        if n:
            said.append(f"The same picture {where}: {n:,} {'group' if n == 1 else 'groups'}; {consequence}.")
    differ = sum(group.labels_differ and group.kind in {"exact", "near"} for group in found.groups)
    if differ:
        said.append(f"The same picture has different labels in {differ:,} {'group' if differ == 1 else 'groups'}.")
    if found.flat:
        said.append(
            f"{found.flat:,} {'scan shows' if found.flat == 1 else 'scans show'} nothing: one value everywhere."
        )
    return said


def _scan_warnings(counted: Summary) -> list[str]:
    said = []
    modalities = counted.facts.get("modality", {})
    if len(modalities) > 1:
        listed = ", ".join(f"{value} ({count:,})" for value, count in list(modalities.items())[:5])
        said.append(f"Several modalities: {listed}. One network reads one of them.")
    if counted.burned_in:
        said.append(
            f"{counted.burned_in:,} {'scan says' if counted.burned_in == 1 else 'scans say'} that text is burned into "
            "the picture: it may name the patient."
        )
    return said


def _relative(path: str, root: Path) -> str:
    inner = Path(path)
    return str(inner.relative_to(root)) if inner.is_relative_to(root) else path

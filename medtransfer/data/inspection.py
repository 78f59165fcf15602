"""Look at everything in a folder or cohort: decode each image once, and say what became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtransfer.core.errors import CohortError, MedTransferError
from medtransfer.core.progress import progress_bar
from medtransfer.data.cohort import read_cohort
from medtransfer.data.fingerprint import fingerprint
from medtransfer.data.ingest import ingest, read
from medtransfer.data.ledger import Ledger
from medtransfer.data.outcome import one_file
from medtransfer.data.preprocess import pad_and_resize, to_display
from medtransfer.data.tables import TABLE_NAMES

if TYPE_CHECKING:
    from medtransfer.data.fingerprint import Fingerprint
    from medtransfer.data.found import Item
    from medtransfer.data.scan import Scan

THUMBNAILS = 24
THUMBNAIL_SIZE = 160


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What is in a folder.

    Attributes:
        place: The folder or table.
        ledger: One row per file, paths relative to `place`.
        facts: Fact (`modality`, `matrix`, `manufacturer`, …) → value → number of images.
        cohort: Counts of the cohort table, where there is a usable one.
        warnings: What a user should know before planning.
        pictures: Thumbnails in [0, 1] of the first images, and their captions.
    """

    place: Path
    ledger: Ledger
    facts: dict[str, dict[str, int]]
    cohort: Fingerprint | None
    warnings: tuple[str, ...]
    pictures: tuple[tuple[np.ndarray, str], ...]


def inspect_place(place: Path, *, label: str = "label", quiet: bool = True) -> Inspection:
    """Decode every image below a folder, or every image a cohort table names.

    Raises:
        CohortError: The table cannot be used.
        ReadError: There is nothing at `place`.
    """
    root = place if place.is_dir() else place.parent
    items, ledger = _found(place, root, label)
    outcomes: list[tuple[Item, MedTransferError | tuple[str, ...]]] = []
    facts: dict[str, Counter[str]] = {}
    pictures: list[tuple[np.ndarray, str]] = []
    with progress_bar("inspecting", len(items), quiet=quiet) as advance:
        for item in items:
            try:
                scan = read(item)
                shown = to_display(scan)
            except MedTransferError as error:
                outcomes.append((item, error))
            else:
                outcomes.append((item, scan.notes))
                for fact, value in _facts(item, scan).items():
                    facts.setdefault(fact, Counter())[value] += 1
                if len(pictures) < THUMBNAILS:
                    pictures.append((pad_and_resize(shown, size=THUMBNAIL_SIZE), item.path.name))
            advance()
    counts, warnings = _cohort(place, label)
    ledger = ledger.with_outcomes(outcomes)
    rows = tuple(replace(row, path=_relative(row.path, root)) for row in ledger.rows)
    return Inspection(
        place=place,
        ledger=Ledger(rows),
        facts={fact: dict(counter.most_common()) for fact, counter in sorted(facts.items())},
        cohort=counts,
        warnings=(*warnings, *_image_warnings(facts)),
        pictures=tuple(pictures),
    )


def _found(place: Path, root: Path, label: str) -> tuple[tuple[Item, ...], Ledger]:
    if place.is_dir() or place.suffix.lower() not in {".csv", ".parquet"}:
        return ingest(place)
    cohort = read_cohort(place, label=label, patients_unknown=True, allow_missing=True)
    outcomes = [one_file(root / path) for path in cohort.table["path"]]
    rows = sorted((row for _, row in outcomes), key=lambda row: row.path)
    return tuple(item for item, _ in outcomes if item is not None), Ledger(tuple(rows))


def _facts(item: Item, scan: Scan) -> dict[str, str]:
    low, high = scan.presentation.stored_range
    rows, columns = scan.voxels.shape[:2]
    facts = {
        "loader": item.loader,
        "modality": scan.modality,
        "matrix": f"{rows} × {columns}",
        "bit depth": str(int(high - low).bit_length()),
        "polarity": "inverted" if scan.presentation.inverted else "as stored",
    }
    return facts | {k: v for k, v in scan.attributes.items() if k in {"manufacturer", "view", "body_part"} and v}


def _cohort(place: Path, label: str) -> tuple[Fingerprint | None, tuple[str, ...]]:
    """Counts of the table, and what is the matter with it; a folder without one is no error here."""
    if place.is_dir() and not any((place / name).is_file() for name in TABLE_NAMES):
        return None, ()
    try:
        cohort = read_cohort(place, label=label, patients_unknown=True, allow_missing=True)
    except CohortError as error:
        return None, (f"The cohort table cannot be used: {error.message}.",)
    counts = fingerprint(cohort)
    warnings = []
    unknown = int((cohort.table["patient_id"] == "").sum())
    if unknown:
        warnings.append(f"{unknown} of {len(cohort)} rows have no patient_id: splits cannot keep patients together.")
    if counts.unlabelled:
        warnings.append(f"{counts.unlabelled} of {counts.studies} studies have no label.")
    labelled = cohort.studies()
    labelled = labelled[(labelled["label"] != "") & (labelled["patient_id"] != "")]
    both = int((labelled.groupby("patient_id")["label"].nunique() > 1).sum())
    if both:
        warnings.append(f"{both} patients have studies of several classes.")
    return counts, tuple(warnings)


def _image_warnings(facts: dict[str, Counter[str]]) -> list[str]:
    return [
        f"Several kinds of {fact}: {', '.join(f'{value} ({count})' for value, count in facts[fact].most_common(5))}."
        for fact in ("modality", "polarity")
        if len(facts.get(fact, ())) > 1
    ]


def _relative(path: str, root: Path) -> str:
    inner = Path(path)
    return str(inner.relative_to(root)) if inner.is_relative_to(root) else path

"""DICOM files with one frame: radiographs, and single slices.

`find` reads headers only; `load` decodes one image. What the header claims is checked against the
bytes held before anything is decoded, and every failure is a `ReadError` with a code. Reference:
DICOM PS3.10 (files), PS3.3 C.7.6.3 (pixels), C.11 (look-up tables).

A series of slices is refused here (`SeriesUnsupported`), as are multi-frame files (`MultiFrame`).
Several radiographs of one series are several items. Which files are left out, and why, stands in
`_dicom_rules`; which library decodes which transfer syntax, in `_dicom_pixels`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from medtransfer.core.errors import ReadError
from medtransfer.data.found import Excluded, Failed, Found, Item
from medtransfer.data.loaders._containment import contained
from medtransfer.data.loaders._dicom_claims import check_claims
from medtransfer.data.loaders._dicom_geometry import CROSS_SECTIONAL, slice_affine
from medtransfer.data.loaders._dicom_header import read_header, read_with_pixels, truncated
from medtransfer.data.loaders._dicom_notes import header_notes, value_notes
from medtransfer.data.loaders._dicom_pixels import available_syntaxes, decode
from medtransfer.data.loaders._dicom_presentation import colour_range, grey_presentation
from medtransfer.data.loaders._dicom_rules import left_out
from medtransfer.data.loaders._dicom_tags import age_in_years, iso_date, text
from medtransfer.data.loaders._signatures import has_dicom_magic
from medtransfer.data.scan import Identifiers, Presentation, Scan

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from medtransfer.core.config.data import ReadConfig
    from medtransfer.data.walk import FileBelow

__all__ = ["available_syntaxes", "find", "load"]

SUFFIXES = frozenset({".dcm", ".dicom"})
_IDENTIFIERS = {
    "patient_id": "PatientID",
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "instance_uid": "SOPInstanceUID",
}
_ATTRIBUTES = {
    "sex": "PatientSex",
    "view": "ViewPosition",
    "manufacturer": "Manufacturer",
    "body_part": "BodyPartExamined",
}


def find(files: tuple[FileBelow, ...], *, settings: ReadConfig) -> Found:
    """The DICOM files among `files`: readable, excluded by a rule, or failed.

    A file is taken for DICOM when `DICM` stands at byte 128, or when its name ends in .dcm or .dicom.
    """
    items: list[Item] = []
    excluded: list[Excluded] = []
    failed: list[Failed] = []
    for file in files:
        if not has_dicom_magic(file.head) and file.path.suffix.lower() not in SUFFIXES:
            continue
        try:
            seen = _look(file.path)
        except ReadError as error:
            failed.append(Failed(path=file.path, error=error))
            continue
        if isinstance(seen, Item):
            items.append(seen)
        else:
            excluded.append(seen)
    single, series = _without_series(items)
    failed.extend(series)
    return Found(
        items=tuple(single),
        excluded=tuple(excluded),
        failed=tuple(sorted(failed, key=lambda failure: failure.path)),
    )


def load(item: Item, *, settings: ReadConfig) -> Scan:
    """Read one image.

    Args:
        item: What `find` found.
        settings: How files become scans.

    Raises:
        ReadError: Its `code` says what is wrong: `EmptyFile`, `NotDicom`, `WrongFormat`, `Truncated`,
            `MissingTag`, `BadTag`, `BadPixels`, `ExtraPixels`, `BadScaling`, `MultiFrame`, `SizeLimit`,
            `UnsupportedSyntax`, `NoPixels`, `Corrupt` or `Unreadable`.
    """
    path = item.path
    notes: list[str] = []
    header = read_header(path)
    with contained(path, notes, library="Pydicom", doing="reading the header"):
        rule = left_out(header, path)
        if rule is not None and not header.pixel_keyword:
            raise ReadError(rule.reason, code="NoPixels", path=path, hint="Leave this file out of the cohort.")
        check_claims(header, path, max_bytes=settings.max_bytes)
        facts = _facts(header.dataset)
        affine = slice_affine(header.dataset, notes)
        notes.extend(header_notes(header.dataset, path))
    whole = read_with_pixels(path)
    if "PixelData" not in whole.dataset:
        raise truncated("the compressed pixel data end without their delimiter", path)
    with contained(path, notes, library="Pydicom", doing="decoding the pixels"):
        voxels, photometric = decode(whole.dataset, whole.syntax, path)
        if photometric == "RGB":
            presentation = Presentation(stored_range=colour_range(whole.dataset, voxels))
        else:
            presentation = grey_presentation(whole.dataset, photometric, path, notes)
        notes.extend(value_notes(voxels, presentation))
    named = _IDENTIFIERS.keys() | {"modality"}
    return Scan(
        voxels=voxels,
        affine=affine,
        modality=facts.get("modality", "OT"),
        presentation=presentation,
        identifiers=Identifiers(**{name: facts.get(name, "") for name in _IDENTIFIERS}),
        path=path,
        attributes={name: value for name, value in facts.items() if name not in named},
        notes=tuple(dict.fromkeys([*whole.notes, *notes])),
    )


def _look(path: Path) -> Item | Excluded:
    header = read_header(path)
    with contained(path, [], library="Pydicom", doing="reading the header"):
        rule = left_out(header, path)
        if rule is not None:
            return rule
        check_claims(header, path)
        return Item(paths=(path,), loader="dicom", facts=_facts(header.dataset))


def _facts(dataset: Dataset) -> dict[str, str]:
    """Identifiers and harmless attributes, one printable line each; what is empty is left out."""
    facts = {name: text(dataset, keyword) for name, keyword in {**_IDENTIFIERS, **_ATTRIBUTES}.items()}
    facts["modality"] = text(dataset, "Modality")
    facts["age"] = age_in_years(text(dataset, "PatientAge"))
    facts["date"] = iso_date(text(dataset, "StudyDate"))
    facts["burned_in"] = "YES" if text(dataset, "BurnedInAnnotation").upper() == "YES" else ""
    return {name: value for name, value in facts.items() if value}


def _without_series(items: list[Item]) -> tuple[list[Item], list[Failed]]:
    """Slices that belong together fail, each by name: reading one of them as an image would be a lie."""
    series: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if item.facts.get("modality") in CROSS_SECTIONAL and item.facts.get("series_uid"):
            series[item.facts["series_uid"]].append(item)
    refused = {item.path: len(members) for members in series.values() if len(members) > 1 for item in members}
    failed = [
        Failed(
            path=path,
            error=ReadError(
                f"is one of {count} slices of a series",
                code="SeriesUnsupported",
                path=path,
                hint="This version reads single-frame images; a series of slices needs volume support.",
            ),
        )
        for path, count in refused.items()
    ]
    return [item for item in items if item.path not in refused], failed

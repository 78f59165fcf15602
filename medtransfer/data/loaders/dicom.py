"""DICOM: radiographs, slices and series of them, multi-frame files, colour ultrasound.

    tree → headers → rules → claims → series → stacks → items          `find`
    item → headers → stack → stored values, presentation, geometry      `load`

Every header is checked against the bytes that are there before anything is decoded, and every failure is a
`ReadError` with a code. Which files are left out, and why, stands in `dicom/rules`; how a series becomes stacks, in
`dicom/stacks`; which library decodes which transfer syntax, in `dicom/codecs`. Reference: DICOM PS3.10 (files),
PS3.3 C.7.6.2 (planes), C.7.6.3 (pixels), C.11 (look-up tables).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.core.errors import ReadError, at_stage
from medtransfer.data.dicom.claims import check_claims
from medtransfer.data.dicom.directory import directory_failures
from medtransfer.data.dicom.header import full_header, looks_like_elements
from medtransfer.data.dicom.look import header_of, look_at
from medtransfer.data.dicom.pixels import available_syntaxes
from medtransfer.data.dicom.rules import left_out
from medtransfer.data.dicom.scan import scan_of
from medtransfer.data.dicom.series import Seen, items_of
from medtransfer.data.dicom.tags import text
from medtransfer.data.found import Excluded, Failed, Found, Item
from medtransfer.data.loaders._containment import contained
from medtransfer.data.loaders._signatures import has_dicom_magic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medtransfer.core.config.data import ReadConfig
    from medtransfer.data.dicom.header import Header
    from medtransfer.data.scan import Scan
    from medtransfer.data.walk import FileBelow

__all__ = ["available_syntaxes", "find", "is_ours", "load", "looked_at"]

SUFFIXES = frozenset({".dcm", ".dicom"})
OTHERS = (".nii", ".nii.gz", ".hdr", ".img", ".png", ".jpg", ".jpeg", ".tif", ".tiff")


def find(files: tuple[FileBelow, ...], *, settings: ReadConfig) -> Found:
    """The DICOM files among `files`: readable, excluded by a rule, or failed.

    A file is taken for DICOM when `DICM` stands at byte 128, or when its name ends in .dcm or .dicom; with
    `settings.force`, when it begins like a data set, too.
    """
    seen: list[Seen] = []
    excluded: list[Excluded] = []
    failed: list[Failed] = []
    broken: dict[str, ReadError] = {}
    states: list[Path] = []
    directories: list[Path] = []
    ours = [file for file in files if is_ours(file, settings)]
    for one in looked_at(ours, settings=settings):
        if isinstance(one, Seen):
            seen.append(one)
            continue
        if isinstance(one, Failed):
            failed.append(one)
            if "series_uid" in one.facts and isinstance(one.error, ReadError):
                broken[one.facts["series_uid"]] = one.error
            continue
        excluded.append(one)
        if one.rule == "dicomdir":
            directories.append(one.path)
        elif one.rule == "presentation_state":
            states.append(one.path)
    items, refused = items_of(seen, broken, _shown_otherwise(states), settings=settings)
    named = {file.path for file in files}
    missing = {entry.path: entry for place in directories for entry in directory_failures(place)}
    failed += [entry for path, entry in missing.items() if path not in named]
    return Found(items=tuple(items), excluded=tuple(excluded), failed=(*failed, *refused))


def load(item: Item, *, settings: ReadConfig) -> Scan:
    """Read one image, series or stack of frames.

    Args:
        item: What `find` found.
        settings: How files become scans.

    Raises:
        ReadError: Its `code` says what is wrong, its `path` which file.
    """
    headers: dict[Path, Header] = {}
    with at_stage("header"):
        for path in item.paths:
            with contained(path, [], library="Pydicom", doing="reading the header"):
                header = header_of(path, settings=settings)
                rule = left_out(header, path)
                if rule is not None:
                    raise ReadError(rule.reason, code="NoPixels", path=path, hint="Leave this file out of the cohort.")
                check_claims(header, path, settings=settings)
                headers[path] = header
    return scan_of(item, headers, settings=settings)


def looked_at(files: Sequence[FileBelow], *, settings: ReadConfig) -> list[Seen | Excluded | Failed]:
    """What each of our files says by itself, before series are put together; none is raised."""
    found = look_at([file.path for file in files], settings=settings)
    return [_misnamed(one) if isinstance(one, Failed) else one for one in found]


def is_ours(file: FileBelow, settings: ReadConfig) -> bool:
    """Whether `find` takes this file for DICOM."""
    if has_dicom_magic(file.head) or file.path.suffix.lower() in SUFFIXES:
        return True
    return settings.force and looks_like_elements(file.head)


def _misnamed(failed: Failed) -> Failed:
    """What is no good as DICOM and bears another format's name is called by both."""
    if not failed.path.name.lower().endswith(OTHERS):
        return failed
    error = ReadError(
        f"is DICOM by its first bytes, and cannot be read as such: {failed.error.message}",
        code="WrongFormat",
        path=failed.path,
        hint="Give the file its right suffix, or copy it again.",
    )
    return Failed(path=failed.path, error=error, facts=failed.facts)


def _shown_otherwise(states: list[Path]) -> frozenset[str]:
    """Series that the presentation states refer to; a state that cannot be read refers to none."""
    series: set[str] = set()
    for path in states:
        try:
            with contained(path, [], library="Pydicom", doing="reading the presentation state"):
                for referenced in full_header(path).dataset.get("ReferencedSeriesSequence") or ():
                    series.add(text(referenced, "SeriesInstanceUID"))
        except ReadError:
            continue
    return frozenset(series - {""})

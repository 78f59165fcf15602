"""NIfTI: `.nii`, `.nii.gz` and pairs of `.hdr` and `.img`, versions 1 and 2.

    stored values  = the file's voxels, axes reordered and turned round to `slice row column` growing to S, A, R
    output values  = slope · stored + intercept, which is presentation's modality transformation
    world position = affine · (slice, row, column, 1), RAS+ millimetres; sform before qform, None without either

A file with one slice is a picture; of several volumes `settings.volume` picks one. What the header claims is compared
with the bytes held and with the limits before anything is allocated. Analyze 7.5 is refused: it does not say where
left and right are. Reference: nifti1.h and nifti2.h, https://nifti.nimh.nih.gov.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.core.errors import ReadError, at_stage
from medtransfer.data.found import Failed, Found, Item
from medtransfer.data.loaders._signatures import real_format
from medtransfer.data.nifti.claims import Claim, claims_among, name_conflict
from medtransfer.data.nifti.extent import (
    DICOM_EXTENSION,
    check_extent,
    chosen_volume,
    extension_codes,
    go_to,
)
from medtransfer.data.nifti.geometry import Placement, placement_of, slice_axis, turn_to_canonical
from medtransfer.data.nifti.header import HEADER_BYTES, Header, header_of
from medtransfer.data.nifti.inflate import Inflated, after, content_of, read_up_to, skip
from medtransfer.data.nifti.voxels import stored_range, voxels_of
from medtransfer.data.scan import Identifiers, Presentation, Scan

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.core.config.data import ReadConfig
    from medtransfer.data.nifti.inflate import Content
    from medtransfer.data.walk import FileBelow


@dataclass(frozen=True, kw_only=True)
class _Examined:
    """What is known of an image before its voxels are read."""

    header: Header
    placement: Placement
    volume: int
    identifiers: tuple[str, ...]
    notes: tuple[str, ...]


def find(files: tuple[FileBelow, ...], *, settings: ReadConfig) -> Found:
    """The images among `files`, by suffix or by magic, their headers checked against the limits and the bytes held.

    What is wrong with a header concerns both files of a pair. Facts are the file's own: matrix, spacing and
    orientation of its k, j, i axes.
    """
    items: list[Item] = []
    failed: list[Failed] = []
    for claim in claims_among(files):
        paths = (claim.header,) if claim.image is None else (claim.header, claim.image)
        try:
            with at_stage("header"):
                _check_complete(claim)
                examined = _examine(paths, settings)
        except ReadError as error:
            failed += [Failed(path=path, error=error) for path in paths]
        else:
            items.append(
                Item(
                    paths=paths,
                    loader="nifti",
                    facts=_facts(examined, settings),
                    identifiers=examined.identifiers,
                    notes=examined.notes,
                )
            )
    return Found(items=tuple(items), failed=tuple(failed))


def load(item: Item, *, settings: ReadConfig) -> Scan:
    """Read one image.

    Integers stay integers, with slope and intercept in `presentation`; floats are 32-bit.

    Raises:
        ReadError: `EmptyFile`, `Truncated`, `Corrupt`, `Unreadable`, `WrongFormat`, `NotNifti`, `MissingPair`,
            `BadHeader`, `EmptyImage`, `UnsupportedType`, `SizeLimit`, `WrongRank`, `BadGeometry`, `GeometryConflict` or
            `NonFinite`.
    """
    with at_stage("header"):
        examined = _examine(item.paths, settings)
    header, notes = examined.header, list(examined.notes)
    turn = turn_to_canonical(examined.placement, header.shape)
    path = item.paths[-1]
    with at_stage("pixels"), content_of(path) as content:
        go_to(header.offset, header, content, path)
        _pass_over(examined.volume, header, content, path)
        voxels = voxels_of(content.stream, header, turn, path, notes)
        _pass_over(header.volumes - examined.volume - 1, header, content, path)
        tail = _tail(header, content)
    if tail:
        notes.append(f"TrailingData: {tail}")
    is_picture = slice_axis(header.shape) is not None
    return Scan(
        voxels=voxels[0] if is_picture else voxels,
        kind="picture" if is_picture else "volume",
        affine=turn.affine,
        modality=settings.nifti_modality or "OT",
        units="HU" if settings.nifti_modality == "CT" else "",
        presentation=Presentation(
            slope=header.slope, intercept=header.intercept, stored_range=stored_range(voxels.dtype)
        ),
        identifiers=Identifiers(),
        path=item.path,
        attributes={},
        notes=tuple(notes),
    )


def _check_complete(claim: Claim) -> None:
    """An `.img` of which nobody says what it is has no header; unless it is something else altogether."""
    if not claim.is_orphan:
        return
    with content_of(claim.header) as content:
        first = read_up_to(content.stream, HEADER_BYTES)
    real = real_format(first)
    if not first or real not in {None, "NIfTI"}:
        header_of(first, claim.header, [])
    raise _missing(claim.header, "has no .hdr beside it")


def _examine(paths: tuple[Path, ...], settings: ReadConfig) -> _Examined:
    notes: list[str] = []
    path = paths[0]
    with content_of(path) as content:
        header = header_of(read_up_to(content.stream, HEADER_BYTES), path, notes)
        _note_name(path, ".hdr" if header.is_pair else ".nii", content, notes)
        codes = () if header.is_pair else _extensions(header, content, settings, path)
    if header.is_pair:
        _check_image(header, paths, settings, notes)
    volume = chosen_volume(header, settings, path)
    placement = placement_of(header, path, notes)
    return _Examined(
        header=header,
        placement=placement,
        volume=volume,
        identifiers=_identifiers(header, codes),
        notes=tuple(notes),
    )


def _extensions(header: Header, content: Content, settings: ReadConfig, path: Path) -> tuple[int, ...]:
    check_extent(header, content, settings, path)
    go_to(header.extensions_at, header, content, path)
    return extension_codes(header, content, path)


def _check_image(header: Header, paths: tuple[Path, ...], settings: ReadConfig, notes: list[str]) -> None:
    if len(paths) == 1:
        raise _missing(paths[0], "is the header of a pair, and has no .img beside it")
    with content_of(paths[1]) as content:
        if not content.size:
            raise ReadError("holds no bytes", code="EmptyFile", path=paths[1], hint="Copy the file again.")
        _note_name(paths[1], ".img", content, notes)
        check_extent(header, content, settings, paths[1])


def _note_name(path: Path, suffix: str, content: Content, notes: list[str]) -> None:
    conflict = name_conflict(path, suffix, compressed=content.compressed)
    if conflict:
        notes.append(f"SuffixConflict: {conflict}")


def _identifiers(header: Header, codes: tuple[int, ...]) -> tuple[str, ...]:
    """Fields that may say who the patient is; NIfTI-2 has no `db_name`."""
    named = header.version == 1 and bytes(header.fields["db_name"]).strip(b"\0 ")
    found = ["db_name"] if named else []
    if DICOM_EXTENSION in codes:
        found.append("extension 2 (DICOM attributes)")
    return tuple(found)


def _facts(examined: _Examined, settings: ReadConfig) -> dict[str, str]:
    columns, rows, slices = examined.header.shape
    column, row, between = examined.placement.spacing
    facts = {
        "matrix": f"{rows} × {columns} × {slices}",
        "spacing": f"{row:.4g} × {column:.4g} × {between:.4g}",
        "orientation": examined.placement.letters[::-1],
        "bit_depth": str(8 * examined.header.dtype.itemsize),
        "modality": settings.nifti_modality,
    }
    return {name: value for name, value in facts.items() if value}


def _pass_over(volumes: int, header: Header, content: Content, path: Path) -> None:
    """Pass over volumes that are not asked for; inflating them brings the checksum into reach."""
    count = volumes * header.volume_bytes
    if skip(content.stream, count) < count:
        raise ReadError(
            f"ends before the {header.volumes} volumes that its header claims",
            code="Truncated",
            path=path,
            hint="Copy the file again.",
        )


def _tail(header: Header, content: Content) -> str:
    if isinstance(content.stream, Inflated):
        return after(content.stream)
    return f"{content.size - header.end} bytes" if content.size > header.end else ""


def _missing(path: Path, message: str) -> ReadError:
    return ReadError(message, code="MissingPair", path=path, hint="Put the .hdr and the .img into one folder.")

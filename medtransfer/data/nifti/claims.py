"""Which files are NIfTI's, and which two of them are one image.

A file is taken by its suffix (`.nii`, `.hdr`, `.img`, each also with `.gz`) or, uncompressed, by its magic. The image
of `scan.hdr` is `scan.img` or `scan.img.gz` beside it; that of `scan.hdr.gz` likewise, compressed first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medtransfer.data.loaders._signatures import has_dicom_magic
from medtransfer.data.nifti.header import is_single_file, looks_like_nifti

if TYPE_CHECKING:
    from medtransfer.data.walk import FileBelow

SUFFIXES: Final = frozenset({".nii", ".hdr", ".img"})
"""Suffixes of NIfTI, before `.gz`."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One image, or what claims to be one.

    Attributes:
        header: File with the header.
        image: File with the voxels of a pair, or None: there is none, or header and voxels share one file.
        is_orphan: It is called `.img` and nothing says where its header is.
    """

    header: Path
    image: Path | None = None
    is_orphan: bool = False


def claims_among(files: tuple[FileBelow, ...]) -> tuple[Claim, ...]:
    """The images among `files`, by suffix or by magic."""
    there = {file.path for file in files}
    claims: list[Claim] = []
    paired: set[Path] = set()
    images: list[FileBelow] = []
    for file in files:
        suffix = suffix_of(file.path)
        if suffix == ".img" and not is_single_file(file.head):
            images.append(file)
        elif suffix == ".hdr" and not is_single_file(file.head):
            image = _image_beside(file.path, there)
            claims.append(Claim(header=file.path, image=image))
            paired |= {image} if image else set()
        elif suffix or (looks_like_nifti(file.head) and not has_dicom_magic(file.head)):
            claims.append(Claim(header=file.path))
    claims += [Claim(header=file.path, is_orphan=True) for file in images if file.path not in paired]
    return tuple(claims)


def suffix_of(path: Path) -> str:
    """`.nii`, `.hdr` or `.img`, with or without `.gz` behind it and in small letters; empty for other names."""
    plain = Path(path.stem) if path.suffix.lower() == ".gz" else path
    suffix = plain.suffix.lower()
    return suffix if suffix in SUFFIXES else ""


def name_conflict(path: Path, suffix: str, *, compressed: bool) -> str:
    """What the content is and the name does not say; empty where both agree.

    Args:
        path: The file.
        suffix: The suffix that fits what the content is: `.nii`, `.hdr` or `.img`.
        compressed: Whether it is gzip.
    """
    if (path.suffix.lower() == ".gz") != compressed:
        return f"the content is {'compressed' if compressed else 'not compressed'}"
    if suffix_of(path) != suffix:
        return f"the content is that of a {suffix} file"
    return ""


def _image_beside(header: Path, there: set[Path]) -> Path | None:
    compressed = header.suffix.lower() == ".gz"
    stem = header.with_suffix("") if compressed else header
    upper = stem.suffix.isupper()
    names = [".img", ".img.gz"] if not compressed else [".img.gz", ".img"]
    for name in names:
        candidate = stem.with_suffix(name.upper() if upper else name)
        if candidate in there:
            return candidate
    return None

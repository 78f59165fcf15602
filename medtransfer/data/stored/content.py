"""What the files of a case hold, as a digest: the only thing that decides whether a prepared case is still right.

Size and time of change are no proof (a file can be replaced within the clock's resolution, or with its times kept), so
every byte of every file is read at every start. That costs a fraction of decoding it, runs in several threads, and is
the price of never being stale.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from medtransfer import __version__
from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.core.errors import MedTransferError
from medtransfer.core.files import file_digest, text_digest
from medtransfer.core.progress import progress_bar
from medtransfer.data.archive import opened
from medtransfer.data.converted import PREPARED
from medtransfer.data.stored.store import THREADS
from medtransfer.data.walk import files_below

VERSION = "4"
"""Raise it when loaders or preprocessing give other values for the same file."""

MAKERS = ("numpy", "pillow", "pydicom", "nibabel", "imagecodecs", "pylibjpeg-openjpeg", "pylibjpeg-rle")
"""Packages whose version may change the values."""

LIMITS = {"max_bytes", "max_ratio", "decode_seconds"}
"""Settings of reading that decide whether a file is refused, and never what its values are."""

PAIRS = {".hdr": (".img", ".IMG"), ".img": (".hdr", ".HDR")}
"""Suffixes of files that are read together, though a cohort names one of them."""

_CHUNK = 1 << 20


def settings_digest(preprocess: PreprocessConfig, read: ReadConfig) -> str:
    """Of everything but the files that prepared values depend on: settings, and versions of what computes them."""
    versions = [f"{name} {_version(name)}" for name in MAKERS]
    chosen = read.model_dump_json(exclude=LIMITS)
    return text_digest("prepared", VERSION, __version__, preprocess.model_dump_json(), chosen, *versions)


def content_key(place: Path, *, settings: str, series: str = "", part: str = "") -> str:
    """Digest of a case: names and bytes of its files, which of their series is meant, and the settings' digest.

    Names count, since loaders look at suffixes; where the case lies does not, so that a cohort may move. Empty where
    the files cannot be read: such a case is never taken from a store.
    """
    try:
        files = _files(place)
    except (OSError, MedTransferError):
        return ""
    return text_digest("case", settings, series, part, *(word for pair in files for word in pair)) if files else ""


def content_keys(
    places: Iterable[Path], *, settings: str, picks: Iterable[tuple[str, str]], quiet: bool = True
) -> list[str]:
    """`content_key` of many cases; `picks` are series and part of each."""
    pairs = list(zip(places, picks, strict=True))
    keys = []
    with progress_bar("checking files", len(pairs), quiet=quiet) as advance, ThreadPoolExecutor(THREADS) as pool:
        for key in pool.map(lambda p: content_key(p[0], settings=settings, series=p[1][0], part=p[1][1]), pairs):
            keys.append(key)
            advance()
    return keys


def is_there(place: Path) -> bool:
    """Is there a file or folder, or an archive that this may be a member of?"""
    return place.exists() or _on_disk(place).is_file()


def state(place: Path) -> str:
    """Size and time of change of every file of a case: a cheap word for whether to look again, and no proof.

    For an archive's member it is that of the archive, for a converted case that of its folder's `prepared.json`.
    """
    if not place.exists():
        homes = [folder / PREPARED for folder in place.parents if (folder / PREPARED).is_file()]
        place = homes[0] if homes else _on_disk(place)
    if not place.is_dir():
        return _stat(place)
    return text_digest(*(word for path in sorted(place.rglob("*")) for word in (str(path), _stat(path))))


def _stat(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "absent"
    return f"{found.st_size} {found.st_mtime_ns} {os.access(path, os.R_OK)}"


def _files(place: Path) -> list[tuple[str, str]]:
    """Name and digest of every file of a case; archives count as the one file that they are."""
    if place.is_file():
        paths = [place, *(other for suffix in PAIRS.get(place.suffix.lower(), ()) if (other := _beside(place, suffix)))]
        return [(path.name, file_digest(path)) for path in paths]
    if not place.is_dir():
        members = files_below(place).files  # of an archive
        return [(str(file.path.relative_to(place.parent)), _member_digest(file.path)) for file in members]
    below = files_below(place)
    found = {_on_disk(file.path) for file in below.files}
    return sorted((str(path.relative_to(place)), file_digest(path)) for path in found)


def _member_digest(member: Path) -> str:
    digest = hashlib.sha256()
    with opened(member) as handle:
        for chunk in iter(lambda: handle.read(_CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def _beside(place: Path, suffix: str) -> Path | None:
    other = place.with_suffix(suffix)
    return other if other.is_file() else None


def _on_disk(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"

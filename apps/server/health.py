"""Is the app well? For a monitor: it names no patient, no study and no person."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Final

import medtransfer as mt
from apps.server.queue import INFERENCE, MOST_WAITING
from apps.server.tickets import TICKETS
from apps.server.voxels import SHELF
from apps.settings import Settings

ROOM: Final = 16 * 2**20
"""Bytes that have to be free where reviews are written."""

_opened: dict[tuple[tuple[str, int, int], ...], str] = {}


def health(settings: Settings) -> dict[str, Any]:
    """What a monitor wants to know; `status` is `ok` where the bundle is whole and reviews can be written."""
    sha256 = _bundle_sha256(settings.bundle)
    writable = reviews_writable(settings.reviews)
    return {
        "status": "ok" if sha256 and writable else "trouble",
        "bundle_sha256": sha256,
        "queue": INFERENCE.length(),
        "queue_limit": MOST_WAITING,
        "reviews_writable": writable,
        "sessions": len(TICKETS),
        "voxel_bytes": SHELF.held(),
    }


def reviews_writable(file: Path) -> bool:
    """Can the reviews be added to: the file or its folder is ours to write, and the disk has room?"""
    place = file
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return os.access(place, os.W_OK) and shutil.disk_usage(place).free >= ROOM
    except OSError:
        return False


def _bundle_sha256(folder: Path | None) -> str:
    """Its digest, empty where it cannot be opened; verified anew when one of its files has changed."""
    if folder is None:
        return ""
    try:
        stamp = tuple((f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in sorted(folder.iterdir()))
        if stamp not in _opened:
            _opened.clear()
            _opened[stamp] = mt.read_bundle(folder).sha256
        return _opened[stamp]
    except (OSError, mt.MedTransferError):
        return ""

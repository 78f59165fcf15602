"""What is read from files is kept by their content, so that a file written anew is read anew, and nothing else is."""

from __future__ import annotations

import hashlib
from pathlib import Path


def content_key(*files: Path) -> str:
    """SHA-256 of the files' contents in their order; a file that cannot be read counts as absent."""
    digest = hashlib.sha256()
    for file in files:
        try:
            with file.open("rb") as handle:
                digest.update(hashlib.file_digest(handle, "sha256").digest())
        except OSError:
            digest.update(b"absent")
    return digest.hexdigest()

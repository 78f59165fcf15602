"""What a loader says about a folder before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.core.errors import MedTransferError


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing that can be loaded: an image file now, a series of files later."""

    paths: tuple[Path, ...]
    loader: str
    facts: dict[str, str] = field(default_factory=dict)
    """Header facts that grouping, labels and the ledger need: patient_id, study_uid, modality, sex, age, …"""

    @property
    def path(self) -> Path:
        """The file, or the first file of the series."""
        return self.paths[0]


@dataclass(frozen=True, kw_only=True)
class Excluded:
    """A file left out by a rule that has a name."""

    path: Path
    rule: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A file that should have been readable and is not."""

    path: Path
    error: MedTransferError


@dataclass(frozen=True, kw_only=True)
class Found:
    """Every file the loader looked at ends in exactly one of the three."""

    items: tuple[Item, ...]
    excluded: tuple[Excluded, ...]
    failed: tuple[Failed, ...]

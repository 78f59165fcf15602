"""What a loader says about a folder before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.core.errors import MedTransferError


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing that can be loaded as one scan: a picture, a series of slices, some frames of a file.

    Attributes:
        paths: Its files in reading order; slices along the normal of their planes, feet or right side first.
        loader: Name of the loader that found it.
        facts: What the headers say, for grouping, labels, summaries and the ledger; absent where unknown:
            `patient_id`, `study_uid`, `series_uid`, `instance_uid`, `modality`, `body_part`, `manufacturer`, `sex`,
            `age`, `view`, `date`, `burned_in`, `matrix` (rows × columns × slices), `spacing` (mm, row × column ×
            slice), `orientation` (RAS letters that slice, row and column indices grow towards), `bit_depth`, `syntax`.
        part: Tells the items of one series apart, such as `stack 2 of 3`; empty where there is one.
        frames: Which of the frames of its files, counted from 0 through the files in their order; empty means all.
        identifiers: Names of the header elements that say who the patient is.
        notes: What was noticed in the headers and not acted on.
    """

    paths: tuple[Path, ...]
    loader: str
    facts: dict[str, str] = field(default_factory=dict)
    part: str = ""
    frames: tuple[int, ...] = ()
    identifiers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

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
    """A file that should have been readable and is not; the error may name another file of its series.

    `facts` are what its header said all the same, as in `Item`.
    """

    path: Path
    error: MedTransferError
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Found:
    """Every file the loader took ends in one of the three; a file may serve several items."""

    items: tuple[Item, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    failed: tuple[Failed, ...] = ()

"""What a whole cohort's predictions (`--predictions`) say about the studies of the folder.

A row of the table belongs to the study of its name, or that of one of its files, as `apps.studies.places` finds it. It
was predicted from as many images as the cohort has; where the folder has another number, its probability is not the
study's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

import medtransfer as mt
from apps import words
from apps.notices import why_unread
from apps.text import printable

if TYPE_CHECKING:
    from apps.studies.folder import Listing

_PROBABILITY: Final = "probability_"
_FILES: Final = ("predictions.csv", "predictions.json")


@dataclass(frozen=True, kw_only=True)
class Known:
    """One row of the table: what is known of a study before it is opened."""

    status: str
    """`read`, `excluded` or `failed`."""
    reason: str
    """Why it was not read."""
    flags: tuple[str, ...]
    probabilities: dict[str, float]
    date: str
    modality: str

    @property
    def several(self) -> bool:
        """Whether it was predicted from several images."""
        return words.SEVERAL_IMAGES in self.flags


@dataclass(frozen=True, kw_only=True)
class Matched:
    """A table beside a folder: what is known by the name of a study, and what has no study there."""

    known: dict[str, Known] = field(default_factory=dict)
    elsewhere: int = 0
    """Rows that were read, of studies which the folder does not have."""
    lost: tuple[tuple[str, Known], ...] = ()
    """Rows that were not read, of studies which the folder does not have: they are named all the same."""


def read_matched(path: Path, listing: Listing) -> tuple[Matched, str]:
    """The predictions that the app was started with beside the folder's studies, and whose bundle made them.

    Raises:
        MedTransferError: They cannot be read.
    """
    return _matched(str(path), _stamp(path), listing.digest, listing)


def matched(predictions: mt.Predictions, listing: Listing) -> Matched:
    """Each row to the study of its name; a name that several bear is nobody's."""
    known: dict[str, Known] = {}
    lost: list[tuple[str, Known]] = []
    elsewhere = 0
    for row in predictions.table.to_dict("records"):
        told, study = _known(row, predictions.classes), str(row["study_id"])
        name = listing.place(study)
        if name is not None and name not in known:
            known[name] = told
        elif told.status == "read":
            elsewhere += 1
        else:
            lost.append((printable(study), told))
    return Matched(known=known, elsewhere=elsewhere, lost=tuple(lost))


@st.cache_resource(max_entries=2, show_spinner="Reading the predictions …")
def _matched(path: str, stamped: tuple[tuple[int, int], ...], digest: str, _listing: Listing) -> tuple[Matched, str]:
    del stamped, digest  # parts of the cache's key
    predictions = mt.read_predictions(Path(path))
    return matched(predictions, _listing), predictions.bundle_sha256


def _known(row: dict[Any, Any], classes: tuple[str, ...]) -> Known:
    found = {name: row.get(f"{_PROBABILITY}{name}") for name in classes}
    return Known(
        status=str(row["status"]),
        reason=_reason(str(row["status"]), str(row.get("error") or "")),
        flags=tuple(flag for flag in str(row.get("flags") or "").split(";") if flag),
        probabilities={name: float(p) for name, p in found.items() if p is not None and p == p},  # noqa: PLR0124
        date=str(row.get("date") or ""),
        modality=str(row.get("attribute_modality") or ""),
    )


def _reason(status: str, error: str) -> str:
    """Of `Code: what is wrong`, as the table has it, the sentence for clinicians."""
    return why_unread(error.partition(":")[0], by_rule=status == "excluded") if error else ""


def _stamp(path: Path) -> tuple[tuple[int, int], ...]:
    """What tells these files from the same ones written anew."""
    folder = path if path.is_dir() else path.parent
    return tuple(
        (found.st_size, found.st_mtime_ns)
        for file in (path, *(folder / name for name in _FILES))
        if file.is_file() and (found := file.stat())
    )

"""The gallery of the most confident errors. It names studies: made only where the user asked for names."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import numpy as np
from PIL import Image

from medtransfer.reporting.section import Section, section
from medtransfer.reporting.words import count, number

if TYPE_CHECKING:
    from medtransfer.core.evaluated.errors import ErrorCase, ErrorGallery

_SIDE: Final = 8


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One study as the page shows it."""

    case: ErrorCase
    probability: str
    path: str
    """Of the image, below the cohort's folder; empty where the study is called so, too."""
    link: str
    """Relative address of the image, or empty."""
    picture: str
    """The stored thumbnail as a data address, or empty."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The gallery of one finding."""

    record: ErrorGallery
    rows: tuple[tuple[str, tuple[Tile, ...]], ...]


def errors_section(records: Sequence[ErrorGallery], *, images: str = "") -> Section:
    """The part of the page.

    Args:
        records: One a finding.
        images: Address of the folder that the images' paths are relative to, itself relative to the page; without one
            nothing is linked.
    """
    return section(
        "errors",
        "The most confident errors",
        parts=tuple(_part(one, images) for one in records),
        several=len(records) > 1,
    )


def _part(record: ErrorGallery, images: str) -> Part:
    missed = count(record.n_false_negatives, "false negative")
    alarms = count(record.n_false_positives, "false positive")
    if record.threshold is None:
        missed = f"With {record.of}, the lowest probabilities first ({record.n_false_negatives:,} studies)"
        alarms = f"Without {record.of}, the highest probabilities first ({record.n_false_positives:,} studies)"
    rows = ((missed, record.false_negatives), (alarms, record.false_positives))
    return Part(
        record=record, rows=tuple((heading, tuple(_tile(one, images) for one in cases)) for heading, cases in rows)
    )


def _tile(case: ErrorCase, images: str) -> Tile:
    path = _inside(case.path)
    return Tile(
        case=case,
        probability=number(case.probability),
        path="" if path == case.study_id else path,
        link=quote(f"{images.rstrip('/')}/{path}") if path and images else "",
        picture=_picture(case.thumbnail),
    )


def _inside(path: str) -> str:
    """The path; none that is absolute or leaves its folder, whatever a table says."""
    place = PurePosixPath(path.replace("\\", "/"))
    outside = not path or place.is_absolute() or ".." in place.parts or ":" in place.parts[0]
    return "" if outside else str(place)


def _picture(greys: Sequence[int]) -> str:
    if len(greys) != _SIDE * _SIDE:
        return ""
    buffer = io.BytesIO()
    Image.fromarray(np.array(greys, dtype=np.uint8).reshape(_SIDE, _SIDE)).save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"

"""A study as a viewer wants it: every image and series with its stored voxels, and all that says how to show them.

Nothing here depends on a network, save how files are read.

Slices are sent from the middle outwards, since the middle is what is looked at first. With m = ⌊n / 2⌋ the order is

    m, m + 1, m − 1, m + 2, m − 2, …

as far as there are slices; of an even number the last one is slice 0.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from medtransfer.core.errors import MedTransferError
from medtransfer.core.inert import one_line
from medtransfer.core.types import Affine, Voxels
from medtransfer.data.foreign import FOREIGN
from medtransfer.data.ingest import read
from medtransfer.data.orient import acquired
from medtransfer.prediction.study_files import Unreadable, found_in, said, study_sha256
from medtransfer.prediction.view_place import Ends, ends_of, spacing, why_no_mpr
from medtransfer.prediction.view_values import sent

if TYPE_CHECKING:
    from medtransfer.core.config.data import ReadConfig
    from medtransfer.data.found import Item
    from medtransfer.data.places import Axis
    from medtransfer.data.scan import Scan, Window

_FACTS: Final = {
    "view": "view {}",
    "sex": "sex {}",
    "age": "{} years",
    "date": "{}",
    "body_part": "{}",
    "manufacturer": "{}",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """One image or series, ready to be shown.

    Attributes:
        path: Its first file, and with `part` what tells it from the other images of the study.
        part: As in `Item`.
        kind: `picture`, `volume` or `frames`, as in `Scan`.
        voxels: `slice row column`, colour behind it; turned as a radiologist looks, patient's left on the viewer's
            right.
        slope: With `intercept`, from voxels to values: value = slope · voxel + intercept.
        units: Of the values, such as `HU`; empty where unknown.
        window: In values.
        inverted: Low values are bright.
        padding: Voxels in this closed range are background and stay black.
        spacing: Millimetres along slice, row and column, or None.
        spacing_at: `patient`, `detector` (magnified), `calibrated`, or empty.
        letters: At the first and the last index of each axis.
        affine: (slice, row, column, 1) → RAS+ millimetres, or None.
        why_no_mpr: Why there are no planes across the slices; empty where there are.
        modality: `CT`, `CR`, …
        label: What the series is called.
        facts: What the header says, without identifiers.
        notes: What was noticed: `Code` or `Code: what`.
        attributes: What the header says, name by name, without identifiers; it is not sent to the viewer.
    """

    path: Path
    part: str
    kind: str
    voxels: Voxels
    slope: float
    intercept: float
    units: str
    window: Window
    inverted: bool
    padding: tuple[int, int] | None
    spacing: tuple[float, float, float] | None
    spacing_at: str
    letters: tuple[Ends, Ends, Ends]
    affine: Affine | None
    why_no_mpr: str
    modality: str
    label: str
    facts: str
    notes: tuple[str, ...]
    attributes: dict[str, str] = field(default_factory=dict)

    @cached_property
    def key(self) -> str:
        """SHA-256 of the voxels and of all that says how to show them."""
        digest = hashlib.sha256(json.dumps(self._described(), sort_keys=True).encode())
        digest.update(self.voxels.data)
        return digest.hexdigest()

    @property
    def slices(self) -> int:
        """How many planes there are."""
        return len(self.voxels)

    def order(self) -> tuple[int, ...]:
        """Slices in the order in which they are sent."""
        return middle_first(self.slices)

    def geometry(self) -> dict[str, Any]:
        """What the viewer gets besides the voxels: JSON, without paths."""
        return {"key": self.key, **self._described()}

    def _described(self) -> dict[str, Any]:
        colour = self.voxels.ndim == 4
        return {
            "kind": self.kind,
            "shape": list(self.voxels.shape[:3]),
            "channels": 3 if colour else 1,
            "type": self.voxels.dtype.name,
            "slope": self.slope,
            "intercept": self.intercept,
            "units": self.units,
            "window": asdict(self.window),
            "inverted": self.inverted,
            "table": None,
            "padding": None if self.padding is None else list(self.padding),
            "spacing": None if self.spacing is None else list(self.spacing),
            "spacing_at": self.spacing_at,
            "letters": [list(ends) for ends in self.letters],
            "affine": None if self.affine is None else self.affine.tolist(),
            "mpr": not self.why_no_mpr,
            "why_no_mpr": self.why_no_mpr,
            "modality": self.modality,
            "label": self.label,
            "facts": self.facts,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyViews:
    """A study, ready to be shown.

    Attributes:
        views: What could be read, in the order of the files.
        unread: What could not, and why.
        sha256: Of what is in its files, whatever their names and order.
    """

    views: tuple[View, ...]
    unread: tuple[Unreadable, ...]
    sha256: str


def view_study(files: Sequence[Path], settings: ReadConfig) -> StudyViews:
    """Every image and series of a study; a file that cannot be read is said, never raised.

    Args:
        files: Every file or folder of the study; files of one series are put together.
        settings: How files become scans: those of the bundle (`bundle.manifest.read`), so that what is shown is what is
            predicted on.
    """
    with ThreadPoolExecutor(1) as beside:  # digests leave the interpreter free: they cost no time of their own
        digest = beside.submit(study_sha256, files)
        views, unread = _views(files, settings)
    places = {file: number for number, file in enumerate(files)}
    return StudyViews(
        views=tuple(sorted(views, key=lambda view: places.get(view.path, len(places)))),
        unread=tuple(unread),
        sha256=digest.result(),
    )


def middle_first(slices: int) -> tuple[int, ...]:
    """The order of the slices on the way to the viewer: see above."""
    middle = slices // 2
    return tuple(sorted(range(slices), key=lambda index: (abs(index - middle), -index)))


def _views(files: Sequence[Path], settings: ReadConfig) -> tuple[list[View], list[Unreadable]]:
    items, unread = found_in(files, settings)
    views: list[View] = []
    for item in items:
        try:
            views.append(_view(item, settings))
        except MedTransferError as error:
            unread.append(Unreadable(item.path, said(error), code=error.code))
        except FOREIGN as error:  # no loader expected this one
            why = f"unexpected {type(error).__name__}. Look at it with `inspect`."
            unread.append(Unreadable(item.path, why, code="Unexpected"))
    return views, unread


def _view(item: Item, settings: ReadConfig) -> View:
    scan, plane = acquired(read(item, settings=settings))
    ready = sent(scan)
    distances, at = spacing(scan)
    return View(
        path=item.path,
        part=item.part,
        kind=scan.kind,
        voxels=ready.voxels,
        slope=float(ready.slope),
        intercept=float(ready.intercept),
        units=ready.units,
        window=ready.window,
        inverted=scan.presentation.inverted and not scan.is_colour,
        padding=ready.padding,
        spacing=distances,
        spacing_at=at,
        letters=ends_of(scan),
        affine=None if scan.affine is None else np.asarray(scan.affine, dtype=np.float64),
        why_no_mpr=why_no_mpr(scan),
        modality=scan.modality,
        label=_label(scan, plane, item.part),
        facts=_facts(scan),
        notes=tuple(one_line(note) for note in (*scan.notes, *ready.notes)),
        attributes=dict(scan.attributes),
    )


def _label(scan: Scan, plane: Axis, part: str) -> str:
    """`CT · axial · 300 slices · stack 1 of 2`, `CR · PA`."""
    count = 1 if scan.kind == "picture" else len(scan.voxels)
    many = "" if scan.kind == "picture" else f"{count} {'slices' if scan.kind == 'volume' else 'frames'}"
    words = [scan.modality, plane, scan.attributes.get("view", ""), many, part]
    return " · ".join(one_line(word) for word in words if word)


def _facts(scan: Scan) -> str:
    """`CR · view PA · sex F · 61 years`."""
    known = [words.format(scan.attributes[name]) for name, words in _FACTS.items() if scan.attributes.get(name)]
    return " · ".join(one_line(word) for word in [scan.modality, *known])

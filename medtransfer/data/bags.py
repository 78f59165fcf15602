"""Which planes the studies of a set consist of, and where they come from.

A study has one or several rows in the cohort table (series, views, repeats); a row has one or several views
(`data/places.py`), a view one or several planes. All planes of a study form one bag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int64

from medtransfer.core.types import ClassIndices, MixedPlanes, PreparedPictures
from medtransfer.data.places import View, axes, positions
from medtransfer.data.stored.arrays import in_unit_range

if TYPE_CHECKING:
    from medtransfer.data.preprocess import Prepared

Indices = Int64[np.ndarray, "..."]


@runtime_checkable
class Planes(Protocol):
    """Prepared rows, on disk or in memory."""

    channels: int

    def __len__(self) -> int:
        """Number of rows."""
        ...

    def views(self, case: int) -> tuple[View, ...]:
        """What a row's planes are."""
        ...

    def load(self, cases: ClassIndices, planes: ClassIndices) -> Float32[np.ndarray, "plane channel row column"]:
        """Planes in [0, 1], each named by its row and its number there."""
        ...


class HeldPlanes:
    """Prepared rows in memory; grey ones are repeated where any row has colour."""

    def __init__(self, scans: Sequence[MixedPlanes], views: Sequence[tuple[View, ...]]) -> None:
        self.channels = max((scan.shape[1] for scan in scans), default=1)
        self._scans, self._views = tuple(scans), tuple(views)

    @classmethod
    def of_scans(cls, scans: Sequence[Prepared]) -> HeldPlanes:
        """As `prepare` gave them."""
        return cls([scan.planes for scan in scans], [scan.views for scan in scans])

    @classmethod
    def of_pictures(cls, pictures: PreparedPictures) -> HeldPlanes:
        """Every picture a row of its own."""
        return cls([picture[np.newaxis] for picture in pictures], [(View("", 1),)] * len(pictures))

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._scans)

    def views(self, case: int) -> tuple[View, ...]:
        """What a row's planes are."""
        return self._views[case]

    def load(self, cases: ClassIndices, planes: ClassIndices) -> Float32[np.ndarray, "plane channel row column"]:
        """Planes in [0, 1], each named by its row and its number there."""
        side = self._scans[0].shape[-2:] if self._scans else (0, 0)
        found = np.empty((len(cases), self.channels, *side), dtype=np.uint16)
        for target, case, plane in zip(found, cases.tolist(), planes.tolist(), strict=True):
            target[...] = self._scans[case][plane]
        return in_unit_range(found)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Every plane of some studies, study after study, view after view.

    Attributes:
        study: Number of the study of each plane.
        view: Number of the view of each plane, counted through.
        row: Row of the arrays that it lies in.
        plane: Its number in that row.
        position: Its place within its view, 0 to 1.
        axis: Index into `data/places.AXES`.
        starts: First plane of each study, and the number of planes at the end.
    """

    study: Indices
    view: Indices
    row: Indices
    plane: Indices
    position: Float32[np.ndarray, " plane"]
    axis: Indices
    starts: Indices

    @classmethod
    def of(cls, arrays: Planes, rows: Sequence[Sequence[int]]) -> Layout:
        """The planes of studies that consist of these rows."""
        views = [[arrays.views(row) for row in study] for study in rows]
        flat = list(zip(chain.from_iterable(rows), chain.from_iterable(views), strict=True))
        counts = np.array([sum(view.planes for view in said) for _, said in flat], dtype=np.int64)
        per_study = np.array([sum(view.planes for said in found for view in said) for found in views], dtype=np.int64)
        per_view = [view.planes for _, said in flat for view in said]
        return cls(
            study=np.repeat(np.arange(len(rows)), per_study),
            view=np.repeat(np.arange(len(per_view)), per_view),
            row=np.repeat(np.array([row for row, _ in flat], dtype=np.int64), counts),
            plane=np.concatenate([np.arange(n) for n in counts]) if len(counts) else np.empty(0, dtype=np.int64),
            position=np.concatenate([positions(said) for _, said in flat]) if flat else np.empty(0, dtype=np.float32),
            axis=np.concatenate([axes(said) for _, said in flat]) if flat else np.empty(0, dtype=np.int64),
            starts=np.concatenate([[0], np.cumsum(per_study)]),
        )

    def of_studies(self, studies: ClassIndices) -> tuple[Layout, Indices]:
        """The planes of some of these studies, numbered anew, and where each of them stands here."""
        counts = np.diff(self.starts)[studies]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        index = np.repeat(self.starts[studies], counts) + within
        study = np.repeat(np.arange(len(studies)), counts)
        return self._chosen(index, study, len(studies)), index

    def first(self, planes: int) -> Layout:
        """The first planes alone."""
        study = self.study[:planes]
        return self._chosen(np.arange(len(study)), study, int(study[-1]) + 1 if len(study) else 0)

    def _chosen(self, index: Indices, study: Indices, studies: int) -> Layout:
        starts = np.concatenate([[0], np.cumsum(np.bincount(study, minlength=studies))])
        changes = np.diff(self.view[index]) != 0
        if len(study):
            changes |= np.diff(study) != 0
        return Layout(
            study=study,
            view=np.concatenate([[0], np.cumsum(changes)])[: len(index)],
            row=self.row[index],
            plane=self.plane[index],
            position=self.position[index],
            axis=self.axis[index],
            starts=starts,
        )

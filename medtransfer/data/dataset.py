"""Prepared studies as batches of tensors whose planes are loaded when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float32

from medtransfer.core.types import ClassIndices, Groups, PreparedPictures, StudyTargets
from medtransfer.data.augment import augment
from medtransfer.data.bags import HeldPlanes, Indices, Layout, Planes
from medtransfer.data.tensors import PictureBatch, Targets

if TYPE_CHECKING:
    from medtransfer.core.config.data import AugmentConfig


@dataclass(frozen=True, kw_only=True)
class Change:
    """How the pictures of an epoch are changed at random: all planes of a study alike."""

    config: AugmentConfig
    seed: int
    epoch: int


class StudyBatch:
    """Some studies; their planes are loaded in pieces, so that a batch takes no more memory than a piece.

    Attributes:
        layout: Its planes.
        names: How each study is called in errors.
        encoded: Features of its planes (or volumes, in 3-D), where they were computed before; else None.
    """

    def __init__(
        self,
        arrays: Planes,
        layout: Layout,
        names: tuple[str, ...],
        *,
        cases: ClassIndices | None = None,
        change: Change | None = None,
        encoded: torch.Tensor | None = None,
    ) -> None:
        self._arrays, self._cases, self._change = arrays, cases, change
        self.layout, self.names, self.encoded = layout, names, encoded

    @classmethod
    def of_pictures(cls, pictures: PreparedPictures) -> StudyBatch:
        """Every picture a study of its own."""
        held = HeldPlanes.of_pictures(pictures)
        names = tuple(f"picture {index}" for index in range(len(pictures)))
        return cls(held, Layout.of(held, [[index] for index in range(len(pictures))]), names)

    def __len__(self) -> int:
        """Number of studies."""
        return len(self.layout.starts) - 1

    def first(self, planes: int) -> StudyBatch:
        """The batch, cut after so many planes."""
        layout = self.layout.first(planes)
        return StudyBatch(
            self._arrays, layout, self.names[: len(layout.starts) - 1], cases=self._cases, change=self._change
        )

    def load(self, chosen: Indices, *, neighbours: bool = False) -> PictureBatch:
        """Some planes in [0, 1], augmented where the batch is; `plane channel row column`.

        With `neighbours` a grey plane gets three channels: the one before it in its view, itself, the one after it;
        at the ends of a view a plane is its own neighbour.
        """
        layout = self.layout
        if neighbours:
            around = np.stack([self._beside(chosen, -1), chosen, self._beside(chosen, 1)], axis=1).ravel()
            grey = self._arrays.load(layout.row[around], layout.plane[around])
            pictures = torch.from_numpy(grey.reshape(len(chosen), -1, *grey.shape[2:]))
        else:
            pictures = torch.from_numpy(self._arrays.load(layout.row[chosen], layout.plane[chosen]))
        if self._change is not None and self._cases is not None:
            how, cases = self._change, self._cases[layout.study[chosen]]
            pictures = augment(pictures, how.config, seed=how.seed, epoch=how.epoch, cases=cases)
        return pictures

    @property
    def channels(self) -> int:
        """Of the planes as they are kept: 1 or 3."""
        return self._arrays.channels

    def _beside(self, chosen: Indices, step: int) -> Indices:
        beside = np.clip(chosen + step, 0, len(self.layout.view) - 1)
        return np.where(self.layout.view[beside] == self.layout.view[chosen], beside, chosen)


@dataclass(frozen=True, kw_only=True)
class Encodings:
    """Features of every plane (or volume, in 3-D) of a set, computed once.

    Attributes:
        values: `item feature`, study after study.
        starts: First item of each study, and the number of items at the end.
    """

    values: Float32[np.ndarray, "item feature"]
    starts: Indices

    def of_studies(self, studies: ClassIndices) -> torch.Tensor:
        """The items of some studies, one study after the other."""
        parts = [self.values[self.starts[study] : self.starts[study + 1]] for study in studies.tolist()]
        return torch.from_numpy(np.concatenate(parts))


@dataclass(frozen=True, kw_only=True)
class StudySet:
    """Studies of one domain and split.

    Attributes:
        arrays: Their rows, prepared.
        rows: The rows of each study.
        labels: Index of each study's class; for several labels a study 1, 0 or NaN (unknown) each.
        patients: Integer code of the patient of each study.
        names: How each study is called in errors: by the path of its first row.
        encoded: Features of their planes, where they are computed once and for all.
    """

    arrays: Planes
    rows: tuple[tuple[int, ...], ...]
    labels: StudyTargets
    patients: Groups
    names: tuple[str, ...]
    encoded: Encodings | None = None

    @classmethod
    def of_pictures(
        cls, pictures: PreparedPictures, *, labels: StudyTargets, patients: Groups, names: tuple[str, ...]
    ) -> StudySet:
        """Pictures in memory, each a study of its own."""
        rows = tuple((index,) for index in range(len(pictures)))
        return cls(arrays=HeldPlanes.of_pictures(pictures), rows=rows, labels=labels, patients=patients, names=names)

    def __len__(self) -> int:
        """Number of studies."""
        return len(self.rows)

    @cached_property
    def layout(self) -> Layout:
        """Every plane of the set."""
        return Layout.of(self.arrays, self.rows)

    def batch(
        self, cases: ClassIndices, *, augmentation: AugmentConfig | None = None, seed: int = 0, epoch: int = 0
    ) -> tuple[StudyBatch, Targets]:
        """Some studies and their targets; augmented where asked for, save where features are computed already."""
        layout, _ = self.layout.of_studies(cases)
        batch = StudyBatch(
            self.arrays,
            layout,
            tuple(self.names[case] for case in cases.tolist()),
            cases=cases,
            change=None if augmentation is None else Change(config=augmentation, seed=seed, epoch=epoch),
            encoded=None if self.encoded is None else self.encoded.of_studies(cases),
        )
        return batch, torch.from_numpy(self.labels[cases])

"""Prepared pictures as batches of tensors, and the order in which they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from medtransfer.core.types import CaseWeights, ClassIndices, Groups, PreparedPictures
from medtransfer.data.augment import augment
from medtransfer.data.stored.arrays import PreparedArrays, in_unit_range
from medtransfer.data.tensors import PictureBatch, Targets

if TYPE_CHECKING:
    from medtransfer.core.config.data import AugmentConfig


@dataclass(frozen=True, kw_only=True)
class PictureSet:
    """Cases of one domain and split, in memory-mapped form.

    Attributes:
        pictures: One plane a case, memory-mapped, or an array `case channel row column`; 65,535 stands for 1.
        labels: Index of the class of each case.
        patients: Integer code of the patient of each case.
        names: How each case is called in errors: its path.
        studies: Integer code of the study of each case; None where each case is a study of its own.
    """

    pictures: PreparedPictures | PreparedArrays
    labels: ClassIndices
    patients: Groups
    names: tuple[str, ...]
    studies: Groups | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def batch(
        self, cases: ClassIndices, *, augmentation: AugmentConfig | None = None, seed: int = 0, epoch: int = 0
    ) -> tuple[PictureBatch, Targets]:
        """Pictures in [0, 1] and class indices of some cases; augmented where asked for."""
        if isinstance(self.pictures, PreparedArrays):
            pictures = torch.from_numpy(self.pictures.batch(cases))
        else:
            pictures = torch.from_numpy(in_unit_range(self.pictures[cases]))
        if augmentation is not None:
            pictures = augment(pictures, augmentation, seed=seed, epoch=epoch, cases=cases)
        return pictures, torch.from_numpy(self.labels[cases])


class Order:
    """The order in which `n` cases come, a function of (seed, epoch, salt) alone.

    An epoch is ⌊n / batch⌋ full batches, or one batch of all where there are fewer cases; what is left over
    differs from epoch to epoch, so that no case is left out for good. With `weights`, an epoch draws n cases
    with replacement in proportion to them.
    """

    def __init__(self, n: int, *, batch_size: int, seed: int, salt: int, weights: CaseWeights | None = None) -> None:
        self.steps_per_epoch = max(n // batch_size, 1)
        self._n, self._batch_size, self._seed, self._salt = n, batch_size, seed, salt
        self._weights = None if weights is None else weights / weights.sum()
        self._epoch, self._shuffled = -1, np.empty(0, dtype=np.int64)

    def at(self, step: int) -> tuple[ClassIndices, int]:
        """The cases of an optimiser step, and the epoch (pass over these cases) they belong to."""
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._shuffled = epoch, self._draw(epoch)
        return self._shuffled[position * self._batch_size : (position + 1) * self._batch_size], epoch

    def _draw(self, epoch: int) -> ClassIndices:
        key = np.array([(self._seed << 32) ^ self._salt, epoch], dtype=np.uint64)
        generator = np.random.Generator(np.random.Philox(key=key))
        if self._weights is None:
            return generator.permutation(self._n)
        return generator.choice(self._n, size=self._n, p=self._weights)

"""The order in which cases come."""

from __future__ import annotations

import numpy as np

from medtransfer.core.types import CaseWeights, ClassIndices


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

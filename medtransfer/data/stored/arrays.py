"""The prepared planes of many cases, memory-mapped: ragged, grey and colour side by side.

Mapped pages lie in the system's page cache, which several processes share and which the system takes back when it needs
memory. They count as part of a process all the same while it has looked at them, so that they are handed back once
they are many: no epoch makes the process look as large as its cohort.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float32

from medtransfer.core.types import ClassIndices, PreparedPictures, PreparedPlanes
from medtransfer.data.places import View
from medtransfer.data.stored.shards import Mapped

_HELD = 2**30
"""Bytes that may be looked at before their pages are handed back. To map them again costs a third of using them."""

_CLOSE = 2**20
"""Bytes of a batch that are written and scaled before the next: what a core's second-level cache holds."""

_SCALE = np.float32(1 / 65_535)


def in_unit_range(pictures: PreparedPictures) -> Float32[np.ndarray, "case channel row column"]:
    """Stored values as the network's: v · fl(1/65,535) in single precision, so that 0 stays 0 and 65,535 becomes 1."""
    return pictures.astype(np.float32) * _SCALE


class PreparedArrays:
    """Cases in a stated order; each is `plane channel row column`, 65,535 stands for 1.

    Args:
        cases: For each case the shard it lies in and its place there. All have the same side in pixels.
    """

    def __init__(self, cases: Sequence[tuple[Mapped, int]]) -> None:
        self._cases = tuple(cases)
        self._shapes = tuple(mapped.shard.cases[index].shape for mapped, index in self._cases)
        self.channels = max((shape[1] for shape in self._shapes), default=1)
        """3 where any case has colour, else 1."""
        self.size = self._shapes[0][-1] if self._shapes else 0
        """Side in pixels; 0 where there is no case."""
        self._maps = frozenset(mapped for mapped, _ in self._cases)
        self._known: dict[int, PreparedPlanes] = {}
        self._seen = 0

    def __len__(self) -> int:
        """Number of cases."""
        return len(self._cases)

    def __iter__(self) -> Iterator[PreparedPlanes]:
        """The planes of each case."""
        return (self[case] for case in range(len(self)))

    def __getitem__(self, case: int) -> PreparedPlanes:
        """The planes of one case: a view, nothing is copied."""
        mapped, index = self._cases[case]
        found = mapped.case(index)
        self._saw(found.nbytes)
        return found

    def views(self, case: int) -> tuple[View, ...]:
        """What the planes of a case are, without looking at them."""
        mapped, index = self._cases[case]
        return mapped.shard.cases[index].views

    def planes(self, case: int) -> int:
        """Number of planes of a case, without looking at them."""
        return self._shapes[case][0]

    def load(self, cases: ClassIndices, planes: ClassIndices) -> Float32[np.ndarray, "plane channel row column"]:
        """Planes in [0, 1], each named by its case and its number there; grey ones repeated where a case has colour.

        Some planes are widened and then scaled while they lie in the processor's cache: numpy does both in one step,
        too, but through small buffers and at half the speed.
        """
        found = np.empty((len(cases), self.channels, self.size, self.size), dtype=np.float32)
        chosen = list(zip(cases.tolist(), planes.tolist(), strict=True))
        few = max(1, len(chosen) * _CLOSE // max(found.nbytes, 1))
        for start in range(0, len(chosen), few):
            part = found[start : start + few]
            some = [self._shown(case)[plane : plane + 1] for case, plane in chosen[start : start + few]]
            np.concatenate(some, out=part, casting="unsafe")
            np.multiply(part, _SCALE, out=part)
        self._saw(found.nbytes // 2)
        return found

    def _shown(self, case: int) -> PreparedPlanes:
        """A case with the channels of all; kept, since a view costs as much as reading a small picture."""
        known = self._known.get(case)
        if known is None:
            mapped, index = self._cases[case]
            planes = mapped.case(index)
            known = np.broadcast_to(planes, (len(planes), self.channels, *planes.shape[2:]))
            self._known[case] = known
        return known

    def _saw(self, size: int) -> None:
        """Hand the pages back once enough has been looked at."""
        self._seen += size
        if self._seen > _HELD:
            for mapped in self._maps:
                mapped.release()
            self._seen = 0

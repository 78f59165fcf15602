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
        self._pictures: dict[int, PreparedPictures] = {}
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

    def planes(self, case: int) -> int:
        """Number of planes of a case, without looking at them."""
        return self._shapes[case][0]

    def chosen(self, cases: Sequence[int] | ClassIndices) -> PreparedArrays:
        """Some cases, in the order asked for."""
        return PreparedArrays([self._cases[int(case)] for case in cases])

    def pictures(self, cases: ClassIndices) -> PreparedPictures:
        """A copy of some cases of one plane each; grey ones are repeated where any case here has colour.

        Raises:
            ValueError: A case has several planes.
        """
        found = np.empty((len(cases), self.channels, self.size, self.size), dtype=np.uint16)
        for row, case in zip(found, cases.tolist(), strict=True):
            row[...] = self._picture(case)[0]
        self._saw(found.nbytes)
        return found

    def batch(self, cases: ClassIndices) -> Float32[np.ndarray, "case channel row column"]:
        """`in_unit_range` of `pictures`, written once.

        Some pictures are widened and then scaled while they lie in the processor's cache: numpy does both in one step,
        too, but through small buffers and at half the speed.

        Raises:
            ValueError: A case has several planes.
        """
        found = np.empty((len(cases), self.channels, self.size, self.size), dtype=np.float32)
        chosen = cases.tolist()
        few = max(1, len(cases) * _CLOSE // max(found.nbytes, 1))
        for start in range(0, len(chosen), few):
            part = found[start : start + few]
            np.concatenate([self._picture(case) for case in chosen[start : start + few]], out=part, casting="unsafe")
            np.multiply(part, _SCALE, out=part)
        self._saw(found.nbytes // 2)
        return found

    def _picture(self, case: int) -> PreparedPictures:
        """A case of one plane with the channels of all; kept, since a view costs as much as reading a small picture."""
        known = self._pictures.get(case)
        if known is not None:
            return known
        mapped, index = self._cases[case]
        planes = mapped.case(index)
        if len(planes) != 1:
            msg = f"case {case} has {len(planes)} planes"
            raise ValueError(msg)
        shown = np.broadcast_to(planes, (1, self.channels, *planes.shape[2:]))
        self._pictures[case] = shown
        return shown

    def _saw(self, size: int) -> None:
        """Hand the pages back once enough has been looked at."""
        self._seen += size
        if self._seen > _HELD:
            for mapped in self._maps:
                mapped.release()
            self._seen = 0

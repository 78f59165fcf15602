"""Which part of a cohort a run computes: every n-th batch, so that shards are disjoint and complete.

A study is computed in the batch that it would be in without shards, and its probability is the same to the last bit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from medtransfer.core.errors import ConfigError

BATCH: Final = 16
"""Studies of a batch."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Number `number` of `of`, counted from 1; one of one is the whole cohort."""

    number: int = 1
    of: int = 1

    def has(self, study: int) -> bool:
        """Is the study of this number its own?"""
        return study // BATCH % self.of == self.number - 1

    def batches(self, studies: int) -> Iterator[range]:
        """Its batches of a cohort of so many studies."""
        for start in range((self.number - 1) * BATCH, studies, self.of * BATCH):
            yield range(start, min(start + BATCH, studies))

    def __str__(self) -> str:
        """As it is written: `2/8`."""
        return f"{self.number}/{self.of}"


WHOLE: Final = Shard()
"""The cohort undivided."""


def shard_of(text: str) -> Shard:
    """The shard that `2/8` says.

    Raises:
        ConfigError: `BadShard`.
    """
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, flags=re.ASCII)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise ConfigError(
            f"'{text}' is no shard",
            code="BadShard",
            path="--shard",
            hint="Write number/of, such as 1/8, 2/8 up to 8/8, each run with an --out of its own.",
        )
    return Shard(number=int(found[1]), of=int(found[2]))

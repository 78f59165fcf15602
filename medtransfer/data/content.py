"""What the rows of a cohort hold, as far as headers tell: pictures or volumes, and of which modality."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medtransfer.data.found import Item
    from medtransfer.data.stored.shards import Stored


@dataclass(frozen=True, kw_only=True)
class Content:
    """Counts over the rows that can be read.

    Attributes:
        planes: Number of planes of each row, ascending.
        modalities: Rows of each DICOM modality; those that do not say theirs under an empty name.
        body_parts: Rows of each body part that is said.
    """

    planes: tuple[int, ...]
    modalities: dict[str, int]
    body_parts: dict[str, int]

    @property
    def volumes(self) -> int:
        """Rows of several planes."""
        return sum(count > 1 for count in self.planes)

    @property
    def usual(self) -> int:
        """The upper median of the numbers of planes; 0 where there is no row."""
        return self.planes[len(self.planes) // 2] if self.planes else 0

    def mostly(self, modality: str) -> bool:
        """Are most rows of this modality?"""
        return 2 * self.modalities.get(modality, 0) > len(self.planes)


def content_of(items: Iterable[Item | None], stored: Iterable[Stored] = ()) -> Content:
    """Count what headers say; rows that cannot be read are left out.

    Args:
        items: What the files of the rows hold.
        stored: Rows without files: what the headers of converted arrays say, which know no body part.
    """
    facts = [item.facts for item in items if item is not None]
    kept = list(stored)
    return Content(
        planes=tuple(sorted([*(_planes(said.get("matrix", "")) for said in facts), *(case.shape[0] for case in kept)])),
        modalities=dict(Counter([*(said.get("modality", "") for said in facts), *(case.modality for case in kept)])),
        body_parts=dict(Counter(said["body_part"].upper() for said in facts if said.get("body_part"))),
    )


def _planes(matrix: str) -> int:
    """The third number of `rows × columns × slices`; 1 where there is none."""
    numbers = matrix.split(" × ")
    return int(numbers[2]) if len(numbers) == 3 else 1

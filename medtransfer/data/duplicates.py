"""The same picture twice: byte for byte, or nearly, within a patient, across patients and across splits.

Exact: equal SHA-256 of shape and stored values, whatever file format and data type held them.

Near: pictures as they are shown, averaged over 32 × 32 areas. With t the averages and d what is left of them after
their 3 × 3 neighbourhood's mean is taken away (the fine structure), both of zero mean and unit length,

    ⟨t_i, t_j⟩ ≥ 0.99 and ⟨d_i, d_j⟩ ≥ 0.97     the same picture: scaled, compressed again, or windowed otherwise
    the same with j mirrored left–right          mirrored
    the same with j's sign changed               inverted grey values

Mirrored and inverted ones are named as such and not counted as the same. Pictures are compared with pictures, volumes
and loops by their middle slice with those of equal shape. Pictures without contrast are counted and not compared.

Why these two: between different patients of two radiograph cohorts (5.9 million pairs of children, 0.5 million of
adults) the largest ⟨t, t⟩ was 0.973 and the largest ⟨d, d⟩ 0.83; of 253 brain slices in which one picture occurs in
several sizes, 27 pairs have at least 0.995 and 0.984, the next one 0.982 and 0.824. Radiographs halved in size or
compressed as JPEG of quality 30 keep 0.999 and 0.977 of themselves, windowed 0.992 and 0.958, cropped by 3 % on each
side no more than 0.95 and 0.46: cropped copies are not found. ⟨t, t⟩ alone would not do: drawn radiographs of one
anatomy reach 0.99 without being copies.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float32
from PIL import Image
from scipy.ndimage import uniform_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from medtransfer.core.inert import one_line
from medtransfer.core.types import Voxels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NEAR: Final = 0.99
"""Correlation of the averages from which two pictures are taken for the same, if their fine structure agrees too."""

FINE: Final = 0.97
"""Correlation of the fine structure that it takes besides."""

SIDE: Final = 32
_BLOCK: Final = 1024
_FLAT: Final = 1e-3
"""Spread of an averaged picture, of 1, below which only rounding would be compared."""
_INT32 = np.iinfo(np.int32)
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)

Kind = Literal["exact", "near", "mirrored", "inverted"]
Where = Literal["across splits", "across patients", "patient unknown", "within one patient"]
KINDS: Final[tuple[Kind, ...]] = ("exact", "near", "mirrored", "inverted")
WHERE: Final[tuple[Where, ...]] = ("across splits", "across patients", "patient unknown", "within one patient")
"""Worst first."""

COLUMNS: Final = (
    "group", "kind", "where", "labels_differ", "correlation", "path", "part", "patient_in_group", "split", "label",
)  # fmt: skip

Thumbnail = Float32[np.ndarray, " area"]
"""Zero mean and unit length, rows first."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One picture of a group: where it is, whose, and what the cohort table says of it; empty where unknown."""

    path: str
    part: str = ""
    patient: str = ""
    split: str = ""
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is kept of a picture so that it can be compared.

    Attributes:
        member: Where it is and whose.
        digest: Of shape and stored values.
        group: Only looks with equal ones are compared: empty for a picture, the shape of a volume.
        thumbnail: None where the picture has no contrast.
    """

    member: Member
    digest: str
    group: tuple[int, ...] = ()
    thumbnail: Thumbnail | None = None


@dataclass(frozen=True, kw_only=True)
class Group:
    """Pictures that are the same: each by at least one link to another, the weakest of which has `correlation`."""

    kind: Kind
    members: tuple[Member, ...]
    correlation: float

    @property
    def where(self) -> Where:
        """Which border it crosses; splits first, since that spoils a measurement."""
        if len({member.split for member in self.members} - {""}) > 1:
            return "across splits"
        patients = {member.patient for member in self.members}
        if len(patients - {""}) > 1:
            return "across patients"
        return "patient unknown" if "" in patients else "within one patient"

    @property
    def labels_differ(self) -> bool:
        """The same picture has several labels."""
        return len({member.label for member in self.members} - {""}) > 1


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """All groups, the worst first.

    Attributes:
        groups: Exact, near, mirrored and inverted ones.
        compared: Pictures and volumes with contrast.
        flat: Those without: one value everywhere, or nearly.
        near: The correlation from which they count.
    """

    groups: tuple[Group, ...] = ()
    compared: int = 0
    flat: int = 0
    near: float = NEAR

    def counts(self) -> dict[str, dict[str, int]]:
        """Number of groups by kind and border; what there is none of is left out."""
        tally = Counter((group.kind, group.where) for group in self.groups)
        rows = {kind: {where: tally[kind, where] for where in WHERE if tally[kind, where]} for kind in KINDS}
        return {kind: row for kind, row in rows.items() if row}

    def table(self) -> pd.DataFrame:
        """One row a member, `COLUMNS`, each cell printable; patients are numbered within their group, not named."""
        rows = [
            (
                number,
                group.kind,
                group.where,
                group.labels_differ,
                round(group.correlation, 5),
                *(one_line(cell, limit=None) for cell in (member.path, member.part)),
                whose[member.patient],
                *(one_line(cell, limit=None) for cell in (member.split, member.label)),
            )
            for number, group in enumerate(self.groups, 1)
            for whose in [_numbered(group.members)]
            for member in group.members
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))


def pixel_digest(voxels: Voxels) -> str:
    """SHA-256 of shape and values, in hex: equal for 8-bit, 16-bit and floating-point storage of the same values."""
    digest = hashlib.sha256(repr(voxels.shape).encode())
    several = voxels.ndim == 4 or (voxels.ndim == 3 and voxels.shape[-1] != 3)
    planes = voxels if several else voxels[np.newaxis]
    for plane in planes:
        digest.update(_canonical(np.asarray(plane)))
    return digest.hexdigest()


def thumbnail(picture: np.ndarray) -> Thumbnail | None:
    """Area means of a shown picture, `row column` or `row column 3`, as a vector; None where it has no contrast."""
    grey = picture if picture.ndim == 2 else picture @ _LUMA
    image = Image.fromarray(np.ascontiguousarray(grey, dtype=np.float32))
    values = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float64).ravel()
    if not values.std() >= _FLAT:
        return None
    centred = values - values.mean()
    return (centred / np.linalg.norm(centred)).astype(np.float32)


def duplicates(looks: Sequence[Look], *, near: float = NEAR) -> Duplicates:
    """Compare each picture with each other one of its kind.

    Time grows with the square of their number, in blocks of one matrix product each; memory holds the thumbnails (4 kB
    a picture) and one block of correlations.

    Args:
        looks: What was kept of each.
        near: Correlation from which two are the same.
    """
    with_contrast = [look for look in looks if look.thumbnail is not None]
    copies: dict[str, list[Member]] = defaultdict(list)
    for look in with_contrast:
        copies[look.digest].append(look.member)
    groups = [
        Group(kind="exact", members=tuple(members), correlation=1.0) for members in copies.values() if len(members) > 1
    ]
    firsts: dict[tuple[int, ...], dict[str, np.ndarray]] = defaultdict(dict)
    for look in with_contrast:
        if look.thumbnail is not None:
            firsts[look.group].setdefault(look.digest, look.thumbnail)
    for alike in firsts.values():
        digests, vectors = list(alike), np.stack(list(alike.values()))
        for kind, indices, correlation in _linked(vectors, near):
            members = tuple(member for i in indices for member in copies[digests[i]])
            groups.append(Group(kind=kind, members=members, correlation=correlation))
    return Duplicates(
        groups=tuple(sorted(groups, key=_worst_first)),
        compared=len(with_contrast),
        flat=len(looks) - len(with_contrast),
        near=near,
    )


def _canonical(plane: np.ndarray) -> bytes:
    """Integers of up to 32 bits where the values are such, floating point of 64 bits where not."""
    if plane.dtype.kind in "bui" and plane.dtype.itemsize <= 2:
        return b"i" + plane.astype("<i4").tobytes()
    if plane.size and np.isfinite(plane).all() and plane.min() >= _INT32.min and plane.max() <= _INT32.max:
        whole = plane.astype("<i4")
        if (whole == plane).all():
            return b"i" + whole.tobytes()
    return b"f" + (plane.astype("<f8") + 0.0).tobytes()  # −0 becomes 0


def _linked(vectors: np.ndarray, near: float) -> Iterable[tuple[Kind, np.ndarray, float]]:
    """Kind, indices and weakest link of each group of at least two vectors.

    Links are thinned block by block to a maximum spanning forest, so that a thousand copies of one picture keep 999 of
    half a million links; the groups and the strongest chain through each stay what they were.
    """
    n = len(vectors)
    detail = _fine_structure(vectors)
    forests: dict[Kind, coo_array] = {kind: coo_array((n, n), dtype=np.float64) for kind in KINDS[1:]}
    for start in range(0, n, _BLOCK):
        end = min(start + _BLOCK, n)
        later = np.triu(np.ones((end - start, n - start), dtype=bool), 1)
        plain = _products(vectors, start, end)
        flipped = _products(vectors, start, end, mirrored=True)
        found: tuple[tuple[Kind, np.ndarray, np.ndarray], ...] = (
            ("near", plain, (plain >= near) & later),
            ("mirrored", flipped, (flipped >= near) & (plain < near) & later),
            ("inverted", -plain, (plain <= -near) & later),
        )
        for kind, strength, chosen in found:
            if chosen.any():
                fine = _products(detail, start, end, mirrored=kind == "mirrored")
                i, j = np.nonzero(chosen & ((-fine if kind == "inverted" else fine) >= FINE))
                links = coo_array((2.0 - strength[i, j], (i + start, j + start)), shape=(n, n))  # 0 would be no link
                forests[kind] = coo_array(minimum_spanning_tree((forests[kind] + links).tocsr()))
    for kind, forest in forests.items():
        if forest.nnz:
            yield from _groups(kind, forest)


def _products(vectors: np.ndarray, start: int, end: int, *, mirrored: bool = False) -> np.ndarray:
    """Correlations of the vectors from `start` to `end` with all from `start` on, or with their mirror images."""
    others = vectors[start:]
    if mirrored:
        others = others.reshape(-1, SIDE, SIDE)[:, :, ::-1].reshape(len(others), -1)
    return vectors[start:end] @ others.T


def _fine_structure(vectors: np.ndarray) -> np.ndarray:
    """Each picture without the mean of its 3 × 3 neighbourhood, zero-mean, unit length; zero where it has none."""
    pictures = vectors.reshape(-1, SIDE, SIDE)
    rest = pictures - uniform_filter(pictures, size=(1, 3, 3), mode="nearest")
    flat = rest.reshape(len(vectors), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.where(length > _FLAT, flat / np.maximum(length, _FLAT), 0)


def _groups(kind: Kind, forest: coo_array) -> Iterable[tuple[Kind, np.ndarray, float]]:
    _, component = connected_components(forest, directed=False)
    of_link, distance = component[forest.row], forest.data
    for number in np.unique(of_link):
        weakest = 2.0 - float(distance[of_link == number].max())
        yield kind, np.flatnonzero(component == number), min(weakest, 1.0)


def _worst_first(group: Group) -> tuple[int, bool, int, int, str]:
    return (
        WHERE.index(group.where),
        not group.labels_differ,
        KINDS.index(group.kind),
        -len(group.members),
        group.members[0].path,
    )


def _numbered(members: Iterable[Member]) -> dict[str, str]:
    """Patient → a number within the group, an empty one for the unknown."""
    known = dict.fromkeys(member.patient for member in members if member.patient)
    return {"": "", **{patient: str(number) for number, patient in enumerate(known, 1)}}

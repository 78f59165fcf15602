"""Studies in a folder of the server.

Files of one StudyInstanceUID (and one patient) that lie together are one study. What has no such number is a study as
it lies: each file directly in the folder is one, and what is in a sub-folder is one together. A NIfTI file is a study
of its own wherever it lies: it is a whole volume and names no patient, and those of many patients usually lie in one
folder.

A study is called by its sub-folder where that holds no other study, else by its first file. It is chosen from this list
and never by a path, so that no name can lead out of the folder; the name of any of its files leads to it, too.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from apps.studies.places import place_of, places_of
from apps.studies.told import Told, told_by
from apps.studies.walk import SUFFIXES, Walker
from apps.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import medtransfer as mt
    from apps.studies.walk import File, Level, Walk

__all__ = ["MOST_FILES", "MOST_STUDIES", "SUFFIXES", "Listing", "Study", "list_studies", "listing_of"]

VOLUMES: Final = (".nii", ".nii.gz")
MOST_STUDIES: Final = 2_000
MOST_FILES: Final = 2_000
"""Files that one study may have: a long CT, with its scouts."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """One study: its files, and how it and they are called on the screen."""

    name: str
    files: tuple[Path, ...]
    names: tuple[str, ...]
    arrived: float = 0.0
    """When the newest of its files was written, in seconds since 1970."""
    aliases: tuple[str, ...] = ()
    """Where its files lie in the folder: they lead to it as its name does."""
    told: Told = field(default_factory=Told)
    settled: bool = True
    """Whether all files that lie beside it have been looked at: until then, others may turn out to belong to it."""
    stamps: tuple[tuple[int, int], ...] = field(default=(), repr=False)
    """Size and time of each file."""
    content: str = ""
    """SHA-256 of what is in its files, where it is known already."""

    @property
    def size(self) -> int:
        """Bytes of its files together."""
        return sum(size for size, _ in self.stamps)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The studies of a folder.

    `outside` counts links that lead out of it; `cut` says that it has more studies than are listed; `others` counts
    files that are no images, by suffix.
    """

    studies: tuple[Study, ...]
    outside: int = 0
    cut: bool = False
    others: tuple[tuple[str, int], ...] = ()

    def position(self, name: str) -> int | None:
        """Where the study of exactly this name stands, or that of a file of this name, or None."""
        return self._positions.get(name)

    def place(self, study_id: str) -> str | None:
        """The name of the study that a table calls so; None where it is not there."""
        return place_of(study_id, self.places)

    @cached_property
    def places(self) -> dict[str, str]:
        """Every way to call a study that means one study only → its name."""
        return places_of((study.name, study.aliases) for study in self.studies)

    @cached_property
    def digest(self) -> str:
        """Tells this list from one with other names."""
        said = "\n".join(f"{study.name}\n{study.aliases}" for study in self.studies)
        return sha256(said.encode("utf-8", "surrogatepass")).hexdigest()

    @cached_property
    def waiting(self) -> int:
        """Studies with files that are still to be looked at."""
        return sum(bool(study.told.waiting) for study in self.studies)

    @cached_property
    def _positions(self) -> dict[str, int]:
        by_file = {alias: i for i, study in enumerate(self.studies) for alias in study.aliases}
        return by_file | {study.name: i for i, study in enumerate(self.studies)}


def list_studies(root: Path) -> Listing:
    """The studies of a folder as they lie, of which nothing is known."""
    return listing_of(Walker(root).walk(), lambda _: None)


def listing_of(walk: Walk, header_of: Callable[[File], mt.FileHeader | None]) -> Listing:
    """The studies of a folder.

    Args:
        walk: What lies in it.
        header_of: What a file's header says; None where it is still to be looked at.
    """
    studies: list[Study] = []
    cut = walk.cut
    for level in walk.levels:
        studies += _studies(level, walk.root, header_of)
        if len(studies) > MOST_STUDIES:
            cut = True
            break
    others = tuple(sorted(walk.others.items(), key=lambda kind: (-kind[1], kind[0])))
    return Listing(studies=_told_apart(studies[:MOST_STUDIES]), outside=walk.outside, cut=cut, others=others)


def _studies(level: Level, root: Path, header_of: Callable[[File], mt.FileHeader | None]) -> list[Study]:
    """Those of one folder, by their first file; one that bears the folder's name last."""
    found = {file.path: header_of(file) for file in level.files}
    settled = all(header is not None for header in found.values())
    top = level.folder == root
    groups: dict[tuple[str, ...], list[File]] = {}
    for file in level.files:
        groups.setdefault(_group(file, found[file.path], top=top), []).append(file)
    numbered = [key for key in groups if len(key) == 2]
    if not top and (len(numbered) == 1 or not settled):
        rest = groups.pop((), [])
        rest += [file for key in numbered for file in groups.pop(key)]
        groups[()] = sorted(rest, key=lambda file: file.name)
    together = groups.pop((), [])
    studies = [
        _study(_place(files[0].path, root), files, root, [found[file.path] for file in files], settled=settled)
        for files in groups.values()
    ]
    if together:
        headers = [found[file.path] for file in together]
        studies.append(_study(_place(str(level.folder), root), together, root, headers, settled=settled))
    return studies


def _group(file: File, header: mt.FileHeader | None, *, top: bool) -> tuple[str, ...]:
    """What the files of one study share: its number and the patient's, else their folder, else nothing."""
    if file.name.lower().endswith(VOLUMES):
        return (file.path,)
    if header is not None and header.study_uid:
        return (header.study_uid, header.patient_id)
    return (file.path,) if top else ()


def _study(
    name: str, files: Sequence[File], root: Path, headers: Sequence[mt.FileHeader | None], *, settled: bool
) -> Study:
    return Study(
        name=printable(name),
        files=tuple(Path(file.path) for file in files),
        names=tuple(printable(file.name) for file in files),
        arrived=max(file.stamp[1] for file in files) / 1e9,
        aliases=tuple(printable(_place(file.path, root)) for file in files),
        told=told_by(headers),
        settled=settled,
        stamps=tuple(file.stamp for file in files),
    )


def _place(path: str, root: Path) -> str:
    return path[len(str(root)) :].lstrip("/")


def _told_apart(studies: Iterable[Study]) -> tuple[Study, ...]:
    """Names that differ only in what cannot be printed get a number, since a study is opened by its name."""
    met: Counter[str] = Counter()
    told: list[Study] = []
    for study in studies:
        met[study.name] += 1
        again = met[study.name]
        told.append(study if again == 1 else replace(study, name=f"{study.name} ({again})"))
    return tuple(told)

"""What is known of the folder's files before anybody opens them: their headers, and where needed their content.

A file is looked at once, and again when its size or time changes. Nobody waits for that: the list of studies is there
at once, with what is known so far, and is made anew as more is known. Content is digested only of studies that may be
another's copy: of as many bytes as another one, or as one that somebody has opened.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from apps.studies.folder import Listing, Study, listing_of
from apps.studies.walk import Walker

if TYPE_CHECKING:
    import medtransfer as mt
    from apps.studies.walk import File, Stamp, Walk

BATCH: Final = 200
"""Files that are looked at together: of a series, the slices have most of their headers in common."""

MOST_HEADERS: Final = 100_000
"""Files of which something is remembered; the others are looked at when they are opened."""

EVERY: Final = 2.0
"""Seconds between two lists while files are being looked at: making one takes time, too."""

Headers = Callable[[Sequence[Path]], "Sequence[mt.FileHeader]"]
Content = Callable[[Sequence[Path]], str]


class Looking:
    """One folder. One thread at a time calls `look`; `listing` may be read from any.

    Args:
        root: The folder.
        headers: What reads headers; never raises for a file's sake.
        content: What digests a study's files; empty where it cannot.
    """

    def __init__(self, root: Path, headers: Headers, content: Content) -> None:
        self.root = root
        self.listing: Listing | None = None
        self.cost = 0.0  # processor time of the last walk, in seconds: what a look costs where nothing is new
        self._walker, self._headers, self._content = Walker(root), headers, content
        self._walk: Walk | None = None
        self._known: dict[str, tuple[Stamp, mt.FileHeader]] = {}
        self._contents: dict[tuple[tuple[Path, ...], tuple[Stamp, ...]], str] = {}
        self._opened: tuple[frozenset[int], frozenset[str]] = frozenset(), frozenset()

    def look(
        self, *, most: int = MOST_HEADERS, most_bytes: float = float("inf"), stop: threading.Event | None = None
    ) -> None:
        """Look through the folder, and at what is new in it."""
        begun = time.thread_time()
        walk = self._walker.walk()
        self.cost = time.thread_time() - begun
        there = {file.path: file for level in walk.levels for file in level.files}
        self._known = {
            path: known for path, known in self._known.items() if path in there and there[path].stamp == known[0]
        }
        new = [file for path, file in there.items() if path not in self._known][: max(0, most - len(self._known))]
        if new or self._walk != walk:
            self._walk = walk
            self._publish(walk)
        at = time.monotonic()
        for start in range(0, len(new), BATCH):
            if stop is not None and stop.is_set():
                return
            batch = new[start : start + BATCH]
            for file, header in zip(batch, self._headers([Path(file.path) for file in batch]), strict=True):
                self._known[file.path] = (file.stamp, header)
            if time.monotonic() - at > EVERY:
                self._publish(walk)
                at = time.monotonic()
        if new:
            self._publish(walk)
        self._digest(most_bytes, stop)

    def opened_so_far(self, sizes: Iterable[int], names: Iterable[str]) -> None:
        """What somebody has opened, of how many bytes and under which names: it may lie here again, or be changed."""
        self._opened = frozenset(sizes), frozenset(names)

    def _header_of(self, file: File) -> mt.FileHeader | None:
        known = self._known.get(file.path)
        return None if known is None else known[1]

    def _publish(self, walk: Walk) -> None:
        found = listing_of(walk, self._header_of)
        self.listing = replace(found, studies=tuple(self._with_content(study) for study in found.studies))

    def _with_content(self, study: Study) -> Study:
        content = self._contents.get((study.files, study.stamps)) if self._contents else None
        return study if content is None else replace(study, content=content)

    def _digest(self, most_bytes: float, stop: threading.Event | None) -> None:
        """Digest what may be a copy; what is no longer there is forgotten."""
        listing = self.listing
        if listing is None:
            return
        there = Counter(study.size for study in listing.studies)
        sizes, names = self._opened
        wanted = [
            study
            for study in listing.studies
            if there[study.size] > 1
            or study.size in sizes
            or (names and not names.isdisjoint((study.name, *study.aliases)))
        ]
        keys = {(study.files, study.stamps) for study in wanted}
        before = len(self._contents)
        self._contents = {key: content for key, content in self._contents.items() if key in keys}
        changed = len(self._contents) != before
        for study in wanted:
            key = (study.files, study.stamps)
            if key in self._contents or (stop is not None and stop.is_set()):
                continue
            most_bytes -= study.size
            if most_bytes < 0:
                break
            self._contents[key] = self._content(study.files)
            changed = True
        if changed and self._walk is not None:
            self._publish(self._walk)

"""Files of reviews: a new one, and one with thirty entries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from medtransfer.core.reviews.store import Reviews

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medtransfer.core.reviews.entry import Kind, ReviewEntry

ENTRIES = 30


class Say(Protocol):
    def __call__(
        self, reviews: Reviews, number: int, kind: Kind = ..., *, who: str = ..., **content: Any
    ) -> ReviewEntry: ...


@pytest.fixture(scope="session")
def say() -> Say:
    """Appends an entry on study `number % 5`."""

    def one(
        reviews: Reviews, number: int, kind: Kind = "impression", *, who: str = "anna", **content: Any
    ) -> ReviewEntry:
        return reviews.append(
            kind,
            who=who,
            study=f"study {number % 5}",
            study_sha256=f"{number % 5:064x}",
            bundle_sha256="b" * 64,
            shown={"slice": number, "width": 400.5},
            content={"label": "pneumonia", "confidence": number, **content},
        )

    return one


@pytest.fixture
def reviews(tmp_path: Path) -> Iterator[Reviews]:
    with Reviews(tmp_path / "new" / "reviews.sqlite") as opened:
        yield opened


@pytest.fixture(scope="session")
def thirty(say: Say, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of thirty entries, with its head beside it. Copy it, do not change it."""
    path = tmp_path_factory.mktemp("thirty") / "reviews.sqlite"
    with Reviews(path) as opened:
        for number in range(ENTRIES):
            say(opened, number, note=f"café {number}")
    return path

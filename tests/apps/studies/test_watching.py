"""The watch over the folder: a thread of the server, and a process that reads for it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apps.studies.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.apps.conftest import WriteStudy


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    found = Watch(tmp_path, period=0.05)
    yield found
    found.end()
    assert not found.is_alive()


def names(watch: Watch, count: int) -> list[str]:
    """Of the studies, once there are so many that all have been looked at."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        listing = watch.looking.listing
        if listing is not None and len(listing.studies) == count and not listing.waiting:
            return [study.name for study in listing.studies]
        time.sleep(0.02)
    pytest.fail("it was never looked at")


def test_what_arrives_is_known_soon(watch: Watch, tmp_path: Path, write_study: WriteStudy) -> None:
    write_study(tmp_path / "X.dcm", StudyInstanceUID="1.2.7")
    write_study(tmp_path / "X_lateral.dcm", StudyInstanceUID="1.2.7")
    watch.start()
    assert names(watch, 1) == ["X.dcm"]
    write_study(tmp_path / "Y.dcm")
    assert names(watch, 2) == ["X.dcm", "Y.dcm"]


def end_the_process(files: object) -> None:
    """As a file would that brings its reader down."""
    if "hostile.dcm" in str(files):
        os._exit(1)


@pytest.mark.slow
def test_a_file_that_ends_the_process_is_said_and_the_others_are_read(
    watch: Watch, tmp_path: Path, write_study: WriteStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.dcm", "hostile.dcm", "z.dcm"):
        write_study(tmp_path / name)
    monkeypatch.setattr("medtransfer.file_headers", headers_or_the_end, raising=False)
    watch.start()
    assert names(watch, 3) == ["a.dcm", "hostile.dcm", "z.dcm"]
    assert watch.looking.listing is not None
    failed = {study.name: study.told.failed for study in watch.looking.listing.studies}
    assert "was given up" in failed.pop("hostile.dcm")
    assert set(failed.values()) == {""}


def headers_or_the_end(files: list[Path], **how: object) -> object:
    from medtransfer.data.headers import file_headers

    end_the_process(files)
    return file_headers(files, **how)  # type: ignore[arg-type]

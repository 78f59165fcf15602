"""What is known of a folder before anybody opens anything, and what it costs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import medtransfer as mt
from apps.studies import looking as looking_module
from apps.studies.looking import Looking

if TYPE_CHECKING:
    from apps.studies.folder import Listing
    from tests.apps.conftest import WriteStudy


class Asked:
    """Reads headers, and keeps what it was asked for and what the list was meanwhile."""

    def __init__(self, root: Path) -> None:
        self.names: list[str] = []
        self.waited: list[int] = []
        self.digested: list[str] = []
        self.looking = Looking(root, self.headers, self.content)

    def headers(self, files: Sequence[Path]) -> Sequence[mt.FileHeader]:
        self.names += [file.name for file in files]
        self.waited.append(self.listing.waiting)
        return mt.file_headers(files)

    def content(self, files: Sequence[Path]) -> str:
        self.digested += [file.name for file in files]
        return mt.study_sha256(files)

    @property
    def listing(self) -> Listing:
        assert self.looking.listing is not None
        return self.looking.listing


def test_the_list_is_there_before_any_file_is_looked_at(
    tmp_path: Path, write_study: WriteStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_module, "BATCH", 2)
    monkeypatch.setattr(looking_module, "EVERY", 0.0)
    for number in range(5):
        write_study(tmp_path / f"{number}.dcm")
    asked = Asked(tmp_path)
    asked.looking.look()
    assert asked.waited == [5, 3, 1]
    assert asked.listing.waiting == 0


def test_a_file_is_looked_at_again_only_when_it_changes(tmp_path: Path, write_study: WriteStudy) -> None:
    for number in range(3):
        write_study(tmp_path / f"{number}.dcm")
    asked = Asked(tmp_path)
    for _ in range(2):
        asked.looking.look()
    assert asked.names == ["0.dcm", "1.dcm", "2.dcm"]
    before = asked.listing
    asked.looking.look()
    assert asked.listing is before  # and nothing is drawn anew for it
    os.utime(tmp_path / "1.dcm", (1, 1))
    write_study(tmp_path / "3.dcm")
    (tmp_path / "0.dcm").unlink()
    asked.looking.look()
    assert asked.names[3:] == ["1.dcm", "3.dcm"]
    assert [study.name for study in asked.listing.studies] == ["1.dcm", "2.dcm", "3.dcm"]


def test_what_is_beyond_the_bound_stays_to_be_looked_at(tmp_path: Path, write_study: WriteStudy) -> None:
    for number in range(3):
        write_study(tmp_path / f"{number}.dcm")
    asked = Asked(tmp_path)
    asked.looking.look(most=2)
    asked.looking.look(most=2)
    assert asked.names == ["0.dcm", "1.dcm"]
    assert asked.listing.waiting == 1


def test_content_is_digested_only_of_what_may_be_a_copy(tmp_path: Path, write_study: WriteStudy) -> None:
    for number in range(3):
        write_study(tmp_path / f"{number}.dcm", PatientComments="x" * 100 * number)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "again.dcm").write_bytes((tmp_path / "0.dcm").read_bytes())
    asked = Asked(tmp_path)
    asked.looking.look()
    asked.looking.look()
    assert sorted(asked.digested) == ["0.dcm", "again.dcm"]
    content = {study.name: study.content for study in asked.listing.studies}
    assert content["0.dcm"] == content["elsewhere"] == mt.study_sha256([tmp_path / "0.dcm"])
    assert content["1.dcm"] == content["2.dcm"] == ""
    asked.looking.opened_so_far([(tmp_path / "1.dcm").stat().st_size], ["2.dcm"])
    asked.looking.look()
    assert sorted(asked.digested[2:]) == ["1.dcm", "2.dcm"]

"""Laws of the file: what `append` gave back is there, in its order, for its owner alone; nothing is ever changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.errors import ConfigError, OutputError, UnusableInputError
from medtransfer.core.reviews.chain import rows_of_lines, what_is_wrong
from medtransfer.core.reviews.entry import FIRST, canonical, digest_of, line_of, sealed
from medtransfer.core.reviews.head import Head, head_place
from medtransfer.core.reviews.store import Reviews

if TYPE_CHECKING:
    from medtransfer.core.reviews.entry import Kind
    from tests.core.reviews.conftest import Say

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_entries_come_back_as_they_were_said(reviews: Reviews, say: Say) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    said = [say(reviews, 0), say(reviews, 1, "reveal", who="boris"), say(reviews, 0, "feedback")]
    assert reviews.entries() == tuple(said)
    assert [entry.number for entry in said] == [1, 2, 3]
    assert [entry.previous for entry in said] == [FIRST, said[0].digest, said[1].digest]
    assert all(before <= datetime.fromisoformat(entry.at) <= datetime.now(UTC) for entry in said)
    assert all(entry.at.endswith("Z") for entry in said)
    assert reviews.entries(study_sha256=said[0].study_sha256) == (said[0], said[2])
    assert reviews.entries(kind="reveal") == reviews.entries(who="boris") == (said[1],)
    assert reviews.entries(study_sha256="none") == ()
    assert reviews.head() == Head(3, said[2].digest)
    assert reviews.verify() == ""


def test_the_digest_is_what_the_docstring_says(reviews: Reviews, say: Say) -> None:
    entry = say(reviews, 7, note="λ")
    fields = json.loads(line_of(entry))
    digest = fields.pop("digest")
    by_hand = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii")
    assert digest == hashlib.sha256(by_hand).hexdigest() == entry.digest


@given(st.dictionaries(st.text(), JSON, max_size=4), st.text(), st.text())
@settings(deadline=None, max_examples=25)
def test_whatever_was_typed_is_kept_to_the_letter(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any], who: str, study: str
) -> None:
    with Reviews(tmp_path_factory.mktemp("r") / "r") as reviews:
        reviews.append("feedback", who=who, study=study, study_sha256="s", bundle_sha256="b", shown={}, content=content)
        (entry,) = reviews.entries(study_sha256="s")
        assert (entry.content, entry.who, entry.study) == (content, who, study)
        assert reviews.verify() == ""
        assert what_is_wrong(rows_of_lines([line_of(entry) + "\n"]), [reviews.head()])[0] == ""


def test_undecodable_names_and_infinite_numbers_are_no_obstacle(reviews: Reviews) -> None:
    shown = {"centre": float("nan"), "width": float("inf"), "of": (1, 2.5)}
    entry = reviews.append(
        "impression", who="a\udcff", study="\ud800", study_sha256="s", bundle_sha256="b", shown=shown, content={}
    )
    assert reviews.entries() == (entry,)
    assert entry.shown == {"centre": "nan", "width": "inf", "of": [1, 2.5]}
    assert reviews.verify() == ""


def test_what_json_cannot_hold_is_refused_and_nothing_written(reviews: Reviews, say: Say) -> None:
    for wrong in (object(), b"bytes", {1, 2}):
        with pytest.raises(ConfigError) as error:
            say(reviews, 0, wrong=wrong)
        assert error.value.code == "NotJson"
    with pytest.raises(ConfigError, match="diagnosis") as error:
        sealed(kind="diagnosis")
    assert error.value.code == "UnknownKind"
    assert reviews.entries() == ()
    say(reviews, 0)
    assert reviews.verify() == ""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET digest = ''",
        "DELETE FROM entries",
        "DELETE FROM entries WHERE number = 2",
        "INSERT OR REPLACE INTO entries SELECT number, entry, 'x' FROM entries WHERE number = 2",
        "INSERT INTO entries SELECT 9, entry, digest FROM entries WHERE number = 2",
        "INSERT INTO entries SELECT -1, entry, digest FROM entries WHERE number = 2",
    ],
)
def test_the_guards_forbid_every_change(reviews: Reviews, say: Say, statement: str) -> None:
    said = [say(reviews, number) for number in range(3)]
    other = sqlite3.connect(reviews.path, isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError, match="entries are"):
        other.execute(statement)
    other.close()
    assert reviews.entries() == tuple(said)
    assert reviews.verify() == ""


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_the_files_are_their_owners_alone(tmp_path: Path, say: Say) -> None:
    before = os.umask(0)
    try:
        with Reviews(tmp_path / "deep" / "er" / "reviews.sqlite") as reviews:
            say(reviews, 0)
            files = list(reviews.path.parent.iterdir())
            assert {file.name for file in files} >= {"reviews.sqlite", "reviews.sqlite-head"}
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert {stat.S_IMODE(folder.stat().st_mode) for folder in (tmp_path / "deep", tmp_path / "deep/er")} == {0o700}
    finally:
        os.umask(before)


def test_the_last_claim_holds_until_its_reader_gives_it_back(reviews: Reviews, say: Say) -> None:
    study = f"{0:064x}"
    steps: tuple[tuple[Kind, str, str | None], ...] = (
        ("claim", "anna", "anna"),
        ("claim", "boris", "boris"),
        ("impression", "anna", "boris"),
        ("release", "carla", "boris"),
        ("release", "boris", "anna"),
        ("release", "anna", None),
        ("claim", "anna", "anna"),
    )
    for kind, who, holder in steps:
        say(reviews, 0, kind, who=who)
        assert reviews.claims().get(study) == holder
    assert set(reviews.claims()) == {study}


class FullDisk(sqlite3.Connection):
    """Grows by no page any more."""

    def fill(self) -> None:
        (pages,) = self.execute("PRAGMA page_count").fetchone()
        self.execute(f"PRAGMA max_page_count={pages}")

    def free(self) -> None:
        self.execute("PRAGMA max_page_count=1073741823")


def test_a_full_disk_is_said_calmly_and_loses_nothing(
    tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: connect(*args, factory=FullDisk, **kwargs))
    with Reviews(tmp_path / "r") as reviews:
        said = [say(reviews, number) for number in range(3)]
        disk: Any = reviews._connection
        disk.fill()
        with suppress(OutputError):  # what is left of the last page
            said += [say(reviews, number, text="x" * 3000) for number in range(3, 9)]
            pytest.fail("the disk was not full")
        with pytest.raises(OutputError) as error:
            say(reviews, 9, text="x" * 3000)
        assert error.value.code == "DiskFull"
        assert "disk is full" in error.value.message
        assert "safe" in str(error.value.hint)
        assert reviews.entries()[:3] == tuple(said)
        assert reviews.verify() == ""
        disk.free()
        said = [*reviews.entries(), say(reviews, 99, text="x" * 3000)]
    with Reviews(tmp_path / "r") as reviews:
        assert reviews.entries() == tuple(said)
        assert reviews.verify() == ""


def test_an_entry_is_recorded_though_its_head_cannot_be_moved(
    reviews: Reviews, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(reviews, 0)

    def full(path: Path, head: Head) -> None:
        raise OutputError("full", code="Unwritable", path=path)

    with monkeypatch.context() as patch:
        patch.setattr("medtransfer.core.reviews.store.write_head", full)
        say(reviews, 1)
    assert len(reviews.entries()) == 2
    assert reviews.verify() == ""
    say(reviews, 2)
    assert head_place(reviews.path).read_text() == f"{reviews.head()}\n"


def test_a_locked_file_is_said_and_asks_for_patience(reviews: Reviews, say: Say) -> None:
    say(reviews, 0)
    other = sqlite3.connect(reviews.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    reviews._connection.execute("PRAGMA busy_timeout=1")
    with pytest.raises(OutputError) as error:
        say(reviews, 1)
    assert error.value.code == "Busy"
    other.execute("ROLLBACK")
    other.close()
    say(reviews, 1)
    assert reviews.verify() == ""


@pytest.mark.parametrize("act", ["remove", "replace"])
def test_nothing_is_written_into_a_file_that_is_no_longer_there(
    reviews: Reviews, say: Say, thirty: Path, act: str
) -> None:
    say(reviews, 0)
    reviews.path.rename(reviews.path.with_name("elsewhere"))
    if act == "replace":
        shutil.copy(thirty, reviews.path)
    with pytest.raises(OutputError) as error:
        say(reviews, 1)
    assert error.value.code in {"Moved", "Unwritable"}
    assert "not recorded" in error.value.message
    assert len(reviews.entries()) == 1


@pytest.mark.parametrize("content", [b"words " * 400, None])
def test_what_is_something_else_is_left_as_it_is(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "other"
    if content is None:
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE patients (name)")
        other.close()
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    for opening in (Reviews, Reviews.existing):
        with pytest.raises(UnusableInputError) as error:
            opening(path)
        assert error.value.code == "NoReviews"
    assert path.read_bytes() == before
    assert not head_place(path).exists()


def test_where_nothing_can_be_written_the_error_is_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "below", tmp_path):
        with pytest.raises(OutputError) as error:
            Reviews(path)
        assert error.value.code == "Unwritable"


def test_only_reading_makes_and_changes_nothing(thirty: Path, tmp_path: Path) -> None:
    with pytest.raises(UnusableInputError):
        Reviews.existing(tmp_path / "none")
    assert not list(tmp_path.iterdir())
    before = {file.name: file.read_bytes() for file in thirty.parent.iterdir()}
    with Reviews.existing(thirty) as reviews:
        assert len(reviews.entries()) == 30
        assert reviews.verify() == ""
        with pytest.raises(OutputError):
            reviews.append("claim", who="a", study="s", study_sha256="s", bundle_sha256="b", shown={}, content={})
    assert {file.name: file.read_bytes() for file in thirty.parent.iterdir()} == before


def test_threads_of_one_process_append_to_one_chain(reviews: Reviews, say: Say) -> None:
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda number: say(reviews, number), range(64)))
    assert sorted(entry.number for entry in said) == list(range(1, 65))
    assert reviews.entries() == tuple(sorted(said, key=lambda entry: entry.number))
    assert reviews.verify() == ""
    assert reviews.head().number == 64


def test_canonical_text_is_ascii_and_sorted() -> None:
    assert canonical({"b": "é", "a": [1, None]}) == '{"a":[1,null],"b":"\\u00e9"}'
    assert digest_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

"""Laws of the journal: what was committed is there after a kill, whole and once."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from medtransfer.core.errors import OutputError
from medtransfer.core.journal import Journal

BATCH = 4

APPENDING = f"""
import itertools, sys
from pathlib import Path
from medtransfer.core.journal import Journal
with Journal(Path(sys.argv[1]), run="a run") as journal:
    for batch in itertools.count(len(journal.keys()) // {BATCH}):
        journal.append((f"{{batch:06}}-{{i}}", {{"batch": batch, "i": i}}) for i in range({BATCH}))
        print(batch, flush=True)
"""


def test_rows_survive_a_kill_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    chance = random.Random(0)
    acknowledged = -1
    for _ in range(10):
        with subprocess.Popen([sys.executable, "-c", APPENDING, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            for _ in range(chance.randrange(1, 6)):
                acknowledged = int(writer.stdout.readline())
            time.sleep(chance.uniform(0, 0.01))
            writer.send_signal(signal.SIGKILL)
        with Journal(path, run="a run") as journal:
            rows = [row for _, row in journal.items()]
            assert len(rows) == len(journal.keys())
        sizes = Counter(row["batch"] for row in rows)
        assert sizes == dict.fromkeys(range(len(sizes)), BATCH)
        assert len(sizes) > acknowledged


def test_rows_come_back_in_the_order_of_their_keys(tmp_path: Path) -> None:
    path = tmp_path / "made" / "on the way" / "journal.sqlite"
    with Journal(path, run="r") as journal:
        journal.append([("b", {"x": 2, "text": "λ"})])
        journal.append([("a", {"x": 1.5, "text": ""})])
    with Journal(path, run="r") as journal:
        assert journal.keys() == {"a", "b"}
        assert [row for _, row in journal.items()] == [{"x": 1.5, "text": ""}, {"x": 2, "text": "λ"}]


def test_a_second_row_of_a_key_is_ignored(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", run="r") as journal:
        journal.append([("a", {"x": 1}), ("a", {"x": 2})])
        journal.append([("a", {"x": 3}), ("b", {"x": 4})])
        assert [row for _, row in journal.items()] == [{"x": 1}, {"x": 4}]


def test_a_batch_is_committed_whole_or_not_at_all(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", run="r") as journal:
        journal.append([("a", {"x": 1})])
        no_key: Any = object()
        with pytest.raises(OutputError) as caught:
            journal.append([("b", {"x": 2}), (no_key, {})])
        assert caught.value.code == "Unwritable"
        assert journal.keys() == {"a"}
        journal.append([("c", {"x": 3})])
        assert journal.keys() == {"a", "c"}


def test_a_writer_that_is_locked_out_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal(path, run="r") as journal:
        journal.append([("a", {})])
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        journal._connection.execute("PRAGMA busy_timeout=1")
        with pytest.raises(OutputError, match="locked"):
            journal.append([("b", {})])
        other.execute("ROLLBACK")
        other.close()
        journal.append([("b", {})])
        assert journal.keys() == {"a", "b"}


def test_another_run_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal(path, run="one") as journal:
        journal.append([("a", {})])
    with pytest.raises(OutputError) as caught:
        Journal(path, run="two")
    assert caught.value.code == "OtherRun"
    assert caught.value.hint
    with Journal(path, run="one") as journal:
        assert journal.keys() == {"a"}


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("no database " * 100)
    for path in (tmp_path / "words", tmp_path, tmp_path / "words" / "below"):
        with pytest.raises(OutputError) as caught:
            Journal(path, run="r")
        assert caught.value.code == "Unwritable"
    assert (tmp_path / "words").read_text() == "no database " * 100


class _RefusesWal(sqlite3.Connection):
    """A file system without shared memory that says so when asked for the mode."""

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        if sql == "PRAGMA journal_mode=WAL":
            raise sqlite3.OperationalError("locking protocol")
        return super().execute(sql, *args)


class _FailingCursor(sqlite3.Cursor):
    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        super().execute(sql, *args)
        if sql == "COMMIT":
            return self
        mode = self.connection.execute("PRAGMA journal_mode").fetchone()[0]
        if mode == "wal":
            raise sqlite3.OperationalError("disk I/O error")
        return self


class _FailsAtFirstWrite(sqlite3.Connection):
    """A network file system that takes the mode and fails at the first write."""

    def cursor(self, factory: Any = None) -> Any:
        del factory
        return super().cursor(_FailingCursor)


class _ReadOnly(sqlite3.Connection):
    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        if sql.startswith("PRAGMA journal_mode="):
            raise sqlite3.OperationalError("attempt to write a readonly database")
        return super().execute(sql, *args)


def _connecting(monkeypatch: pytest.MonkeyPatch, factory: type[sqlite3.Connection]) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: connect(*args, factory=factory, **kwargs))


@pytest.mark.parametrize("factory", [_RefusesWal, _FailsAtFirstWrite])
def test_without_write_ahead_logging_a_rollback_journal_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factory: type[sqlite3.Connection]
) -> None:
    with monkeypatch.context() as patch:
        _connecting(patch, factory)
        with Journal(tmp_path / "j", run="r") as journal:
            journal.append([("a", {"x": 1})])
            assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    with Journal(tmp_path / "j", run="r") as journal:
        assert [row for _, row in journal.items()] == [{"x": 1}]
        assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_where_nothing_can_be_written_the_error_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _connecting(monkeypatch, _ReadOnly)
    with pytest.raises(OutputError, match="readonly"):
        Journal(tmp_path / "j", run="r")


def test_some_keys_are_found_with_their_rows(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", run="r") as journal:
        journal.append((str(number), {"x": number}) for number in range(9))
        assert journal.found(["3", "none", "5"]) == {"3": {"x": 3}, "5": {"x": 5}}
        assert journal.found([]) == {}
        assert sorted(journal.each_key()) == sorted(journal.keys())


def test_a_journal_that_is_there_is_opened_whatever_its_run(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", run="a run") as journal:
        journal.append([("a", {"x": 1})])
        with Journal.existing(tmp_path / "j") as beside:
            assert (beside.run, beside.found(["a"])) == ("a run", {"a": {"x": 1}})


def test_a_journal_whose_writer_was_killed_is_mended_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with subprocess.Popen([sys.executable, "-c", APPENDING, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
    assert path.with_name("journal.sqlite-wal").exists()
    with Journal.existing(path) as journal:
        assert len(journal.keys()) >= BATCH * (acknowledged + 1)


@pytest.mark.parametrize("content", [None, b"", b"no database " * 100])
def test_what_is_no_journal_is_not_opened(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "j"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OutputError) as caught:
        Journal.existing(path)
    assert (caught.value.code, caught.value.path) == ("BadJournal", str(path))
    assert path.exists() == (content is not None)


def test_rows_of_a_short_time_are_committed_together_the_first_at_once(tmp_path: Path) -> None:
    def there() -> int:
        with Journal.existing(tmp_path / "j") as beside:
            return len(beside.keys())

    with Journal(tmp_path / "j", run="r") as journal:
        with journal.gathering(seconds=3600.0) as take:
            take([("a", {})])
            assert there() == 1
            take([("b", {}), ("c", {})])
            assert there() == 1
        assert there() == 3
        with journal.gathering(seconds=0.0) as take:
            for number in range(3):
                take([(str(number), {})])
                assert there() == 4 + number


def test_an_interruption_loses_no_row_that_was_gathered(tmp_path: Path) -> None:
    def interrupted(journal: Journal) -> None:
        with journal.gathering(seconds=3600.0) as take:
            take([("a", {})])
            take([("b", {})])
            raise KeyboardInterrupt

    with Journal(tmp_path / "j", run="r") as journal:
        with pytest.raises(KeyboardInterrupt):
            interrupted(journal)
        assert journal.keys() == {"a", "b"}


def test_rows_that_cannot_be_committed_are_said_once(tmp_path: Path) -> None:
    no_key: Any = object()
    with Journal(tmp_path / "j", run="r") as journal:
        with pytest.raises(OutputError) as caught, journal.gathering(seconds=0.0) as take:
            take([(no_key, {})])
        assert caught.value.code == "Unwritable"
        assert not journal.keys()

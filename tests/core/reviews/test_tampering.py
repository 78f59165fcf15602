"""Three hundred ways to tamper with a chain, and where finding out ends."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from medtransfer.core.errors import ConfigError
from medtransfer.core.reviews.chain import rows_of_lines, what_is_wrong
from medtransfer.core.reviews.entry import FIRST, canonical, digest_of, line_of
from medtransfer.core.reviews.head import Head, as_head, head_place, write_head
from medtransfer.core.reviews.schema import SCHEMA
from medtransfer.core.reviews.store import Reviews

if TYPE_CHECKING:
    from collections.abc import Callable

Row = tuple[int, str, str]
"""Number, text and digest."""


def edited(rows: list[Row], chance: random.Random) -> list[Row]:
    """One value of one entry; half of the time with a digest that fits."""
    at = chance.randrange(len(rows))
    number, text, digest = rows[at]
    fields = json.loads(text)
    place, key = chance.choice([
        (fields, "at"), (fields, "who"), (fields, "study"), (fields, "study_sha256"), (fields, "bundle_sha256"),
        (fields["content"], "label"), (fields["content"], "confidence"), (fields["shown"], "width"),
        (fields["content"], "added"),
    ])  # fmt: skip
    place[key] = f"{place.get(key)}?"
    text = canonical(fields)
    return [*rows[:at], (number, text, digest_of(text) if chance.random() < 0.5 else digest), *rows[at + 1 :]]


def rewritten(rows: list[Row], chance: random.Random) -> list[Row]:
    """One entry is edited, and everything after it is written anew so that the chain holds."""
    return chained(edited(rows, chance))


def respaced(rows: list[Row], chance: random.Random) -> list[Row]:
    """Means the same, and is not what was written."""
    at = chance.randrange(len(rows))
    number, text, _ = rows[at]
    text = text.replace(",", ", ", 1)
    return [*rows[:at], (number, text, digest_of(text)), *rows[at + 1 :]]


def deleted(rows: list[Row], chance: random.Random) -> list[Row]:
    at = chance.randrange(len(rows))
    return rows[:at] + rows[at + 1 :]


def closed_up(rows: list[Row], chance: random.Random) -> list[Row]:
    """One entry is deleted, and the others move up."""
    return [(place, text, digest) for place, (_, text, digest) in enumerate(deleted(rows, chance), start=1)]


def dropped_for_good(rows: list[Row], chance: random.Random) -> list[Row]:
    """One entry is deleted, and everything after it is written anew."""
    return chained(deleted(rows, chance))


def reordered(rows: list[Row], chance: random.Random) -> list[Row]:
    one, other = chance.sample(range(len(rows)), 2)
    moved = list(rows)
    moved[one], moved[other] = (rows[one][0], *rows[other][1:]), (rows[other][0], *rows[one][1:])
    return moved


def added(rows: list[Row], chance: random.Random) -> list[Row]:
    """One entry stands there twice."""
    at, source = chance.randrange(len(rows) + 1), chance.choice(rows)
    texts = [row[1:] for row in rows]
    return [(place, *row) for place, row in enumerate([*texts[:at], source[1:], *texts[at:]], start=1)]


def truncated(rows: list[Row], chance: random.Random) -> list[Row]:
    return rows[: chance.randrange(len(rows))]


TAMPERINGS = (edited, rewritten, respaced, deleted, closed_up, dropped_for_good, reordered, added, truncated)


def chained(rows: list[Row]) -> list[Row]:
    """The same entries with numbers and digests that fit."""
    previous, done = FIRST, []
    for number, (_, before, _) in enumerate(rows, start=1):
        text = canonical({**json.loads(before), "number": number, "previous": previous})
        previous = digest_of(text)
        done.append((number, text, previous))
    return done


def rows_in(path: Path) -> list[Row]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT number, entry, digest FROM entries ORDER BY number").fetchall()
    connection.close()
    return rows


def put(path: Path, rows: list[Row]) -> None:
    """As who may write the file would: guards away, rows in, guards back."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=MEMORY")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("BEGIN")
    guards = [name for name in SCHEMA if SCHEMA[name].startswith("CREATE TRIGGER")]
    for name in guards:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("DELETE FROM entries")
    connection.executemany("INSERT INTO entries VALUES (?, ?, ?)", rows)
    for name in guards:
        connection.execute(SCHEMA[name])
    connection.execute("COMMIT")
    connection.close()


def copied(source: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source.parent, folder)
    return folder / source.name


def verdict(path: Path, *heads: Head) -> str:
    with Reviews.existing(path) as reviews:
        return reviews.verify(*heads)


def lines_of(rows: list[Row]) -> list[str]:
    return [canonical({**json.loads(text), "digest": digest}) + "\n" for _, text, digest in rows]


def test_300_of_300_tamperings_are_found(thirty: Path, tmp_path: Path) -> None:
    untouched, said = rows_in(thirty), {}
    path = copied(thirty, tmp_path / "copy")
    for seed in range(300):
        chance, act = random.Random(seed), TAMPERINGS[seed % len(TAMPERINGS)]
        rows = act(untouched, chance)
        assert rows != untouched
        path = copied(thirty, tmp_path / "copy")
        put(path, rows)
        said[seed] = verdict(path)
    assert [seed for seed, found in said.items() if not found] == []
    assert {found.split()[0] for found in said.values()} == {"Entry", "Entries", "The"}
    put(path, untouched)
    assert verdict(path) == ""


@pytest.mark.parametrize("act", [act for act in TAMPERINGS if act is not respaced])
def test_the_lines_of_an_export_are_checked_as_the_file_is(
    thirty: Path, act: Callable[[list[Row], random.Random], list[Row]]
) -> None:
    untouched = rows_in(thirty)
    head = Head(untouched[-1][0], untouched[-1][2])
    with Reviews.existing(thirty) as reviews:
        lines = [line_of(entry) + "\n" for entry in reviews.entries()]
    assert lines == lines_of(untouched)
    assert what_is_wrong(rows_of_lines(lines), [head]) == ("", head)
    for seed in range(20):
        assert what_is_wrong(rows_of_lines(lines_of(act(untouched, random.Random(seed)))), [head])[0]


@pytest.mark.parametrize("line", ["", "{}", "[]", "null", "{", '{"digest": 1}', "[" * 5000, '{"digest":"x","n":1e999}'])
def test_a_line_that_is_no_entry_is_found(line: str) -> None:
    assert what_is_wrong(rows_of_lines([line]))[0].startswith("Entry 1 was altered")


def test_bytes_changed_on_the_disk_are_found(thirty: Path, tmp_path: Path) -> None:
    whole, texts = thirty.read_bytes(), [text.encode() for _, text, _ in rows_in(thirty)]
    for seed in range(60):
        chance = random.Random(seed)
        text = chance.choice(texts)
        at = whole.index(text) + chance.randrange(len(text))
        path = copied(thirty, tmp_path / "copy")
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1 :])
        assert verdict(path)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER never_changed",
        "DROP TRIGGER never_deleted",
        "DROP INDEX entries_by_study",
        "CREATE TRIGGER more AFTER INSERT ON entries BEGIN SELECT 1; END",
        "CREATE VIEW seen AS SELECT 1",
    ],
)
def test_guards_that_were_taken_away_are_found(thirty: Path, tmp_path: Path, statement: str) -> None:
    path = copied(thirty, tmp_path / "copy")
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    assert "guards" in verdict(path)
    with Reviews(path):  # opening it for writing mends nothing
        pass
    assert "guards" in verdict(path)


def test_a_cut_tail_stays_found_when_the_chain_grows_again(thirty: Path, tmp_path: Path) -> None:
    path = copied(thirty, tmp_path / "copy")
    put(path, rows_in(thirty)[:20])
    assert verdict(path) == "Entries are missing at the end: there were 30, and there are 20."
    with Reviews(path) as reviews:
        for _ in range(15):
            reviews.append("claim", who="a", study="s", study_sha256="s", bundle_sha256="b", shown={}, content={})
    assert verdict(path) == "Entry 30 is not the one that was recorded: it was written anew."


@pytest.mark.parametrize("act", ["remove", "garble"])
def test_a_head_that_was_taken_away_is_said_and_not_made_good(thirty: Path, tmp_path: Path, act: str) -> None:
    path = copied(thirty, tmp_path / "copy")
    put(path, rows_in(thirty)[:20])
    if act == "remove":
        head_place(path).unlink()
    else:
        head_place(path).write_text("20:no digest")
    with Reviews(path) as reviews:
        reviews.append("claim", who="a", study="s", study_sha256="s", bundle_sha256="b", shown={}, content={})
    assert "missing or damaged" in verdict(path)


def test_a_file_that_was_put_in_the_place_of_another_is_found(thirty: Path, tmp_path: Path) -> None:
    path = copied(thirty, tmp_path / "copy")
    path.unlink()
    with Reviews(path) as reviews:
        assert "there were 30, and there are 0" in reviews.verify()


def test_a_chain_cut_together_with_its_head_is_found_only_by_a_head_noted_elsewhere(
    thirty: Path, tmp_path: Path
) -> None:
    rows = rows_in(thirty)
    noted = Head(rows[-1][0], rows[-1][2])
    for forged in (rows[:20], rewritten(rows, random.Random(1))):
        path = copied(thirty, tmp_path / "copy")
        put(path, forged)
        write_head(path, Head(forged[-1][0], forged[-1][2]))
        assert verdict(path) == ""
        assert verdict(path, noted)
    assert verdict(thirty, noted, Head(rows[4][0], rows[4][2])) == ""
    assert "differ" in verdict(thirty, Head(30, "0" * 64))
    assert verdict(thirty, Head(0, "1" * 64)) == "The head is of another chain."


@pytest.mark.parametrize("text", ["", "12", f"01:{FIRST}", f"-1:{FIRST}", "1:xyz", f"1:{FIRST.replace('0', 'G')}"])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        as_head(text)
    assert error.value.code == "BadHead"

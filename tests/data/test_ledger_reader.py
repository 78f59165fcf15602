from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtransfer.core.errors import OutputError
from medtransfer.data.ledger import Ledger
from medtransfer.data.ledger_reader import read_ledger
from medtransfer.data.ledger_row import COLUMNS, LedgerRow, cells_of

HOSTILE = ("=HYPERLINK(1)", "@sum", 'a,b"c', "<b>x</b>", "-1", "plain", "")
WORDS = st.sampled_from(HOSTILE)


@given(st.lists(st.tuples(WORDS, st.sampled_from(["read", "excluded", "failed"]), WORDS, WORDS), max_size=6))
def test_what_is_read_back_is_what_was_written(rows: list[tuple[str, str, str, str]]) -> None:
    from tempfile import TemporaryDirectory

    ledger = Ledger(
        tuple(
            LedgerRow(path=f"{number}{path}", status=status, code=code, reason=reason, notes=("one: two", "three"))  # pyright: ignore[reportArgumentType]
            for number, (path, status, code, reason) in enumerate(rows)
        )
    )
    with TemporaryDirectory() as folder:
        ledger.write(Path(folder))
        found = read_ledger(Path(folder))
    assert [cells_of(row) for row in found.rows] == [cells_of(row) for row in ledger.rows]
    assert found.counts() == ledger.counts()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "NotFound"),
        ("", "NotALedger"),
        ("a,b\n1,2\n", "NotALedger"),
        (",".join(COLUMNS) + "\nx\n", "NotALedger"),
        (",".join(COLUMNS) + "\nx,,strange,,,,,,,,\n", "NotALedger"),
        (",".join(COLUMNS) + '\n"x,,read\n', "NotALedger"),
    ],
)
def test_what_is_no_ledger_is_said(tmp_path: Path, content: str | None, code: str) -> None:
    if content is not None:
        (tmp_path / "ledger.csv").write_text(content, encoding="utf-8")
    with pytest.raises(OutputError) as error:
        read_ledger(tmp_path)
    assert error.value.code == code
    assert error.value.hint

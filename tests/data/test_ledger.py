"""Laws of the ledger: counts reconcile, nothing in it is active, and it is written whole."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.errors import FailedCasesError, OutputError, ReadError
from medtransfer.data.found import Excluded, Failed, Item
from medtransfer.data.ledger import Ledger, LedgerRow, failure_beyond, ledger_of, require_allowed


def failure(path: str, code: str = "Truncated") -> Failed:
    return Failed(path=Path(path), error=ReadError("too short", code=code, path=path, hint="Copy it again."))


def ledger_with(n_failed: int) -> Ledger:
    return ledger_of(
        [Item(paths=(Path("good"),), loader="dicom")],
        [],
        [("dicom", failure(f"bad{i}")) for i in range(n_failed)],
    )


@given(
    kinds=st.lists(st.sampled_from(["read", "excluded", "failed"]), max_size=30),
    outcomes=st.lists(st.booleans(), max_size=30),
)
@settings(deadline=None, max_examples=60)
def test_counts_reconcile_before_and_after_reading(kinds: list[str], outcomes: list[bool]) -> None:
    paths = [Path(f"{index:02}.dcm") for index in range(len(kinds))]
    by_kind = {kind: [p for p, k in zip(paths, kinds, strict=True) if k == kind] for kind in kinds}
    ledger = ledger_of(
        [Item(paths=(path,), loader="dicom") for path in by_kind.get("read", [])],
        [("dicom", Excluded(path=path, rule="localizer", reason="")) for path in by_kind.get("excluded", [])],
        [("dicom", failure(str(path))) for path in by_kind.get("failed", [])],
    )
    assert ledger.counts() == {
        "inputs": len(kinds),
        **{kind: kinds.count(kind) for kind in ("read", "excluded", "failed")},
    }
    fails = dict(zip(by_kind.get("read", []), outcomes, strict=False))
    later = ledger.with_outcomes(
        (Item(paths=(path,), loader="dicom"), ReadError("no", code="Corrupt") if bad else ("Noted",))
        for path, bad in fails.items()
    )
    counts = later.counts()
    assert counts["inputs"] == len(kinds) == counts["read"] + counts["excluded"] + counts["failed"]
    assert counts["failed"] == kinds.count("failed") + sum(fails.values())
    assert sum(later.by_reason().values()) == counts["excluded"] + counts["failed"]
    assert len(later.table()) == len(kinds)


def test_no_file_has_two_rows_and_no_outcome_is_lost() -> None:
    item = Item(paths=(Path("a"),), loader="dicom")
    with pytest.raises(ValueError, match="two rows"):
        ledger_of([item], [], [("", failure("a"))])
    with pytest.raises(KeyError):
        ledger_of([item], [], []).with_outcomes([(Item(paths=(Path("b"),), loader="dicom"), ())])


def test_identifiers_and_errors_stand_in_the_row() -> None:
    item = Item(paths=(Path("a"),), loader="dicom", facts={"patient_id": "P", "study_uid": "1.2"})
    error = ReadError("m", code="C", hint="h", stage="pixels")
    (row,) = ledger_of([item], [], []).with_outcomes([(item, error)]).rows
    assert row == LedgerRow(
        path="a",
        loader="dicom",
        status="failed",
        code="C",
        stage="pixels",
        reason="m",
        hint="h",
        study_id="1.2",
        patient_id="P",
    )


def test_both_files_hold_the_same_and_the_csv_is_inert(tmp_path: Path) -> None:
    hostile = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", 'a,"b"\nc', "\x1b[31m", "\udcff", "<script>"]
    rows = tuple(
        LedgerRow(path=f"{index:02}{name}", patient_id=name, notes=("A", "B")) for index, name in enumerate(hostile)
    )
    ledger = Ledger(rows)
    ledger.write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ledger.csv", "ledger.parquet"]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "ledger.parquet"), ledger.table(), check_dtype=False)
    with (tmp_path / "ledger.csv").open(newline="", encoding="utf-8") as handle:
        written = list(csv.DictReader(handle))
    assert len(written) == len(hostile)
    for row in written:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
            assert cell.isprintable()
    assert written[0]["patient_id"] == "'=1+1"
    assert written[0]["notes"] == "A; B"


def test_an_unwritable_folder_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        ledger_with(1).write(tmp_path / "file")


@pytest.mark.parametrize(("n_failed", "allowed"), [(0, None), (0, 0), (3, 3), (3, 9)])
def test_allowed_failures_pass(n_failed: int, allowed: int | None) -> None:
    require_allowed(ledger_with(n_failed), allowed)
    assert ledger_with(n_failed).counts()["failed"] == n_failed


@pytest.mark.parametrize(("n_failed", "allowed"), [(1, None), (1, 0), (7, 6)])
def test_failures_that_are_not_allowed_are_named(n_failed: int, allowed: int | None) -> None:
    with pytest.raises(FailedCasesError, match=r"bad0 \[Truncated\]") as caught:
        require_allowed(ledger_with(n_failed), allowed)
    assert caught.value.exit_code == 3
    assert f"--allow-failures {n_failed}" in (caught.value.hint or "")
    assert ("and 2 more" in caught.value.message) is (n_failed == 7)


@pytest.mark.parametrize("n_failed", [0, 1, 7])
@pytest.mark.parametrize("allowed", [None, 0, 1, 6, 7])
def test_the_failure_is_what_would_be_raised(n_failed: int, allowed: int | None) -> None:
    failure = failure_beyond(ledger_with(n_failed), allowed)
    assert (failure is None) is (n_failed <= (allowed or 0))
    if failure is not None:
        with pytest.raises(FailedCasesError) as caught:
            require_allowed(ledger_with(n_failed), allowed)
        assert caught.value.facts() == failure.facts()


def test_a_series_fails_as_a_whole_and_its_rows_name_the_slice() -> None:
    series = Item(paths=(Path("a"), Path("b")), loader="dicom", facts={"series_uid": "1.2.3"})
    ledger = ledger_of([series], [], []).with_outcomes([(series, ReadError("too short", code="Truncated", path="b"))])
    assert [(row.path, row.status, row.series_uid) for row in ledger.rows] == [
        ("a", "failed", "1.2.3"),
        ("b", "failed", "1.2.3"),
    ]
    assert [row.reason for row in ledger.rows] == ["b: too short", "too short"]


def test_a_file_that_serves_several_items_has_failed_where_one_of_them_has() -> None:
    first, second = (Item(paths=(Path("a"),), loader="dicom", part=f"stack {n} of 2") for n in (1, 2))
    ledger = ledger_of([first, second], [], [])
    assert len(ledger.rows) == 1
    assert ledger.with_outcomes([(first, ReadError("m", code="C")), (second, ("Noted",))]).rows[0].status == "failed"

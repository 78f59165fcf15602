from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from medtransfer.reporting import ledger
from medtransfer.reporting.contact_sheet import contact_sheet
from medtransfer.reporting.ledger import render_ledger

COLUMNS = (
    "path", "loader", "status", "code", "reason", "hint", "study_id", "patient_id", "notes", "modality",
)  # fmt: skip


def rows() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("a/1.dcm", "dicom", "read", "", "", "", "S1", "P-secret", "BurnedIn;OverlayIgnored", "DX"),
            ("a/2.dcm", "dicom", "read", None, None, None, "S2", "P-secret", float("nan"), "DX"),
            ("a/3.png", "raster", "read", "", "", "", "S3", "", ("OverlayIgnored",), "OT"),
            ("b/4.dcm", "dicom", "failed", "Truncated", "ends after 12", "Copy it again.", "", "", "", ""),
            ("b/5.dcm", "dicom", "failed", "Truncated", "ends after 99", "Copy it again.", "", "", "", ""),
            ("c/DICOMDIR", "dicom", "excluded", "Directory", "a directory file", "", "", "", "", ""),
        ],
        columns=list(COLUMNS),
    )  # fmt: skip


def counts(table: pd.DataFrame) -> dict[str, int]:
    found = {status: int((table["status"] == status).sum()) for status in ("read", "excluded", "failed")}
    return {"inputs": len(table), **found}


def page(table: pd.DataFrame) -> str:
    return render_ledger(counts=counts(table), rows=table, title="Hospital B", contact_sheet_png=None)


def test_failed_first_then_excluded_then_read() -> None:
    text = page(rows())
    places = [text.index(w) for w in ("b/4.dcm", "b/5.dcm", "c/DICOMDIR", "BurnedIn")]
    assert places == sorted(places)
    for words in ("ends after 12", "ends after 99", "Copy it again.", "a directory file"):
        assert words in text
    assert "6 inputs: 3 read, 1 excluded by rule, 2 failed." in text


def test_read_ones_are_counted_not_listed() -> None:
    text = page(rows())
    assert "3 inputs, 3 studies, 1 patient with an identifier." in text
    assert "P-secret" not in text
    assert "a/1.dcm" not in text
    tally = dict(re.findall(r'<td class="path">(\w+)</td><td class="num">(\d+)</td>', text))
    assert tally == {
        "DX": "2",
        "OT": "1",
        "dicom": "2",
        "raster": "1",
        "OverlayIgnored": "2",
        "BurnedIn": "1",
    }
    assert "nan" not in text.lower()


def test_counts_must_reconcile_with_the_rows() -> None:
    table = rows()
    with pytest.raises(ValueError, match="do not reconcile"):
        render_ledger(counts={**counts(table), "failed": 1}, rows=table, title="x")
    with pytest.raises(ValueError, match="do not reconcile"):
        render_ledger(counts={**counts(table), "inputs": 7}, rows=table, title="x")


def test_hostile_strings_are_inert() -> None:
    table = rows().astype(object)  # pandas refuses undecodable names in its own string type
    table.loc[3, ["path", "code", "reason", "hint"]] = "<script>alert(1)</script>\x1b[2J\u202e\udcff"
    table.loc[0, ["notes", "modality"]] = "<img src=x onerror=alert(1)>"
    text = render_ledger(counts=counts(table), rows=table, title="<b>&{{ 7*7 }}")
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;b&gt;&amp;{{ 7*7 }}" in text
    assert r"\x1b[2J\u202e\udcff" in text
    assert "\x1b" not in text
    text.encode("utf-8")


def test_many_rows_are_cut_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MOST_ROWS", 1)
    text = page(rows())
    assert "b/5.dcm" not in text
    assert "and 1 more, which the ledger itself lists." in text


def test_picture_is_embedded_and_nothing_is_asked_for() -> None:
    table = rows()
    sheet = contact_sheet([np.zeros((4, 4))], ["x"])
    text = render_ledger(counts=counts(table), rows=table, title="x", contact_sheet_png=sheet)
    assert 'src="data:image/png;base64,iVBOR' in text
    assert "default-src 'none'" in text
    assert not re.findall(r"https?://", text)
    assert text == render_ledger(counts=counts(table), rows=table, title="x", contact_sheet_png=sheet)


def test_an_empty_ledger_renders() -> None:
    text = page(rows().iloc[:0])
    assert text.count("None.") == 2
    assert "0 inputs" in text

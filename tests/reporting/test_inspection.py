from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from medtransfer.data.audit import Summary
from medtransfer.data.duplicates import Duplicates, Group, Member
from medtransfer.data.inspection import Inspection, Tile
from medtransfer.data.ledger import Ledger, LedgerRow
from medtransfer.reporting import ledger
from medtransfer.reporting.inspection import render_inspection, sheet_of
from medtransfer.reporting.inspection_files import duplicates_csv, inspection_json
from medtransfer.reporting.inspection_text import inspection_text
from medtransfer.reporting.inspection_words import explanation


def failed(path: str, code: str, reason: str, hint: str) -> LedgerRow:
    return LedgerRow(path=path, status="failed", code=code, reason=reason, hint=hint)


def found(*, place: str = "Hospital B", rows: tuple[LedgerRow, ...] | None = None, **changes: object) -> Inspection:
    values: dict[str, object] = {
        "place": Path(place),
        "ledger": Ledger(
            rows
            or (
                LedgerRow(
                    path="a/1.dcm", loader="dicom", study_id="S1", patient_id="SECRET", notes=("OverlayIgnored: x",)
                ),
                LedgerRow(path="a/2.dcm", loader="dicom", study_id="S2", patient_id="SECRET"),
                LedgerRow(path="a/3.png", loader="raster", notes=("OverlayIgnored: y",)),
                failed("b/4.dcm", "Truncated", "ends after 12", "Copy it again."),
                failed("b/5.dcm", "Truncated", "ends after 99", "Copy it again."),
                LedgerRow(path="c/DICOMDIR", status="excluded", code="dicomdir", reason="a directory of other files"),
            )
        ),
        "summary": Summary(
            patients=1,
            studies=2,
            series=2,
            items=3,
            files=3,
            without_patient=1,
            facts={"modality": {"DX": 2, "OT": 1}, "manufacturer": {"": 2, "Maker": 1}},
            identifiers={"PatientName": 2},
            identified=2,
            burned_in=1,
        ),
        "cohort": None,
        "duplicates": Duplicates(
            groups=(
                Group(
                    kind="near",
                    members=(
                        Member(path="a/1.dcm", patient="SECRET", split="train", label="ill"),
                        Member(path="a/3.png", patient="OTHER-SECRET", split="test", label="normal"),
                    ),
                    correlation=0.9931,
                ),
            ),
            compared=3,
        ),
        "warnings": ("Something is odd.",),
        "tiles": (Tile(picture=np.eye(8, dtype=np.float32), caption="1.dcm", letters=("A", "L", "P", "R")),),
        **changes,
    }
    return Inspection(**values)  # pyright: ignore[reportArgumentType]


def page(inspection: Inspection) -> str:
    return render_inspection(inspection, sheet=sheet_of(inspection))


def test_counts_then_what_is_wrong_then_what_there_is() -> None:
    text = page(found())
    assert "6 files: 3 read, 1 excluded by rule, 2 failed." in text
    places = [text.index(words) for words in ("Something is odd.", "b/4.dcm", "dicomdir", "At a glance", "DX")]
    assert places == sorted(places)
    for words in (
        "The file ends too early", "ends after 12", "ends after 99", "→ Copy it again.", "A table of contents",
        "a directory of other files", "labels differ", "across splits", "0.993", "PatientName", "not said",
        "OverlayIgnored",
    ):  # fmt: skip
        assert words in text


def test_patients_are_counted_and_not_named() -> None:
    inspection = found()
    outputs = (page(inspection), inspection_text(inspection), duplicates_csv(inspection.duplicates).decode())
    for text in (*outputs, str(inspection_json(inspection))):
        assert "SECRET" not in text


def test_hostile_strings_are_inert() -> None:
    bad = "=<script>alert(1)</script>\x1b[2J\u202e\udcff<img src=x onerror=alert(1)>{{ 7*7 }}"
    inspection = found(
        place=f"/x/{bad.replace('/', '')}",
        rows=(failed(bad, bad, bad, bad), LedgerRow(path=bad + "2", notes=(bad,))),
        summary=Summary(items=1, files=1, facts={"view": {bad: 1}}, identifiers={bad: 1}, identified=1),
        duplicates=Duplicates(
            groups=(Group(kind="exact", members=(Member(path=bad, label=bad),) * 2, correlation=1.0),)
        ),
        warnings=(bad,),
        tiles=(Tile(picture=np.eye(8, dtype=np.float32), caption=bad, letters=(bad, bad, bad, bad)),),
    )
    text = page(inspection)
    assert "<script" not in text
    assert text.count("<img") == 1, "the contact sheet"
    assert "&lt;script&gt;" in text
    assert "{{ 7*7 }}" in text
    for said in (text, inspection_text(inspection), duplicates_csv(inspection.duplicates).decode()):
        assert "\x1b" not in said
        assert "\u202e" not in said
        said.encode("utf-8")


def test_many_rows_are_cut_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MOST_ROWS", 2)
    monkeypatch.setattr(ledger, "MOST_IN_SECTION", 1)
    text = page(found())
    assert "the first 2 of 6" in text
    assert "and 4 more: ledger.csv" in text
    assert "and 1 more, which ledger.csv lists." in text
    assert text.count("b/5.dcm") == 1, "in the ledger's table, where failed rows come first"
    assert "a/2.dcm" not in text


def test_nothing_is_asked_for_and_equal_inspections_give_equal_bytes() -> None:
    text = page(found())
    assert 'src="data:image/png;base64,iVBOR' in text
    assert "default-src 'none'" in text
    assert not re.findall(r"https?://", text)
    assert text == page(found())


def test_an_empty_inspection_renders() -> None:
    empty = Inspection(
        place=Path("x"),
        ledger=Ledger(()),
        summary=Summary(),
        cohort=None,
        duplicates=Duplicates(),
        warnings=(),
        tiles=(),
    )
    text = page(empty)
    assert text.count("None.") == 2
    assert "None among 0 scans compared" in text
    assert "0 files" in text
    assert inspection_text(empty).startswith("0 files: 0 read, 0 excluded, 0 failed.\n\nNothing was read.")


def test_the_text_is_aligned_and_fits() -> None:
    lines = inspection_text(found(), out=Path("out")).splitlines()
    assert lines[0] == "6 files: 3 read, 1 excluded, 2 failed."
    reasons = [line for line in lines if line.startswith(("  failed", "  excluded"))]
    assert [line.split()[:3] for line in reasons] == [["failed", "2", "Truncated"], ["excluded", "1", "dicomdir"]]
    assert len({line.index(word) for line, word in zip(reasons, ("Truncated", "dicomdir"), strict=True)}) == 1
    facts = [line for line in lines if line.startswith(("  modality", "  vendor"))]
    assert len({len(line) - len(line[2:].split("  ", 1)[1].lstrip()) for line in facts}) == 1
    assert all(len(line) <= 100 for line in lines)


OWN_WORDS = {"AlreadyConverted", "BadRange", "BadValue", "CohortExists", "DamagedArray", "EmptyFolder", "FailedCases"}
OWN_WORDS |= {"NotNew", "OtherPreprocessing", "UnknownColumn", "Unwritable"}
"""Codes that end a command and never stand in a row of the ledger."""


def test_every_code_and_rule_of_reading_is_explained() -> None:
    data = Path(str(files("medtransfer"))) / "data"
    codes: set[str] = set()
    for path in (path for name in ("dicom", "loaders", "nifti") for path in (data / name).glob("*.py")):
        text = path.read_text(encoding="utf-8")
        codes.update(re.findall(r'code="(\w+)"', text))
        codes.update(re.findall(r', "([a-z_]+)", (?:f"|"|name)', text) if path == data / "dicom" / "rules.py" else ())
    for path in data.glob("*.py"):
        codes.update(re.findall(r'(?:Read|read)_?[Ee]rror\([^)]*code="(\w+)"', path.read_text(encoding="utf-8")))
    assert len(codes) > 40
    assert {code for code in codes - OWN_WORDS if not explanation(code)} == set()

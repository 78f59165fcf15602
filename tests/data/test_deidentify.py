"""Laws of de-identification: the table of rules, dates, ages, cohorts, ledgers, and the way back."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, keyword_for_tag

from medtransfer.core.errors import CohortError, FailedCasesError, ReadError
from medtransfer.core.keys import Key
from medtransfer.core.pseudonyms import LONGEST_SHIFT, pseudonym
from medtransfer.data.confidentiality import METHODS, RULES
from medtransfer.data.deidentify import Deidentifier, banded_age, quarter
from medtransfer.data.ledger import Ledger, LedgerRow
from medtransfer.data.relink import person_of, relink
from medtransfer.data.scan import Identifiers

if TYPE_CHECKING:
    from tests.data.conftest import WriteDicom

KEY = Key(b"k" * 32)
OF = Deidentifier(key=KEY)
laws = settings(deadline=None, max_examples=60)
days = st.dates(min_value=date(1980, 1, 1), max_value=date(2040, 12, 31))

REAL = {
    "patient_id": "4711-Doe", "study_uid": "1.2.840.1", "series_uid": "1.2.840.2", "instance_uid": "1.2.840.3",
    "date": "2024-02-29", "sex": "F", "age": "93", "modality": "CR", "body_part": "CHEST", "view": "PA",
    "manufacturer": "Siemens", "burned_in": "NO", "bit_depth": "12", "syntax": "JPEG 2000 (Lossless)",
    "matrix": "2048 × 2500", "spacing": "0.143 × 0.143", "orientation": "LPS",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_does_what_the_profile_asks(name: str) -> None:
    rule, said = RULES[name], OF.facts(REAL).get(name, "")
    assert keyword_for_tag(int(rule.tag.replace(",", ""), 16)) == rule.keyword
    action = rule.option or rule.profile
    if action == "K":
        assert said == ("90+" if name == "age" else REAL[name])
    elif action == "U":
        assert dictionary_VR(rule.keyword) == "UI"
        assert said.startswith("2.25.")
    elif action == "C":
        assert 1 <= (date.fromisoformat(REAL[name]) - date.fromisoformat(said)).days <= LONGEST_SHIFT
    else:
        assert action in {"X", "Z", "D", "Z/D"}
        assert said.startswith("P-")
    if rule.profile != "K" and action != "K":
        assert REAL[name] not in said


def test_facts_without_a_rule_are_dropped_and_empty_ones_left_out() -> None:
    facts = {**REAL, "patient_name": "Doe^Jane", "institution": "St. Elsewhere"}
    assert set(OF.facts(facts)) == {*RULES, "quarter"}
    assert OF.facts({"age": "old", "patient_id": ""}) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [("body_part", "CHEST of Jane Doe, born in 1950"), ("sex", "F\n"), ("matrix", "Doe"), ("orientation", "DOE"),
     ("manufacturer", "Müller & Söhne"), ("bit_depth", "Müller"), ("spacing", "1 × Doe"), ("body_part", "DOE JANE"),
     ("view", "DOE"), ("sex", "JANE"), ("modality", "DOE"), ("burned_in", "DOE"), ("syntax", "x" * 65)],
)  # fmt: skip
def test_values_that_are_no_such_thing_are_dropped(name: str, value: str) -> None:
    assert name not in OF.facts({name: value})


def test_identifiers_become_those_of_the_facts() -> None:
    known = {name: REAL[name] for name in ("patient_id", "study_uid", "series_uid", "instance_uid")}
    named = OF.identifiers(Identifiers(**known))
    assert {name: getattr(named, name) for name in known} == {name: OF.facts(REAL)[name] for name in known}


@pytest.mark.parametrize(
    ("age", "said"),
    [("89", "89"), ("89.9", "89"), ("90", "90+"), ("090Y", "90+"), ("120", "90+"), ("061Y", "61"), ("18M", "1.5"),
     ("030M", "2"), ("004W", "0.1"), ("003D", "0.0"), ("2.7", "2"), ("90+", "90+"), ("", ""), ("sixty", ""),
     ("61 (Jane Doe)", ""), ("-3", "")],
)  # fmt: skip
def test_ages_fit_many_people(age: str, said: str) -> None:
    assert banded_age(age) == said
    assert banded_age(said) == said


@pytest.mark.parametrize(
    ("day", "said"),
    [("2024-01-01", "2024-Q1"), ("2024-03-31", "2024-Q1"), ("2024-04-01", "2024-Q2"), ("2023-12-31", "2023-Q4"),
     ("2024-08-15T10:11:12", "2024-Q3"), ("yesterday", ""), ("", "")],
)  # fmt: skip
def test_quarters_are_those_of_the_true_date(day: str, said: str) -> None:
    assert quarter(day) == said


@laws
@given(st.lists(days, min_size=2, max_size=6), st.text("abcXYZ0123", min_size=1, max_size=8))
def test_order_and_intervals_of_a_patient_stay(dates: list[date], patient: str) -> None:
    moved = [date.fromisoformat(OF.moved(day.isoformat(), patient)) for day in dates]
    assert all(
        timedelta(days=1) <= day - new <= timedelta(days=LONGEST_SHIFT) for day, new in zip(dates, moved, strict=True)
    )
    for (one, two), (new_one, new_two) in zip(pairwise(dates), pairwise(moved), strict=True):
        assert two - one == new_two - new_one


def test_dates_that_cannot_be_moved_are_dropped() -> None:
    assert OF.moved("0001-01-01", "P1") == ""
    assert OF.moved("2024-01-01", "") == ""
    assert OF.moved("2024-13-01", "P1") == ""


def table(**columns: list[str]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    own = {
        "path": [f"scans/Doe_{i}.dcm" for i in range(rows)],
        "patient_id": ["4711"] * rows,
        "site": ["Elsewhere"] * rows,
    }
    own |= {"study_id": [f"1.2.{i}" for i in range(rows)], "date": ["2024-05-06"] * rows, "label": ["ill"] * rows}
    return pd.DataFrame({**own, "split": [""] * rows, **columns})


def test_a_cohort_keeps_its_rows_and_patients_and_loses_its_names() -> None:
    real = table(
        patient_id=["N4711", "N4711", "N0815", ""], age=["61", "95", "x", ""], referring=["Dr. Who"] * 4, sex=["F"] * 4,
        series_uid=["1.9"] * 4,
    )  # fmt: skip
    said = OF.cohort(real)
    assert list(said.columns) == [
        "path", "patient_id", "site", "study_id", "date", "label", "split", "age", "sex", "series_uid", "quarter",
    ]  # fmt: skip
    assert said["patient_id"].tolist() == [pseudonym(KEY, "patient", name) for name in real["patient_id"]]
    assert said["path"].nunique() == 4
    assert said["path"].str.fullmatch(r"F-[A-Z2-7]{20}\.dcm").all()
    assert said["site"].unique().tolist() == [pseudonym(KEY, "site", "Elsewhere")]
    assert said["age"].tolist() == ["61", "90+", "", ""]
    assert said["quarter"].unique().tolist() == ["2024-Q2"]
    assert said["date"].iloc[0] == said["date"].iloc[1] != said["date"].iloc[2]
    assert OF.dropped(real) == ("referring",)
    written = said.to_csv()
    for name in ("N4711", "N0815", "Doe", "Elsewhere", "Who", "1.2.0", "2024-05-06"):
        assert name not in written
    pd.testing.assert_frame_equal(said, OF.cohort(real))


def test_columns_are_kept_when_asked_for_by_name() -> None:
    real = table(scanner=["A", "B"])
    asked = Deidentifier(key=KEY, keep_columns=("scanner", "site", "date"))
    said = asked.cohort(real)
    for name in ("scanner", "site", "date"):
        assert said[name].tolist() == real[name].tolist()
    statement = asked.statement(real)
    assert statement.kept_columns == ("scanner", "site", "date")
    assert {"113106", "113112"} <= set(statement.methods)
    assert "113107" not in statement.methods
    assert statement.dates == "UNMODIFIED"
    with pytest.raises(CohortError, match="Did you mean 'scanner'") as caught:
        Deidentifier(key=KEY, keep_columns=("scaner",)).cohort(real)
    assert caught.value.code == "UnknownColumn"


def test_the_statement_says_what_was_done_and_claims_no_more() -> None:
    statement = OF.statement(table(referring=["Dr. Who"])).as_json()
    assert statement["methods"] == METHODS
    assert set(METHODS) == {"113100", "113107", "113108"}
    assert statement["dates"] == "MODIFIED"
    assert statement["dropped_columns"] == ["referring"]
    assert statement["key_id"] == KEY.id
    assert "No complete de-identification is claimed." in statement["limits"]
    assert any("burned into" in limit for limit in statement["limits"])


def test_a_ledger_keeps_counts_and_codes_and_loses_values() -> None:
    rows = (
        LedgerRow(path="/in/Doe/1.dcm", loader="dicom", study_id="1.2.3", patient_id="4711", series_uid="1.9",
                  notes=("SecondaryCapture", "PydicomWarning: bad value 'Doe'", "Doe^Jane")),
        LedgerRow(path="/in/Doe.4711", status="excluded", code="localizer", reason="ImageType says Doe"),
        LedgerRow(path="/in/b.dcm", status="failed", code="BadTag", stage="header",
                  reason="PatientAge is no number: 'Doe'", hint="chmod 4711 Doe"),
        LedgerRow(path="/in/c.dcm", status="failed", code="EmptyFile", reason="the file has 0 bytes"),
    )  # fmt: skip
    said = OF.ledger(Ledger(rows), root=Path("/in"))
    assert said.counts() == Ledger(rows).counts()
    assert said.by_reason() == Ledger(rows).by_reason()
    text = said.table().to_csv()
    for name in ("Doe", "4711", "1.2.3", "1.9", "/in"):
        assert name not in text
    of = {row.path: row for row in said.rows}
    assert list(of) == sorted(of)
    read, empty = of[OF.file("Doe/1.dcm")], of[OF.file("c.dcm")]
    assert read.notes[0] == "SecondaryCapture"
    assert read.patient_id == pseudonym(KEY, "patient", "4711")
    assert empty.reason == "the file has 0 bytes"
    assert of[OF.file("Doe.4711")].path.startswith("F-")
    assert "." not in of[OF.file("Doe.4711")].path


@pytest.mark.parametrize(
    ("path", "root", "same"),
    [("/in/a/b.dcm", "/in", "a/b.dcm"), ("in/a/b.dcm", "in", "a/b.dcm"), ("./a/b.dcm", None, "a/b.dcm"),
     ("a\\b.dcm", None, "a/b.dcm"), ("a/b.dcm", ".", "a/b.dcm")],
)  # fmt: skip
def test_one_file_has_one_name(path: str, root: str | None, same: str) -> None:
    assert OF.file(path, root=None if root is None else Path(root)) == OF.file(same)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.dcm", ".dcm"), ("a.NII.GZ", ".nii.gz"), ("a.Doe", ""), ("1.2.840.4711", ""), ("Doe.png", ".png"), ("a", "")],
)
def test_only_well_known_suffixes_are_kept(name: str, suffix: str) -> None:
    assert OF.file(name)[22:] == suffix


def test_errors_keep_class_code_and_stage() -> None:
    error = FailedCasesError(
        "1 file of Doe failed", code="FailedCases", path="/in/Doe.dcm", hint="Ask Doe", stage="find"
    )
    said = OF.error(error, root=Path("/in"))
    assert type(said) is FailedCasesError
    assert (said.code, said.stage, said.exit_code) == ("FailedCases", "find", 3)
    assert "Doe" not in str(said)
    assert said.path == OF.file("Doe.dcm")


@pytest.mark.parametrize(
    ("facts", "notes", "passes"),
    [
        ({"burned_in": "YES"}, (), False),
        ({}, ("BurnedInAnnotation",), False),
        ({"modality": "US"}, (), False),
        ({"modality": "US", "burned_in": "NO"}, (), True),
        ({"modality": "OT"}, ("SecondaryCapture",), False),
        ({"modality": "OT", "burned_in": "NO"}, ("SecondaryCapture",), True),
        ({"modality": "CR"}, ("OverlayIgnored",), True),
    ],
)
def test_pixels_that_may_name_somebody_are_refused(
    facts: dict[str, str],
    notes: tuple[str, ...],
    passes: bool,
) -> None:
    Deidentifier(key=KEY, allow_burned_in=True).check_pixels(facts, notes, Path("a.dcm"))
    if passes:
        OF.check_pixels(facts, notes, Path("a.dcm"))
        return
    with pytest.raises(ReadError) as caught:
        OF.check_pixels(facts, notes, Path("a.dcm"))
    assert (caught.value.code, caught.value.stage) == ("BurnedIn", "prepare")
    assert "--allow-burned-in" in (caught.value.hint or "")


def test_only_the_key_leads_back(write_dicom: WriteDicom, tmp_path: Path) -> None:
    one = write_dicom(
        "in/a.dcm", PatientID="4711", PatientName="Doe^Jane", SeriesInstanceUID="1.2.7", StudyInstanceUID="1.2.6"
    )
    two = write_dicom(
        "in/b.dcm", PatientID="0815", PatientName="Roe^Richard", SeriesInstanceUID="1.2.8", StudyInstanceUID="1.2.9"
    )
    people = relink(KEY, tmp_path / "in")
    assert {(person.patient_id, person.name) for person in people.values()} == {
        ("4711", "Doe^Jane"),
        ("0815", "Roe^Richard"),
    }
    assert people[pseudonym(KEY, "patient", "4711")].name == "Doe^Jane"
    assert pseudonym(KEY, "patient", "4711") not in relink(Key(b"x" * 32), tmp_path / "in")
    found = person_of(KEY, [one])
    assert found is not None
    assert (found.pseudonym, found.name) == (pseudonym(KEY, "patient", "4711"), "Doe^Jane")
    assert person_of(KEY, [one, two]) is None
    assert person_of(KEY, [tmp_path / "none.dcm"]) is None


def test_a_modality_that_is_none_is_other() -> None:
    assert [OF.modality(said) for said in ("CT", "DOE JANE", "")] == ["CT", "OT", ""]


def test_an_error_names_an_option_and_never_a_file_that_is_called_like_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "--doe").write_bytes(b"")
    for path, named in (("--keep-column", True), ("--doe", False), ("--Doe^Jane.dcm", False)):
        said = OF.error(CohortError("there is no such file", code="NotFound", path=path)).path
        assert (said == path) is named

"""A table read by pieces is the table read at once: the same rows, the same refusals, and no memory for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.errors import CohortError, OutputError
from medtransfer.data import listed
from medtransfer.data.cohort import Cohort, read_cohort
from medtransfer.data.listed import Asked, CohortFile, ListedCohort, list_cohort, list_file
from medtransfer.data.listing import Listing
from medtransfer.data.tables import table_pieces

CLASSES = ("normal", "pneumonia")
BINARY = Asked(task="multiclass", classes=CLASSES, positive="pneumonia")
SEVERAL = Asked(task="multilabel", classes=("effusion", "pneumonia"), positive=None)

GOOD = [
    {"path": "0.png", "study_id": "b", "patient_id": "p", "label": "normal", "split": "test", "age": "70"},
    {"path": "1.png", "study_id": "a", "patient_id": "p", "label": "pneumonia", "split": "test", "age": "071"},
    {"path": "2.png", "study_id": "b", "patient_id": "p", "label": "normal", "split": "test", "age": ""},
    {"path": "./3.png", "study_id": "", "patient_id": "q", "label": "", "split": "train", "age": "λ; 'x'"},
    {"path": "4.png", "study_id": "c", "patient_id": "r", "label": "normal", "split": "", "age": "9"},
]


def written(folder: Path, rows: list[dict[str, str]], suffix: str = "csv") -> Path:
    for row in rows:
        if row.get("path") and not row["path"].startswith("gone"):
            (folder / row["path"]).write_bytes(b"x")
    table = pd.DataFrame(rows)
    if suffix == "csv":
        table.to_csv(folder / "cohort.csv", index=False)
    else:
        table.to_parquet(folder / "cohort.parquet", index=False)
    return folder


def listing(
    path: Path, question: Asked = BINARY, wanted: Any = lambda _: True, to: Path | None = None, **options: Any
) -> ListedCohort:
    return list_file(CohortFile(path=path, **options), question, to=(to or path) / "list.sqlite", wanted=wanted)


def at_once(path: Path, question: Asked = BINARY, **options: Any) -> Cohort:
    return read_cohort(path, task=question.task, classes=question.classes, positive=question.positive, **options)


@pytest.mark.parametrize("rows", [1, 2, 3, 4096])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_rows_are_those_of_the_table_study_after_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, suffix: str
) -> None:
    monkeypatch.setattr(listed, "ROWS", rows)
    folder = written(tmp_path, GOOD, suffix)
    found, whole = listing(folder), at_once(folder)
    assert found.listing.about.studies == 4
    assert found.listing.names(range(4)) == ["b", "a", "3.png", "c"]
    expected = whole.table.iloc[[0, 2, 1, 3, 4]].reset_index(drop=True)
    part = found.part(range(4))
    pd.testing.assert_frame_equal(part.table, expected, check_dtype=False)
    assert (part.root, part.label, part.classes, part.positive) == (whole.root, "label", CLASSES, "pneumonia")
    some = found.part(range(1, 2), range(3, 4)).table
    assert some["study_id"].tolist() == ["a", "c"]
    assert found.listing.labels() == ["", "normal", "pneumonia"]
    assert [found.listing.number(name) for name in ("b", "c", "z")] == [0, 3, None]


def test_a_split_is_chosen_after_everything_was_checked(tmp_path: Path) -> None:
    folder = written(tmp_path, GOOD)
    found = listing(folder, split="train")
    assert found.part(range(found.listing.about.studies)).table["path"].tolist() == ["3.png"]
    for name, code in (("validation", "EmptySplit"), ("tset", "UnknownSplit")):
        with pytest.raises(CohortError) as ours:
            listing(folder, split=name)
        with pytest.raises(CohortError) as theirs:
            at_once(folder).split(name)
        assert (str(ours.value), ours.value.code) == (str(theirs.value), code)


def test_a_cohort_in_memory_gives_the_same_list(tmp_path: Path) -> None:
    folder = written(tmp_path, GOOD)
    ours, theirs = listing(folder), list_cohort(at_once(folder), to=tmp_path / "b.sqlite", wanted=lambda _: True)
    assert ours.listing.about == theirs.listing.about
    assert ours.listing.keys(range(4)) == theirs.listing.keys(range(4))
    pd.testing.assert_frame_equal(ours.part(range(4)).table, theirs.part(range(4)).table)


def test_the_digest_sees_every_cell_column_and_order_and_nothing_of_other_splits(tmp_path: Path) -> None:
    def digest(name: str, rows: list[dict[str, str]], split: str | None = "test") -> str:
        (tmp_path / name).mkdir()
        return listing(written(tmp_path / name, rows), split=split).listing.about.sha256

    plain = digest("plain", GOOD)
    others = [
        digest("cell", [GOOD[0] | {"age": "71"}, *GOOD[1:]]),
        digest("column", [{**{("old" if k == "age" else k): v for k, v in row.items()}} for row in GOOD]),
        digest("order", [GOOD[1], GOOD[0], *GOOD[2:]]),
        digest("all", GOOD, None),
    ]
    assert len({plain, *others}) == 5
    rest = [*GOOD[:4], GOOD[4] | {"age": "10"}]
    sites = [row | {"site": "here"} for row in rest], [row | {"site": "here"} for row in GOOD]
    assert digest("rest", sites[0]) == digest("again", sites[1])


def test_keys_follow_the_files_and_are_those_of_the_studies_that_are_wanted(tmp_path: Path) -> None:
    folder = written(tmp_path, GOOD)
    first = listing(folder).listing.keys(range(4))
    assert [key.partition(" ")[0] for key in first] == ["b", "a", "3.png", "c"]
    assert listing(folder).listing.keys(range(4)) == first
    os.utime(folder / "2.png", ns=(1, 1))
    (folder / "4.png").unlink()
    changed = listing(folder, allow_missing=True).listing.keys(range(4))
    assert [one != other for one, other in zip(first, changed, strict=True)] == [True, False, False, True]
    assert listing(folder, wanted=lambda n: n == 1, allow_missing=True).listing.keys(range(4)) == ["", first[1], "", ""]


BAD: dict[str, list[dict[str, str]]] = {
    "RepeatedRow": [*GOOD, GOOD[0], GOOD[1]],
    "StudyOfTwoPatients": [*GOOD, GOOD[4] | {"path": "5.png", "patient_id": "s"}],
    "ContradictoryLabels": [*GOOD, GOOD[4] | {"path": "5.png", "label": "pneumonia"}],
    "StudyInTwoSplits": [*GOOD, GOOD[4] | {"path": "5.png", "split": "train"}],
    "UnknownSplit": [
        *GOOD,
        *({"path": f"{n}.png", "study_id": "", "split": "tset"} | {"patient_id": "t"} for n in (6, 7)),
    ],
    "PatientInTwoSplits": [*GOOD, GOOD[0] | {"path": "5.png", "study_id": "e", "split": "train"}],
    "MissingPath": [*GOOD, GOOD[0] | {"path": ""}],
    "UnknownPath": [*GOOD, *(GOOD[0] | {"path": f"gone{n}.png"} for n in range(7))],
    "PatientUnknown": [*GOOD, GOOD[0] | {"path": "5.png", "study_id": "e", "patient_id": ""}],
    "UnknownLabel": [*GOOD, *(GOOD[0] | {"path": f"{n}.png", "study_id": "e", "label": "fracture"} for n in (6, 7))],
    "MissingLabelWord": [*GOOD, GOOD[0] | {"path": "5.png", "study_id": "e", "label": "n/a"}],
    "LabelSpelling": [*GOOD, GOOD[0] | {"path": "5.png", "study_id": "e", "label": "Normal"}],
    "Unprintable": [*GOOD, GOOD[0] | {"path": "5.png", "study_id": "e\u202e"}],
    "MissingColumn": [{"path": "5.png", "lable": "normal"}],
}


@pytest.mark.parametrize("rows", [1, 3, 4096])
@pytest.mark.parametrize("code", BAD)
def test_both_readers_refuse_the_same_tables_in_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, rows: int
) -> None:
    monkeypatch.setattr(listed, "ROWS", rows)
    table = [dict.fromkeys(GOOD[0], "") | row if code != "MissingColumn" else row for row in BAD[code]]
    folder = written(tmp_path, table)
    with pytest.raises(CohortError) as ours:
        listing(folder)
    with pytest.raises(CohortError) as theirs:
        at_once(folder)
    assert (ours.value.code, str(ours.value)) == (code, str(theirs.value))
    assert not (folder / "list.sqlite").exists(), "nothing is left of a list that was not finished"


def test_what_may_be_allowed_is_allowed(tmp_path: Path) -> None:
    folder = written(
        tmp_path, [dict.fromkeys(GOOD[0], "") | row for row in (*BAD["UnknownPath"], *BAD["PatientUnknown"][5:])]
    )
    found = listing(folder, allow_missing=True, patients_unknown=True)
    assert found.listing.about.studies == 5
    assert found.like.patients_unknown


@pytest.mark.parametrize("rows", [1, 4096])
def test_several_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(listed, "ROWS", rows)
    base = [{key: row[key] for key in ("path", "study_id", "patient_id")} for row in GOOD]
    said = [("1", ""), ("0", "1"), ("1", ""), ("", ""), ("yes", "no")]
    rows_ = [row | {"pneumonia": one, "effusion": other} for row, (one, other) in zip(base, said, strict=True)]
    found, whole = listing(written(tmp_path, rows_), SEVERAL), at_once(tmp_path, SEVERAL)
    assert found.listing.about.label == whole.label == "effusion,pneumonia"
    expected = whole.table.iloc[[0, 2, 1, 3, 4]].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.part(range(4)).table, expected, check_dtype=False)
    for number, cell in ((2, "0"), (4, "perhaps")):
        strange = [dict(row) for row in rows_]
        strange[number]["pneumonia"] = cell
        written(tmp_path, strange)
        with pytest.raises(CohortError) as ours:
            listing(tmp_path, SEVERAL)
        with pytest.raises(CohortError) as theirs:
            at_once(tmp_path, SEVERAL)
        assert str(ours.value) == str(theirs.value)


def test_an_empty_table_and_none_at_all(tmp_path: Path) -> None:
    (tmp_path / "cohort.csv").write_text("path,label\n")
    with pytest.raises(CohortError) as caught:
        listing(tmp_path)
    assert caught.value.code == "EmptyTable"
    with pytest.raises(CohortError) as caught:
        listing(tmp_path / "nowhere.csv", to=tmp_path)
    assert caught.value.code == "NotFound"


def test_a_class_per_folder_is_listed(tmp_path: Path) -> None:
    from PIL import Image

    for name in CLASSES:
        (tmp_path / "images" / name).mkdir(parents=True)
        Image.new("L", (8, 8)).save(tmp_path / "images" / name / "a.png")
    found = listing(tmp_path / "images", patients_unknown=True, to=tmp_path)
    assert found.part(range(2)).table["label"].tolist() == list(CLASSES)


cells = st.text(st.sampled_from("ab01 ,;\"'λ=\n"), max_size=4)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=9),
    size=st.integers(1, 4),
    parquet=st.booleans(),
)
def test_pieces_of_a_table_are_the_table(
    tmp_path_factory: pytest.TempPathFactory, rows: Any, size: int, parquet: bool
) -> None:
    table = pd.DataFrame([("-", *row) for row in rows], columns=["k", "a", "b", "c"])
    path = tmp_path_factory.mktemp("t") / ("t.parquet" if parquet else "t.csv")
    if parquet:
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)
    ((whole,), root), (pieces, _) = (table_pieces(path, "a"), table_pieces(path, "a", rows=size))
    found = list(pieces)
    assert root == path.parent
    assert max(map(len, found)) <= size
    pd.testing.assert_frame_equal(pd.concat(found), whole, check_dtype=False, check_index_type=False)


def test_parquet_with_numbers_comes_at_once_since_their_spelling_depends_on_the_column(tmp_path: Path) -> None:
    pd.DataFrame({"path": ["a", "b", "c"], "age": [63, None, 64]}).to_parquet(tmp_path / "t.parquet")
    pieces, _ = table_pieces(tmp_path / "t.parquet", "path", rows=1)
    assert [piece["age"].tolist() for piece in pieces] == [["63.0", "", "64.0"]]


def test_what_is_no_list(tmp_path: Path) -> None:
    for content in (None, b"", b"words " * 100):
        path = tmp_path / "list.sqlite"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(OutputError) as caught:
            Listing(path)
        assert (caught.value.code, caught.value.path) == ("BadListing", str(path))


def test_a_list_that_cannot_be_written_is_our_error(tmp_path: Path) -> None:
    folder = written(tmp_path, GOOD)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as caught:
        listing(folder, to=tmp_path / "file")
    assert caught.value.code == "Unwritable"

"""Laws of the cohort: a table that contradicts itself is refused, and nothing in it is guessed at."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.errors import CohortError
from medtransfer.data.cohort import check_table, patients, read_cohort

if TYPE_CHECKING:
    from collections.abc import Sequence

GOOD = "path,patient_id,label\na.png,007,normal\nb.png,8,pneumonia\nc.png,8,pneumonia\nd.png,9,\n"


def written(folder: Path, text: str = GOOD, *, name: str = "cohort.csv", encoding: str = "utf-8") -> Path:
    """A table, and an empty file for each of its paths."""
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / name
    table.write_bytes(text.encode(encoding))
    for line in text.splitlines()[1:]:
        if (path := line.split(",")[0].strip().strip('"')) and "/" not in path:
            (folder / path).touch()
    return table


def test_a_table_is_read_as_it_stands(tmp_path: Path) -> None:
    cohort = read_cohort(written(tmp_path / "st_mary"))
    assert len(cohort) == 4
    assert list(cohort.table["patient_id"]) == ["007", "8", "8", "9"]
    assert list(cohort.table["label"]) == ["normal", "pneumonia", "pneumonia", ""]
    assert list(cohort.table["study_id"]) == ["a.png", "b.png", "c.png", "d.png"]
    assert set(cohort.table["site"]) == {"st_mary"}
    assert set(cohort.table["split"]) == set(cohort.table["date"]) == {""}
    assert (cohort.classes, cohort.positive) == (("normal", "pneumonia"), "pneumonia")
    assert cohort.file("a.png") == tmp_path / "st_mary" / "a.png"


def test_a_folder_that_holds_a_table_is_that_table(tmp_path: Path) -> None:
    table = written(tmp_path)
    assert read_cohort(tmp_path).table.equals(read_cohort(str(table)).table)


def test_parquet_equals_csv(tmp_path: Path) -> None:
    table = written(tmp_path)
    frame = pd.read_csv(table, dtype=str, keep_default_na=False)
    frame.to_parquet(tmp_path / "other.parquet", index=False)
    with_nulls = frame.replace("", None)
    with_nulls.to_parquet(tmp_path / "nulls.parquet", index=False)
    csv = read_cohort(table)
    for name in ("other.parquet", "nulls.parquet"):
        parquet = read_cohort(tmp_path / name)
        assert parquet.table.equals(csv.table)
        assert parquet.sha256 == csv.sha256


def test_a_byte_order_mark_and_spaces_are_no_part_of_the_table(tmp_path: Path) -> None:
    plain = read_cohort(written(tmp_path / "plain"))
    spaced = GOOD.replace(",normal", " ,  normal ")
    windows = GOOD.replace("\n", "\r\n")
    for name, text, encoding in (("bom", GOOD, "utf-8-sig"), ("spaces", spaced, "utf-8"), ("crlf", windows, "utf-8")):
        other = read_cohort(written(tmp_path / name / "plain", text, encoding=encoding))
        assert other.table.equals(plain.table)
        assert other.sha256 == plain.sha256


def test_words_that_pandas_takes_for_nothing_stay_words(tmp_path: Path) -> None:
    text = "path,patient_id,label,sex\nNA,null,None,nan\nb.png,1e5,tumour,1.50\n"
    cohort = read_cohort(written(tmp_path, text))
    assert cohort.table[["path", "patient_id", "label", "sex"]].to_numpy().tolist() == [
        ["NA", "null", "None", "nan"],
        ["b.png", "1e5", "tumour", "1.50"],
    ]
    assert (cohort.classes, cohort.positive) == (("None", "tumour"), "tumour")


def test_a_short_row_ends_in_empty_cells(tmp_path: Path) -> None:
    cohort = read_cohort(written(tmp_path, "path,patient_id,label,split\na.png,1,x\nb.png,2,y,test\n"))
    assert list(cohort.table["split"]) == ["", "test"]


def test_attributes_are_kept_and_the_contract_comes_first(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    cohort = read_cohort(written(tmp_path, "age,path,view,label,patient_id\n70,a.png,PA,x,1\n"))
    assert list(cohort.table.columns)[-2:] == ["age", "view"]
    assert cohort.table["view"].tolist() == ["PA"]


def test_the_label_is_the_column_that_was_asked_for(tmp_path: Path) -> None:
    table = written(tmp_path, "path,patient_id,label,sublabel\na.png,1,x,bacteria\nb.png,2,x,virus\n")
    assert read_cohort(table).classes == ("x",)
    cohort = read_cohort(table, label="sublabel", positive="bacteria")
    assert (cohort.label, cohort.classes, cohort.positive) == ("sublabel", ("virus", "bacteria"), "bacteria")
    assert cohort.table["sublabel"].tolist() == cohort.table["label"].tolist() == ["bacteria", "virus"]


@pytest.mark.parametrize(
    ("labels", "given", "expected"),
    [
        (["tumour", "Normal"], {}, (("Normal", "tumour"), "tumour")),
        (["abscess", "healthy"], {}, (("healthy", "abscess"), "abscess")),
        (["no_tumor", "tumor"], {}, (("no_tumor", "tumor"), "tumor")),
        (["No finding", "a mass"], {}, (("No finding", "a mass"), "a mass")),
        (["0", "1"], {}, (("0", "1"), "1")),
        (["virus", "bacteria"], {}, (("bacteria", "virus"), None)),
        (["normal", "benign"], {}, (("benign", "normal"), None)),
        (["a", "b", "normal"], {}, (("a", "b", "normal"), None)),
        (["a", "b", "normal"], {"positive": "a"}, (("b", "normal", "a"), "a")),
        (["normal", "a"], {"positive": "normal"}, (("a", "normal"), "normal")),
        (["normal", "a"], {"classes": ["a", "normal"]}, (("a", "normal"), "a")),
        (["normal"], {"classes": ["normal", "a"]}, (("normal", "a"), "a")),
        (["normal"], {}, (("normal",), None)),
    ],
)
def test_the_positive_class_is_told_or_inferred_beside_a_word_for_normal(
    tmp_path: Path, labels: list[str], given: dict[str, Any], expected: tuple[tuple[str, ...], str | None]
) -> None:
    rows = "".join(f"{i}.png,{i},{label}\n" for i, label in enumerate(labels))
    cohort = read_cohort(written(tmp_path, f"path,patient_id,label\n{rows}"), **given)
    assert (cohort.classes, cohort.positive) == expected


def test_class_folders_are_a_cohort(tmp_path: Path) -> None:
    for name in ("normal/a.png", "normal/deep/b.png", "pneumonia/a.png", ".hidden/c.png", "normal/.DS_Store"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "README").touch()
    with pytest.raises(CohortError) as caught:
        read_cohort(tmp_path)
    assert caught.value.code == "PatientUnknown"
    cohort = read_cohort(tmp_path, patients_unknown=True)
    assert [Path(path).as_posix() for path in cohort.table["path"]] == [
        "normal/a.png",
        "normal/deep/b.png",
        "pneumonia/a.png",
    ]
    assert cohort.table["label"].tolist() == ["normal", "normal", "pneumonia"]
    assert cohort.positive == "pneumonia"
    assert cohort.patients_unknown


HEAD = "path,patient_id,study_id,label,split\n"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (HEAD + "a.png,1,s,x,\na.png,1,s,x,\n", "RepeatedRow", ["'a.png'"]),
        (HEAD + "a.png,1,s,x,\nb.png,2,s,x,\n", "StudyOfTwoPatients", ["'s'", "patient_id"]),
        (HEAD + "a.png,1,s,x,\nb.png,1,s,y,\n", "ContradictoryLabels", ["'s'", "label"]),
        (HEAD + "a.png,1,s,x,train\nb.png,1,s,x,test\n", "StudyInTwoSplits", ["'s'"]),
        (HEAD + "a.png,1,s,x,train\nb.png,1,t,x,test\n", "PatientInTwoSplits", ["'1'", "1 patients"]),
        (HEAD + "a.png,1,s,x,Train\n", "UnknownSplit", ["'Train'", "validation"]),
        (HEAD + ",1,s,x,\n", "MissingPath", ["row 2"]),
        (HEAD, "EmptyTable", ["no rows"]),
        (HEAD + "a.png,,s,x,\nb.png,2,t,x,\n", "PatientUnknown", ["'a.png'", "1 of 2", "--patients-unknown"]),
        ("path,patient_id,labels\na.png,1,x\n", "MissingColumn", ["'label'", "Did you mean 'labels'?"]),
        ("file,label\na.png,x\n", "MissingColumn", ["'path'", "file, label"]),
        ("", "BadTable", ["CSV with a header"]),
        ("path,label\na.png,x\nb.png,x,y\n", "BadTable", ["line 3"]),
        ("path,label\nZ,a.png,x\nY,b.png,x\n", "BadTable", ["more cells"]),
        ('path,label\n"a.png,x\n', "BadTable", ["EOF"]),
    ],
)
def test_tables_that_cannot_be_trusted_are_refused(tmp_path: Path, text: str, code: str, said: list[str]) -> None:
    table = written(tmp_path, text)
    with pytest.raises(CohortError) as caught:
        read_cohort(table)
    assert caught.value.code == code
    assert caught.value.exit_code == 2
    assert caught.value.hint
    for words in said:
        assert words in str(caught.value)


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"path,label\n\xff\xfe\xfa,x\n")
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no")
    for name in ("a.csv", "a.parquet"):
        with pytest.raises(CohortError) as caught:
            read_cohort(tmp_path / name)
        assert (caught.value.code, caught.value.path) == ("BadTable", str(tmp_path / name))


def test_absent_and_empty_places_are_refused(tmp_path: Path) -> None:
    for place, code in ((tmp_path / "none.csv", "NotFound"), (tmp_path, "EmptyFolder")):
        with pytest.raises(CohortError) as caught:
            read_cohort(place)
        assert caught.value.code == code


def test_rows_whose_files_are_absent_are_refused_unless_allowed(tmp_path: Path) -> None:
    table = written(tmp_path)
    for name in ("b.png", "c.png"):
        (tmp_path / name).unlink()
    with pytest.raises(CohortError) as caught:
        read_cohort(table)
    assert caught.value.code == "UnknownPath"
    assert "2 rows" in caught.value.message
    assert "'b.png', 'c.png'" in caught.value.message
    assert "--allow-failures 2" in (caught.value.hint or "")
    assert len(read_cohort(table, allow_missing=True)) == 4


def test_only_the_first_few_rows_are_named(tmp_path: Path) -> None:
    rows = "".join(f"{i}.png,,x\n" for i in range(9))
    with pytest.raises(CohortError, match=r"'4\.png' and 4 more"):
        read_cohort(written(tmp_path, f"path,patient_id,label\n{rows}"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"classes": ["normal"]}, "'pneumonia'"),
        ({"positive": "pneumnia"}, "Did you mean 'pneumonia'?"),
    ],
)
def test_labels_and_positives_outside_the_classes_are_refused(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(CohortError) as caught:
        read_cohort(written(tmp_path), **given)
    assert caught.value.code == "UnknownLabel"
    assert said in caught.value.message


def test_the_digest_changes_with_every_cell_and_column(tmp_path: Path) -> None:
    table = written(tmp_path / "here")
    lines = [line.split(",") for line in GOOD.splitlines()]
    digests = {read_cohort(table).sha256}
    for row in range(1, len(lines)):
        for column in range(1, 3):
            changed = [list(line) for line in lines]
            changed[row][column] += "X"
            text = "\n".join(",".join(line) for line in changed)
            digests.add(read_cohort(written(tmp_path / "here", text)).sha256)
    digests.add(
        read_cohort(written(tmp_path / "here", GOOD.replace("patient_id,label", "patient_id,label,site"))).sha256
    )
    for extra in ("age", "sex"):
        text = GOOD.replace("\n", ",1\n").replace("label,1", f"label,{extra}")
        digests.add(read_cohort(written(tmp_path / "here", text)).sha256)
    assert len(digests) == 1 + 8 + 1 + 2


def test_the_digest_does_not_depend_on_where_the_table_lies(tmp_path: Path) -> None:
    first = read_cohort(written(tmp_path / "here" / "hospital"))
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    second = read_cohort(tmp_path / "there" / "hospital" / "cohort.csv")
    (tmp_path / "there" / "hospital").rename(tmp_path / "renamed")
    third = read_cohort(tmp_path / "renamed")
    assert first.sha256 == second.sha256 == third.sha256
    assert second.root != first.root


def test_splits_are_taken_by_name(tmp_path: Path) -> None:
    text = HEAD + "a.png,1,s,x,train\nb.png,2,t,y,test\nc.png,3,u,y,\n"
    cohort = read_cohort(written(tmp_path, text))
    assert cohort.split("train").table["path"].tolist() == ["a.png"]
    assert cohort.split("test", "train").table["path"].tolist() == ["a.png", "b.png"]
    assert cohort.split("test").classes == cohort.classes
    for name, code in (("tset", "UnknownSplit"), ("calibration", "EmptySplit")):
        with pytest.raises(CohortError) as caught:
            cohort.split(name)
        assert caught.value.code == code


def test_a_changed_table_is_checked_again(tmp_path: Path) -> None:
    cohort = read_cohort(written(tmp_path))
    table = cohort.table.assign(split=["", "train", "test", ""])
    with pytest.raises(CohortError) as caught:
        cohort.with_table(table)
    assert caught.value.code == "PatientInTwoSplits"
    kept = cohort.with_table(cohort.table.iloc[[2, 0]])
    assert kept.table.index.tolist() == [0, 1]
    assert kept.table["path"].tolist() == ["c.png", "a.png"]


def test_a_study_is_its_first_image_and_a_patient_without_id_is_its_own(tmp_path: Path) -> None:
    text = HEAD + "a.png,,s,x,\nb.png,,s,x,\nc.png,,t,y,\nd.png,7,u,y,\n"
    cohort = read_cohort(written(tmp_path, text), patients_unknown=True)
    assert cohort.studies()["path"].tolist() == ["a.png", "c.png", "d.png"]
    assert patients(cohort.table).tolist() == ["study:s", "study:s", "study:t", "7"]


cells = st.sampled_from(["", "1", "2", "3"])
splits = st.sampled_from(["", "train", "test"])


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(cells, cells, splits), min_size=1, max_size=6))
def test_what_passes_the_check_has_no_patient_on_two_sides(rows: Sequence[tuple[str, str, str]]) -> None:
    table = pd.DataFrame(
        [
            {"path": str(i), "patient_id": patient, "study_id": study or str(i), "label": "x", "split": split}
            for i, (patient, study, split) in enumerate(rows)
        ]
    )
    sides: dict[str, set[str]] = {}
    owners: dict[str, set[str]] = {}
    halves: dict[str, set[str]] = {}
    for row in table.to_dict("records"):
        if row["patient_id"] and row["split"]:
            sides.setdefault(row["patient_id"], set()).add(row["split"])
        owners.setdefault(row["study_id"], set()).add(row["patient_id"])
        halves.setdefault(row["study_id"], set()).add(row["split"])
    sound = all(len(kinds) == 1 for group in (sides, owners, halves) for kinds in group.values())
    with nullcontext() if sound else pytest.raises(CohortError):
        check_table(table, source=Path("t.csv"))

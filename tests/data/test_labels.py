"""Each thing that can be wrong with labels is said once, and a sound table hears nothing."""

from __future__ import annotations

import pandas as pd
import pytest

from medtransfer.data.labels import label_warnings


def table(*rows: tuple[str, ...], columns: str = "path patient_id study_id date label") -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns.split())


SOUND = [
    (f"{i}.png", f"P{i // 2}", f"S{i}", f"2020-01-{i % 28 + 1:02}", "ill" if i // 2 % 2 else "normal")
    for i in range(40)
]


def test_a_sound_table_has_no_warning() -> None:
    assert label_warnings(table(*SOUND)) == ()
    assert label_warnings(table(*SOUND), classes=("normal", "ill")) == ()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("x", "P90", "S90", "", ""), "1 of 41 studies have no label."),
        (("x", "P90", "S90", "", "N/A"), "1 row has a label that read as missing: 'N/A'."),
        (("x", "P90", "S90", "", "Normal"), "Labels in several spellings: 'Normal', 'normal'."),
        (("x", "P90", "S90", "", "nor-mal"), "Labels in several spellings: 'nor-mal', 'normal'."),
        (("x", "", "S90", "", "ill"), "1 of 41 studies have no patient_id: splits cannot keep patients together."),
        (("x", "P0", "S90", "2020-03-01", "ill"), "1 patient has studies of several classes."),
        (("x", "P9", "S0", "", "normal"), "1 study belongs to more than one patient: '0.png'."),
    ],
)
def test_one_fault_one_warning(row: tuple[str, ...], said: str) -> None:
    found = label_warnings(table(*SOUND, row))
    assert said in found
    if "S0" not in row:
        assert len(found) == 1


def test_contradictions_come_first() -> None:
    same_day = ("x", "P0", "S90", "2020-01-01", "ill")
    same_study = ("y", "P0", "S0", "2020-01-01", "ill")
    found = label_warnings(table(*SOUND, same_day, same_study))
    assert found == (
        "1 study has images of different labels: '0.png'.",
        "1 patient has different labels on the same day: one of them may be wrong.",
        "1 patient has studies of several classes.",
    )


def test_unknown_words_and_misspellings() -> None:
    rows = [(f"n{i}", f"Q{i}", f"T{i}", "", "pneumonia") for i in range(60)]
    typo = ("x", "P90", "S90", "", "pneumonla")
    assert label_warnings(table(*SOUND, *rows, typo)) == (
        "'pneumonla' (1 row) may be a misspelling of 'pneumonia' (60).",
    )
    said = label_warnings(table(*SOUND, *rows, typo), classes=("normal", "ill", "pneumonia"))
    assert said == ("1 label is none of normal, ill, pneumonia: 'pneumonla'.",)


def test_a_patient_in_two_splits() -> None:
    rows = [("a", "P1", "ill", "train"), ("b", "P1", "ill", "test"), ("c", "P2", "normal", "")]
    (said,) = label_warnings(table(*rows, columns="path patient_id label split"))
    assert said == "1 patient is in more than one split: figures across such a leak are too good."


def test_several_labels_in_one_cell_are_words_of_their_own() -> None:
    rows = [(f"n{i}", f"Q{i // 2}", f"T{i}", "", f"pneumonia={i % 2};effusion=0") for i in range(60)]
    assert label_warnings(table(*rows)) == ()
    assert label_warnings(table(*rows), classes=("effusion", "pneumonia")) == ()
    said = label_warnings(table(*rows, ("x", "P90", "S90", "", "pneumonla=1")))
    assert said == ("'pneumonla' (1 row) may be a misspelling of 'pneumonia' (60).",)
    (unknown,) = label_warnings(table(*rows), classes=("pneumonia",))
    assert unknown == "1 label is none of pneumonia: 'effusion'."
    (differs,) = label_warnings(table(*rows, ("y", "Q0", "T0", "", "pneumonia=1;effusion=0")))
    assert differs == "1 study has images of different labels: 'n0'."


def test_few_columns_and_another_label() -> None:
    assert label_warnings(table(("a", "x"), columns="path finding"), label="finding") == (
        "1 of 1 study has no patient_id: splits cannot keep patients together.",
    )
    assert "no column 'label'" in label_warnings(table(("a", "x"), columns="path finding"))[0]


def test_patients_and_studies_are_counted_and_not_named() -> None:
    rows = [("a", "SECRET", "1.2.SECRET", "d", "x"), ("b", "SECRET", "1.2.SECRET", "d", "y"), ("c", "", "", "", "?")]
    assert "SECRET" not in " ".join(label_warnings(table(*rows)))

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.evaluated.spectrum import Spectrum
from medtransfer.core.types import Task
from medtransfer.data.spectrum import month_of, numbers, spectrum_of

WORD = st.sampled_from(["", "F", "M", "x", "63", "n/a"])
ROWS = st.lists(st.tuples(st.integers(0, 9), WORD, WORD, st.sampled_from(["", "ill", "well"])), max_size=40)


def spectrum(
    *, task: Task = "multiclass", classes: tuple[str, ...] = ("ill", "well"), **columns: list[str]
) -> Spectrum:
    n = len(next(iter(columns.values())))
    table = pd.DataFrame({"study_id": map(str, range(n)), "patient_id": map(str, range(n))} | columns, dtype=object)
    return spectrum_of(table, classes=classes, task=task)


@given(ROWS)
@settings(deadline=None, max_examples=80)
def test_every_study_is_counted_once_in_every_attribute(rows: list[tuple[int, str, str, str]]) -> None:
    table = pd.DataFrame(rows, columns=["patient_id", "sex", "model", "label"], dtype=object).assign(
        study_id=pd.Series([str(i) for i in range(len(rows))], dtype=object),
        patient_id=pd.Series([str(row[0]) for row in rows], dtype=object),
    )
    found = spectrum_of(table, classes=("ill", "well"), task="multiclass")
    assert (found.n_studies, found.n_patients) == (len(rows), len({row[0] for row in rows}))
    for name, of in found.attributes.items():
        blank = int((table[name] == "").sum())
        assert of.missing == blank
        if of.mean is None:
            assert sum(of.counts.values()) + of.others + of.missing == len(rows)


def test_numbers_and_ages() -> None:
    found = spectrum(age=["063Y", "018M", "", "70"], kvp=["80", "90", "100", "110"], paced=["0", "1", "1", "1"])
    age = found.attributes["age"]
    assert age.missing == 1
    assert age.mean == pytest.approx((63 + 1.5 + 70) / 3)
    assert age.counts == {}
    assert found.attributes["kvp"].quantiles[1:4] == (87.5, 95.0, 102.5)
    assert found.attributes["kvp"].standard_deviation == pytest.approx(np.std([80, 90, 100, 110], ddof=1))
    assert found.attributes["paced"].counts == {"0": 1, "1": 3}
    assert numbers(pd.Series(["1", "two"])) is None
    assert numbers(pd.Series(["", " "])) is None
    one = spectrum(age=["63"]).attributes["age"]
    assert (one.mean, one.standard_deviation) == (63.0, None)


def test_what_names_somebody_is_left_out() -> None:
    """Columns by their names; rare words unless a standard knows them; the ends of numbers."""
    n = 40
    found = spectrum(
        accession_number=[str(i) for i in range(n)],
        referring_physician=["House"] * n,
        notes=["seen by Dr Doe"] * n,
        patient_name=["DOE^JANE"] * n,
        remarks_2=["DOE"] * n,
        body_part=["DOE JANE"] * 2 + ["CHEST"] * 3 + ["HAND"] * (n - 5),
        model=["rare"] * 4 + ["common"] * (n - 4),
        sex=["F"] * 2 + ["Jane"] + ["M"] * (n - 3),
        age=["101", *["50"] * (n - 2), "51"],
        site=["tiny", *["large"] * (n - 1)],
    )
    assert set(found.attributes) == {"body_part", "model", "sex", "age", "site"}
    assert found.attributes["body_part"].counts == {"HAND": 35, "CHEST": 3}
    assert found.attributes["body_part"].others == 2
    assert found.attributes["model"].counts == {"common": 36}
    assert found.attributes["sex"].counts == {"M": 37, "F": 2}
    assert max(found.attributes["age"].quantiles) < 101
    assert found.attributes["site"].counts == {"large": 39, "tiny": 1}
    assert "DOE" not in found.model_dump_json()


def test_a_word_is_shared_by_patients_not_by_studies() -> None:
    table = pd.DataFrame(
        {"study_id": map(str, range(12)), "patient_id": ["a"] * 6 + list("bcdefg"), "model": ["x"] * 6 + ["y"] * 6}
    )
    found = spectrum_of(table, classes=(), task="multiclass").attributes["model"]
    assert (found.counts, found.others) == ({"y": 6}, 6)


def test_labels_and_months() -> None:
    found = spectrum(label=["ill", "", "ill"], date=["2024-05-01", "20190331", "nonsense"])
    assert found.attributes["label"].counts == {"ill": 2, "well": 0}
    assert found.attributes["label"].missing == 1
    assert (found.first_month, found.last_month) == ("2019-03", "2024-05")
    several = spectrum(label=["ill=1;broken=0", "broken=1", ""], task="multilabel", classes=("ill", "broken"))
    assert several.attributes["label: ill"].counts == {"present": 1}
    assert several.attributes["label: ill"].missing == 2
    assert several.attributes["label: broken"].counts == {"absent": 1, "present": 1}


@pytest.mark.parametrize(
    ("day", "month"),
    [
        ("2024-01-31", "2024-01"),
        ("2024-01-31T08:00:00Z", "2024-01"),
        ("20240131", "2024-01"),
        ("20240131120000", "2024-01"),
        ("2024.01.31", "2024-01"),
        ("31.01.2024", ""),
        ("", ""),
        ("2024-13-01", ""),
    ],
)
def test_months(day: str, month: str) -> None:
    assert month_of(day) == month

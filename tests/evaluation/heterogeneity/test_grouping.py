from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.errors import PredictionsError
from medtransfer.evaluation.heterogeneity.grouping import MOST_GROUPS, UNKNOWN, attributes_of, groups_of


def grouped(values: list[object], name: str = "what", **asked: int | None) -> dict[str, int]:
    """Sizes of the groups by name, in order, with what they were made by checked for reconciling."""
    column = name if name in {"site", "date", "split"} else f"attribute_{name}"
    one = groups_of(pd.DataFrame({column: values}), name, **asked)
    assert one.codes.shape == (len(values),)
    sizes = np.bincount(one.codes, minlength=len(one.names)).tolist()
    assert min(sizes, default=1) > 0
    assert len(set(one.names)) == len(one.names)
    return dict(zip(one.names, sizes, strict=True))


def rule(values: list[object], name: str = "what") -> str:
    return groups_of(pd.DataFrame({f"attribute_{name}": values}), name).rule


def test_words_stand_as_they_are_the_most_frequent_first() -> None:
    assert grouped(["M", "F", " F ", "F", "", None, "f"], "sex") == {"F": 3, "M": 1, "f": 1, UNKNOWN: 2}
    assert grouped(["=1+1", "<b>", "=1+1"]) == {"=1+1": 2, "<b>": 1}


@pytest.mark.parametrize(
    ("value", "band"),
    [
        ("000D", "< 18"),
        ("018M", "< 18"),
        ("215M", "< 18"),
        ("216M", "18–39"),
        ("939W", "< 18"),
        ("940W", "18–39"),
        ("017Y", "< 18"),
        ("018Y", "18–39"),
        ("039Y", "18–39"),
        ("040Y", "40–64"),
        ("064Y", "40–64"),
        ("065Y", "≥ 65"),
        ("103Y", "≥ 65"),
    ],
)
def test_ages_as_dicom_writes_them(value: str, band: str) -> None:
    assert grouped([value], "PatientAge") == {band: 1}
    assert grouped([value], "anything") == {band: 1}


@pytest.mark.parametrize("name", ["age", "Age", "patient_age", "age_years", "PatientAge", "AgeAtScan"])
def test_plain_ages_are_years_where_the_column_is_called_so(name: str) -> None:
    values = [17.9, 18, "39.99", 40, "64", 65, 90, "063Y", "", "about 50", -3, 200, "nan"]
    expected = {"< 18": 1, "18–39": 2, "40–64": 3, "≥ 65": 2, "no number": 4, UNKNOWN: 1}
    assert grouped(values, name) == expected
    assert rule(values, name) == "age in years, in bands"


@pytest.mark.parametrize("name", ["image", "stage", "age_months", "gestational_age_weeks", "triage_level"])
def test_other_names_hold_no_years(name: str) -> None:
    assert "age" not in rule([1, 2, 30], name)


def test_words_in_a_column_of_ages_stay_words() -> None:
    assert grouped(["adult", "child", "adult", "40"], "age") == {"adult": 2, "40": 1, "child": 1}


def test_dates_go_by_year() -> None:
    assert grouped(["2023-01-31", "2021-12-01", "", "2023-11-09"], "date") == {"2021": 1, "2023": 2, UNKNOWN: 1}
    assert grouped(["20230131", "20211201", "2023"], "StudyDate") == {"2021": 1, "2023": 1, "no date": 1}
    assert grouped(["2023-01-31T10:00", "2021-12"], "anything") == {"2021": 1, "2023": 1}
    assert grouped(["2023-02-30", "2021-12-01", "2021-12-02"], "date") == {"2021": 2, "no date": 1}
    assert "year" not in rule(["20230131", "20211201"], "accession")


def test_few_numbers_stand_as_they_are_and_many_go_by_quartiles() -> None:
    assert grouped(["1.5", "3.0", "3.0"], "field_strength") == {"3.0": 2, "1.5": 1}
    many: list[object] = [str(i) for i in range(100)]
    assert grouped(many, "dose") == {"< 24.75": 25, "24.75 to < 49.5": 25, "49.5 to < 74.25": 25, "≥ 74.25": 25}
    assert rule(many, "dose") == "numbers by quartiles of these studies"
    assert grouped([*many, ""], "dose")[UNKNOWN] == 1
    tied: list[object] = [*["0"] * 80, *map(str, range(1, 21))]
    assert grouped(tied, "dose") == {"< 1": 80, "≥ 1": 20}
    assert rule([*many, "n/a"], "dose") == "values as they are"


@given(st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=12, max_size=60, unique=True))
@settings(deadline=None, max_examples=60)
def test_a_number_lies_in_the_quartile_it_is_put_in(numbers: list[float]) -> None:
    table = pd.DataFrame({"attribute_x": [repr(x) for x in numbers]})
    one = groups_of(table, "x")
    for number, code in zip(numbers, one.codes, strict=True):
        words = one.names[code].split()
        low = -np.inf if words[0] == "<" else float(words[1]) if words[0] == "≥" else float(words[0])
        high = float(words[-1]) if "<" in words else np.inf
        assert low <= number < high


def test_sites_are_never_numbers() -> None:
    sites: list[object] = [str(i) for i in range(12)]
    assert len(grouped(sites, "site")) == 12


def test_the_smallest_of_too_many_groups_are_merged_and_counted() -> None:
    values: list[object] = [*(f"v{i:02}" for i in range(40) for _ in range(50 - i)), *[""] * 3, *["22 others"] * 99]
    found = grouped(values)
    assert len(found) == MOST_GROUPS
    assert next(iter(found)) == "22 others"
    assert found[UNKNOWN] == 3
    assert sum(found.values()) == len(values)
    assert "v16" in found
    assert "v17" not in found
    one = groups_of(pd.DataFrame({"attribute_x": values}), "x")
    assert (one.names[-1], one.merged) == ("23 others", 23)
    assert len(grouped(values, most=None)) == 42
    exactly: list[object] = [f"v{i:02}" for i in range(MOST_GROUPS)]
    assert len(grouped(exactly)) == MOST_GROUPS
    assert groups_of(pd.DataFrame({"attribute_x": exactly}), "x").merged == 0


@given(st.lists(st.sampled_from(["a", "b", "", "063Y", "2020-01-01", "7", "nan", "=x"]), max_size=30))
@settings(deadline=None, max_examples=60)
def test_every_study_is_in_one_group_whatever_the_order(values: list[str]) -> None:
    table = pd.DataFrame({"attribute_x": pd.Series(values, dtype=object)})
    one = groups_of(table, "x")
    order = np.random.default_rng(len(values)).permutation(len(values))
    other = groups_of(table.iloc[order], "x")
    assert (other.names, other.rule) == (one.names, one.rule)
    assert other.codes.tolist() == one.codes[order].tolist()


def test_an_unknown_attribute_is_refused_with_the_nearest_name() -> None:
    table = pd.DataFrame({"site": ["a"], "attribute_manufacturer": ["GE"], "attribute_sex": ["F"], "truth": ["x"]})
    assert attributes_of(table) == ("site", "manufacturer", "sex")
    with pytest.raises(PredictionsError) as caught:
        groups_of(table, "manufacurer")
    assert caught.value.code == "UnknownAttribute"
    assert "Did you mean 'manufacturer'?" in caught.value.message
    assert "site, manufacturer, sex" in str(caught.value.hint)
    with pytest.raises(PredictionsError):
        groups_of(table, "truth")
    with pytest.raises(PredictionsError) as bare:
        groups_of(pd.DataFrame({"truth": ["x"]}), "sex")
    assert bare.value.hint

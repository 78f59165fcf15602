from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from medtransfer.core.evaluated.drift import Course, OverTime
from medtransfer.core.results import OperatingPoint, Predictions
from medtransfer.evaluation.accounting.over_time import clustered_mean, over_time
from medtransfer.evaluation.accounting.periods import named, unit_for


def months(made, *, seed: int = 0, each: int = 60, shift_from: int = 99, shift: float = 0.2, n: int = 6) -> Predictions:
    """Calibrated scores month by month; from `shift_from` on they are too high."""
    generator = np.random.default_rng(seed)
    month = np.repeat(np.arange(n), each)
    p = generator.beta(2, 3, n * each)
    truth = generator.random(n * each) < p
    p = np.clip(p + shift * (month >= shift_from), 0, 1)
    days = [f"2024-{m + 1:02d}-{1 + i % 28:02d}" for i, m in enumerate(month)]
    return made(np.where(truth, "pneumonia", "normal"), p, date=days)


def courses(found: OverTime) -> dict[str, Course]:
    return {one.figure: one for one in found.courses}


def test_a_shift_is_seen_from_its_month_on_and_none_before(made) -> None:
    predictions = months(made, shift_from=3, each=200)
    (found,) = over_time(predictions)
    assert found.unit == "month"
    assert found.baseline == "first month (2024-01)"
    by_name = courses(found)
    assert by_name["mean score"].outside == ("2024-04", "2024-05", "2024-06")
    assert by_name["calibration-in-the-large"].outside == ("2024-04", "2024-05", "2024-06")
    assert by_name["observed rate"].outside == ()
    assert by_name["mean score"].low[0] is None, "the baseline has no limits of its own"
    assert all(one.value is not None and one.value > 0.5 for one in by_name["AUROC"].estimates)
    assert [p.studies for p in found.periods] == [200] * 6
    assert sum(p.events for p in found.periods) == int((predictions.table["truth"] == "pneumonia").sum())


def test_monitoring_works_without_labels(made, operating_point: OperatingPoint) -> None:
    predictions = months(made, shift_from=3)
    table = predictions.table.assign(truth="")
    (found,) = over_time(replace(predictions, table=table, operating_point=operating_point))
    assert set(courses(found)) == {"mean score", "alert rate"}
    assert "2024-05" in courses(found)["mean score"].outside
    assert "2024-05" in courses(found)["alert rate"].outside
    assert all(p.labelled == 0 for p in found.periods)


def test_the_reference_gives_the_limits(made) -> None:
    reference = months(made, seed=1, each=200)
    (found,) = over_time(months(made, shift_from=0), reference=reference)
    assert found.baseline == "reference"
    assert len(courses(found)["mean score"].outside) == 6
    other = replace(reference, bundle_sha256="c" * 64, table=reference.table.assign(bundle_sha256="c" * 64))
    (found,) = over_time(months(made), reference=other)
    assert found.baseline.startswith("first month")
    assert "another bundle" in found.note


def test_undated_studies_are_counted_and_stand_in_no_period(made) -> None:
    predictions = months(made)
    table = predictions.table.copy()
    table.loc[:9, "date"] = ["", "soon", "2024-13-01", *[""] * 7]
    (found,) = over_time(replace(predictions, table=table))
    assert found.undated == 10
    assert sum(p.studies for p in found.periods) == len(table) - 10
    (none,) = over_time(replace(predictions, table=table.assign(date="")))
    assert (none.periods, none.courses, none.undated) == ((), (), len(table))
    assert none.note == "no study has a date"
    (against,) = over_time(replace(predictions, table=table.assign(date="")), reference=predictions)
    assert against.courses == ()


def test_few_studies_give_reasons_and_no_limits(made) -> None:
    predictions = made(
        ["pneumonia", "normal", "normal"], np.array([0.9, 0.1, 0.2]), date=["2020-01-01", "2020-02-01", "2021-01-01"]
    )
    (found,) = over_time(predictions)
    assert found.unit == "year"
    assert [p.name for p in found.periods] == ["2020", "2021"]
    by_name = courses(found)
    assert by_name["AUROC"].estimates[0].value is None
    assert "fewer than 10" in by_name["AUROC"].estimates[0].note
    assert by_name["mean score"].low == (None, None)
    assert by_name["mean score"].estimates[1].note == "no interval: one patient"


@pytest.mark.parametrize(("unit", "name"), [("month", "2024-05"), ("quarter", "2024-Q2"), ("year", "2024")])
def test_names_of_periods(unit, name: str) -> None:
    assert named(pd.Series(["2024-05-17", ""]), unit).tolist() == [name, ""]


def test_the_unit_is_the_shortest_with_enough_patients() -> None:
    days = pd.Series([f"2024-{m:02d}-01" for m in range(1, 13) for _ in range(8)])
    assert unit_for(days, np.arange(96)) == "quarter"
    assert unit_for(days, np.zeros(96, dtype=np.int64)) == "year", "patients count, not studies"
    assert unit_for(pd.Series([], dtype=object), np.zeros(0, dtype=np.int64)) == "year"


def test_a_mean_of_independent_studies_has_students_interval(made) -> None:
    values = np.random.default_rng(0).random(30)
    mean, error = clustered_mean(values, np.arange(30))
    assert error is not None
    assert error == pytest.approx(values.std(ddof=1) / 30**0.5)
    five_times, same = clustered_mean(np.repeat(values, 5), np.repeat(np.arange(30), 5))
    assert (five_times, same) == (pytest.approx(mean), pytest.approx(error))
    (found,) = over_time(made(["normal"] * 30, values, date=["2024-01-01"] * 30))
    estimate = courses(found)["mean score"].estimates[0]
    assert estimate.low == pytest.approx(mean - student.ppf(0.975, 29) * error)


@given(st.permutations(range(60)))
@settings(deadline=None, max_examples=10)
def test_the_order_of_the_rows_changes_nothing(made, order: list[int]) -> None:
    predictions = months(made, each=20, n=3)
    assert over_time(replace(predictions, table=predictions.table.iloc[order])) == over_time(predictions)


@pytest.mark.slow
def test_one_quiet_month_in_some_hundred_is_outside(made) -> None:
    outside = sum(len(courses(over_time(months(made, seed=s, n=11))[0])["mean score"].outside) for s in range(60))
    assert outside <= 8, "600 months without any movement: 2 expected"


@pytest.mark.parametrize("task", ["multilabel", "ordinal", "multiclass"])
def test_every_finding_has_its_own_course(task) -> None:
    n = 60
    classes = ("a", "b", "c")
    p = np.random.default_rng(0).dirichlet([1, 1, 1], n)
    said = (
        ["a=1;b=0" if i % 2 else "c=1" for i in range(n)]
        if task == "multilabel"
        else [classes[i % 3] for i in range(n)]
    )
    table = pd.DataFrame(
        {"study_id": [f"{i:03d}" for i in range(n)], "patient_id": [str(i) for i in range(n)], "date": "2024-01-01"}
        | {"truth": said, "status": "read", "error": ""}
        | {f"probability_{name}": p[:, i] for i, name in enumerate(classes)}
    )
    predictions = Predictions(
        table=table, classes=classes, positive=None, operating_point=None, bundle_sha256="", task=task
    )
    found = over_time(predictions)
    names = {"multilabel": ["a", "b", "c"], "multiclass": ["a", "b", "c"], "ordinal": ["b or higher", "c"]}[task]
    assert [one.of for one in found] == names
    if task == "ordinal":
        assert courses(found[0])["mean score"].centre == pytest.approx(p[:, 1:].sum(axis=1).mean())
        assert found[0].periods[0].events == 40
    if task == "multilabel":
        assert [one.periods[0].labelled for one in found] == [30, 30, 30]

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.evaluated.spectrum import Distribution
from medtransfer.evaluation.accounting import smd

COUNTS = st.dictionaries(st.sampled_from("abcde"), st.integers(0, 30))


def of(mean: float, sd: float | None) -> Distribution:
    return Distribution(missing=0, quantiles=(0, 0, 0, 0, 0), mean=mean, standard_deviation=sd)


def test_austins_definition_by_hand() -> None:
    """Ages 65 ± 10 and 62 ± 12: 3/√122. Women 40 % and 55 %: .15/√((.24 + .2475)/2)."""
    assert smd.of_numbers(of(65, 10), of(62, 12)) == pytest.approx(3 / 122**0.5)
    assert smd.of_words({"F": 40, "M": 60}, {"F": 55, "M": 45}) == pytest.approx(0.15 / ((0.24 + 0.2475) / 2) ** 0.5)


@pytest.mark.filterwarnings("ignore")  # of the reference package, about pandas to come
@pytest.mark.parametrize("seed", range(3))
def test_equals_tableone(seed: int) -> None:
    tableone = pytest.importorskip("tableone")
    generator = np.random.default_rng(seed)
    n = 300
    table = pd.DataFrame(
        {
            "age": generator.normal(60, 12, n),
            "sex": generator.choice(["F", "M"], n, p=[0.4, 0.6]),
            "maker": generator.choice(["Agfa", "GE", "Philips", "Siemens"], n, p=[0.1, 0.2, 0.3, 0.4]),
            "cohort": np.where(np.arange(n) < 120, "here", "training"),
        }
    )
    table.loc[table["cohort"] == "here", "age"] += 3
    made = tableone.TableOne(
        table, columns=["age", "sex", "maker"], categorical=["sex", "maker"], groupby="cohort", smd=True
    )
    theirs = made.smd_table.iloc[:, 0].astype(float)
    first, second = (table[table["cohort"] == name] for name in ("here", "training"))
    for name in ("sex", "maker"):
        ours = smd.of_words(*(dict(Counter(part[name])) for part in (first, second)))
        assert ours == pytest.approx(abs(theirs.loc[name]), abs=1e-6)
    ours = smd.of_numbers(*(of(part["age"].mean(), part["age"].std()) for part in (first, second)))
    assert ours == pytest.approx(abs(theirs.loc["age"]), abs=1e-6)


@given(COUNTS, COUNTS)
@settings(deadline=None, max_examples=150)
def test_laws_of_words(first: dict[str, int], second: dict[str, int]) -> None:
    """Symmetric, never negative, 0 between equals, unmoved by sizes, names and the value that is left out."""
    found = smd.of_words(first, second)
    if not (sum(first.values()) and sum(second.values())):
        assert found is None
        return
    assert smd.of_words(first, first) == 0
    renamed = ({chr(200 - ord(k)): v for k, v in one.items()} for one in (first, second))
    for other in (smd.of_words(second, first), smd.of_words(*renamed)):
        assert other == (None if found is None else pytest.approx(found, abs=1e-6))
    doubled = smd.of_words({k: 2 * v for k, v in first.items()}, second)
    assert doubled == (None if found is None else pytest.approx(found, abs=1e-6))
    if found is not None:
        assert found >= 0


def test_what_has_no_measure_is_none_not_zero_or_infinity() -> None:
    assert smd.of_words({"a": 5}, {"b": 5}) is None
    assert smd.of_words({"a": 5, "b": 1}, {"c": 5, "d": 1}) is None
    assert smd.of_words({}, {"b": 5}) is None
    assert smd.of_numbers(of(1, 0), of(2, 0)) is None
    assert smd.of_numbers(of(1, None), of(2, 1)) is None
    assert smd.of_numbers(of(2, 0), of(2, 0)) == 0
    assert smd.by_chance(1, 50) is None


@pytest.mark.parametrize(("values", "shares"), [(2, [0.3, 0.7]), (4, [0.1, 0.2, 0.3, 0.4])])
def test_chance_is_exceeded_by_one_pair_of_cohorts_in_twenty(values: int, shares: list[float]) -> None:
    generator = np.random.default_rng(0)
    limit = smd.by_chance(150, 400, values=values)
    assert limit is not None
    names = "abcd"[:values]
    draws = zip(generator.multinomial(150, shares, 2000), generator.multinomial(400, shares, 2000), strict=True)
    above = [
        (smd.of_words(*(dict(zip(names, map(int, one), strict=True)) for one in pair)) or 0) > limit for pair in draws
    ]
    assert np.mean(above) == pytest.approx(0.05, abs=0.02)

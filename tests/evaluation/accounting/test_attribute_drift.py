from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.evaluated.drift import AttributeDrift
from medtransfer.core.results import Predictions
from medtransfer.data.spectrum import spectrum_of
from medtransfer.evaluation.accounting.attribute_drift import drift_from_spectrum, drift_from_table
from medtransfer.evaluation.accounting.rows import read_rows


def cohort(made, n: int, *, seed: int, women: float = 0.5, age: float = 60, each: int = 1) -> Predictions:
    """`each` studies a patient, who keeps sex and age."""
    generator = np.random.default_rng(seed)
    sex = generator.choice(["F", "M"], n, p=[women, 1 - women])
    years = generator.normal(age, 10, n)
    maker = generator.choice(["Agfa", "GE", "Philips"], n)
    return made(
        generator.choice(["normal", "pneumonia"], n * each),
        np.full(n * each, 0.5),
        patients=np.repeat([f"{seed}-{i}" for i in range(n)], each),
        attributes={
            "sex": np.repeat(sex, each),
            "age": [f"{a:.1f}" for a in np.repeat(years, each)],
            "maker": np.repeat(maker, each),
        },
    )


def named(rows: tuple[AttributeDrift, ...]) -> dict[str, AttributeDrift]:
    assert len({(row.name, row.measure) for row in rows}) == len(rows)
    return {row.name: row for row in rows}


def test_what_moved_is_found_and_what_did_not_is_not(made) -> None:
    found = named(drift_from_table(cohort(made, 300, seed=1, women=0.7, age=66), cohort(made, 400, seed=2), seed=0))
    assert found["sex"].outside
    assert found["age"].outside
    assert not found["maker"].outside
    assert not found["site"].outside
    assert found["sex"].value == pytest.approx(0.2, abs=0.08)
    assert found["age"].value == pytest.approx(0.6, abs=0.2)
    assert found["age"].measure == "standardised mean difference"


def test_the_figures_are_those_of_their_definition(made) -> None:
    here, there = cohort(made, 50, seed=1), cohort(made, 70, seed=2)
    found = named(drift_from_table(here, there))
    first, second = (part.table["attribute_sex"].value_counts(normalize=True) for part in (here, there))
    assert found["sex"].value == pytest.approx(abs(first["F"] - second["F"]))
    x, y = (part.table["attribute_age"].astype(float) for part in (here, there))
    assert found["age"].value == pytest.approx(abs(x.mean() - y.mean()) / ((x.var() + y.var()) / 2) ** 0.5)


def test_repeated_studies_of_the_same_patients_do_not_narrow_the_band(made) -> None:
    once, often = (
        named(drift_from_table(cohort(made, 60, seed=1, each=e), cohort(made, 60, seed=2, each=e))) for e in (1, 5)
    )
    assert often["sex"].value == pytest.approx(once["sex"].value)
    assert often["sex"].null_high == pytest.approx(once["sex"].null_high, rel=1e-9)


def test_missing_values_are_a_movement_too(made) -> None:
    here, there = cohort(made, 200, seed=1), cohort(made, 200, seed=2)
    table = there.table.copy()
    table.loc[table.index % 4 == 0, ["attribute_sex", "attribute_age"]] = ""
    rows = drift_from_table(here, replace(there, table=table))
    shares = {row.name: row for row in rows if row.measure == "missing share"}
    assert shares["age"].value == pytest.approx(0.25)
    assert shares["age"].outside
    assert named(tuple(row for row in rows if row.measure == "total variation"))["sex"].outside


def test_labels_that_nobody_gave_yet_are_no_movement(made) -> None:
    here, there = cohort(made, 40, seed=1), cohort(made, 40, seed=2)
    unlabelled = replace(here, table=here.table.assign(truth=""))
    assert "label" not in named(drift_from_table(unlabelled, there))
    assert "label" in named(drift_from_table(here, there))
    spectra = [spectrum_of(read_rows(part), classes=part.classes, task=part.task) for part in (unlabelled, here, there)]
    assert "label" not in named(drift_from_spectrum(spectra[0], spectra[2]))
    assert "label" in named(drift_from_spectrum(spectra[1], spectra[2]))


def test_against_a_spectrum_the_figures_are_the_same_and_the_bands_alike(made) -> None:
    here, there = cohort(made, 300, seed=1, women=0.7), cohort(made, 300, seed=2)
    by_table = named(drift_from_table(here, there))
    spectra = [spectrum_of(read_rows(part), classes=part.classes, task=part.task) for part in (here, there)]
    by_spectrum = named(drift_from_spectrum(*spectra))
    for name in ("sex", "age", "maker", "label"):
        one, other = by_table[name], by_spectrum[name]
        assert one.measure == other.measure
        assert other.value == pytest.approx(one.value, rel=1e-6)
        assert other.null_high == pytest.approx(one.null_high, rel=0.15)
        assert one.outside == other.outside


def test_edges(made) -> None:
    """Nobody, one patient each, numbers against words, and no variation."""
    full = cohort(made, 30, seed=1)
    empty = replace(full, table=full.table.iloc[:0])
    assert drift_from_table(full, empty) == ()
    one = replace(full, table=full.table.iloc[:1])
    rows = drift_from_table(one, full)
    assert all(row.value is None or np.isfinite(row.value) for row in rows)
    words = replace(full, table=full.table.assign(attribute_age="old"))
    spectra = [spectrum_of(read_rows(part), classes=part.classes, task=part.task) for part in (full, words)]
    age = named(drift_from_spectrum(*spectra))["age"]
    assert age.value is None
    assert "words" in age.note
    same = replace(full, table=full.table.assign(attribute_age="60"))
    assert named(drift_from_table(same, same))["age"].value == 0


@given(st.permutations(range(24)))
@settings(deadline=None, max_examples=20)
def test_the_order_of_the_rows_changes_nothing(made, order: list[int]) -> None:
    here, there = cohort(made, 24, seed=1), cohort(made, 30, seed=2)
    shuffled = replace(here, table=here.table.iloc[order])
    assert drift_from_table(shuffled, there) == drift_from_table(here, there)


@pytest.mark.slow
def test_one_null_comparison_in_twenty_is_outside(made) -> None:
    """Patients with three studies each; 200 pairs of cohorts from one population."""
    outside = {"sex": 0, "age": 0, "maker": 0}
    for seed in range(200):
        rows = named(
            drift_from_table(
                cohort(made, 60, seed=2 * seed, each=3), cohort(made, 90, seed=2 * seed + 1, each=3), permutations=200
            )
        )
        for name in outside:
            outside[name] += rows[name].outside
    for name, count in outside.items():
        assert 1 <= count <= 22, (name, count)

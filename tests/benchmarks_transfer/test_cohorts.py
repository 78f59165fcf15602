"""Real cohorts: the locked part is locked, draws keep to their budget, and no tuning fit can see a test study."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import medtransfer as mt
from benchmarks.transfer.cohorts import HELD_OUT, Tables, cases, near_duplicates
from benchmarks.transfer.frozen import STRENGTHS, regress
from benchmarks.transfer.methods import ALL, BACKBONES, FIRST
from medtransfer.data.cohort import patients
from medtransfer.evaluation.metrics import auroc

DATA = os.environ.get("MEDTRANSFER_DATA", "")
real = pytest.mark.skipif(not DATA, reason="MEDTRANSFER_DATA is not set")
SEEDS = (0, BACKBONES[FIRST].tuning_seeds[0])


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return Tables(data=Path(DATA), folder=tmp_path_factory.mktemp("tables"))


def studies(place: Path, split: str) -> set[str]:
    return set(mt.read_cohort(place).split(split).table["study_id"])


@pytest.mark.real_data
@real
@pytest.mark.parametrize("name", ["nih_cxr", "brain_mri"])
@pytest.mark.parametrize("budget", ["10", "50", ALL])
def test_draws_keep_away_from_the_locked_part(tables: Tables, name: str, budget: str) -> None:
    whole = tables.locked(name)
    locked = set(tables.test(name).table["study_id"])
    owners = dict(zip(whole.table["study_id"], patients(whole.table), strict=True))
    for seed in SEEDS:
        reported, tuning = tables.reported(name, budget, seed), tables.tuning(name, budget, seed)
        assert studies(reported, "test") == locked
        assert not locked & set(mt.read_cohort(tuning).table["study_id"])
        for place in (reported, tuning):
            train, test = (studies(place, split) for split in ("train", "test"))
            assert not {owners[study] for study in train} & {owners[study] for study in test}
            counts = mt.read_cohort(place).split("train").table["label"].value_counts()
            assert len(counts) == 2
            if budget != ALL:
                assert counts.max() <= int(budget)
        part = len(set(owners.values())) - len({owners[study] for study in locked})
        assert len({owners[study] for study in studies(tuning, "test")}) == pytest.approx(HELD_OUT * part, abs=3)


@pytest.mark.real_data
@real
def test_seeds_draw_other_studies_and_a_source_gives_no_test_study(tables: Tables) -> None:
    one, other = (studies(tables.reported("nih_cxr", "10", seed), "train") for seed in (0, 1))
    assert one != other
    source = set(mt.read_cohort(tables.source("nih_cxr")).table["study_id"])
    assert not source & set(tables.test("nih_cxr").table["study_id"])
    assert len(cases(tables.test("nih_cxr"))) + len(source) == 1000


@pytest.mark.real_data
@real
def test_near_duplicates_stay_on_one_side(tables: Tables) -> None:
    groups = near_duplicates(Path(DATA) / "cohorts" / "brain_mri" / "cohort.csv")
    assert len(groups) == 253
    assert groups["images/Y30.jpg"] == groups["images/Y70.jpg"] != groups["images/Y1.jpg"]
    sides = tables.locked("brain_mri").table.groupby("patient_id")["split"].nunique()
    assert sides.max() == 1
    assert len(sides) == len(set(groups.values()))


def test_logistic_regression_finds_what_is_there_and_shrinks_where_nothing_is() -> None:
    generator = np.random.default_rng(0)
    truth = np.arange(120) % 2 == 0
    owners = np.arange(120) // 2
    noise = generator.normal(size=(120, 30))
    signal = noise + 1.5 * truth[:, None] * (np.arange(30) < 3)
    strength, log_odds = regress(signal[:80], truth[:80], owners[:80], signal[80:], seed=0)
    assert auroc.measure(truth[80:], log_odds) > 0.9
    weak, flat = regress(noise[:80], truth[:80], owners[:80], noise[80:], seed=0)
    assert min(STRENGTHS) <= weak < strength
    assert np.abs(flat).max() < 0.5


def test_a_patients_cases_are_never_on_both_sides_of_a_fold() -> None:
    """Copies of a case would tell a rich model their labels: chosen by patient, it is as poor as without copies."""
    generator = np.random.default_rng(1)
    noise, truth = np.repeat(generator.normal(size=(30, 20)), 4, axis=0), np.repeat(np.arange(30) % 2 == 0, 4)
    grouped, _ = regress(noise, truth, np.repeat(np.arange(30), 4), noise, seed=0)
    fooled, _ = regress(noise, truth, np.arange(120), noise, seed=0)
    assert grouped < 1e-2 < fooled

"""Laws of splits: no patient on two sides, nothing of the table overruled, the order of rows of no account."""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.config.data import SplitConfig
from medtransfer.core.errors import CohortError
from medtransfer.data.cohort import Cohort, patients, read_cohort
from medtransfer.data.splits import assign_splits, hold_out, k_folds, within_budget

CLASSES = ("normal", "pneumonia")
Row = tuple[str, str, str]


def cohort_of(rows: list[Row], splits: dict[str, str] | None = None) -> Cohort:
    """A cohort of (patient, study, label), one image a study; `splits` by patient."""
    table = pd.DataFrame(rows, columns=["patient_id", "study_id", "label"])
    table = table.assign(path=table["study_id"] + ".png", site="a", date="")
    table = table.assign(split=[(splits or {}).get(patient, "") for patient in table["patient_id"]])
    return Cohort(
        table=table,
        root=Path(),
        source=Path("cohort.csv"),
        sha256="",
        label="label",
        classes=CLASSES,
        positive="pneumonia",
    )


def singles(n: int, label: str, *, prefix: str = "") -> list[Row]:
    return [(f"{prefix}{label}{i}", f"{prefix}{label}{i}s", label) for i in range(n)]


def by_study(cohort: Cohort) -> dict[str, str]:
    return dict(zip(cohort.table["study_id"], cohort.table["split"], strict=True))


def sides(cohort: Cohort) -> dict[str, set[str]]:
    """The splits of each patient, save the empty one."""
    named = cohort.table[cohort.table["split"] != ""]
    found: dict[str, set[str]] = {}
    for patient, split in zip(patients(named), named["split"], strict=True):
        found.setdefault(patient, set()).add(split)
    return found


@st.composite
def hospitals(draw: st.DrawFn) -> list[Row]:
    """Patients with one to three studies of any label, and enough with one study that no split lacks a class."""
    rows = [row for label in CLASSES for row in singles(draw(st.integers(8, 14)), label)]
    labels = st.sampled_from([*CLASSES, ""])
    for i, own in enumerate(draw(st.lists(st.lists(labels, min_size=1, max_size=3), max_size=12))):
        rows += [(f"p{i}", f"p{i}s{j}", label) for j, label in enumerate(own)]
    return rows


existing = st.dictionaries(
    st.sampled_from([f"p{i}" for i in range(12)]), st.sampled_from(["train", "validation", "calibration", "test"])
)


@settings(deadline=None, max_examples=60)
@given(hospitals(), existing, st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_no_patient_is_on_two_sides_and_the_order_of_rows_does_not_matter(
    rows: list[Row], known: dict[str, str], seed: int, chance: random.Random
) -> None:
    for i, split in enumerate(sorted(set(known.values()) & {"test", "validation"})):
        known = known | {f"{name}{i}": split for name in CLASSES}  # so that no split lacks a class
    cohort = cohort_of(rows, known)
    assigned = assign_splits(cohort, SplitConfig(), seed=seed)
    assert all(len(split) == 1 for split in sides(assigned).values())
    labelled = assigned.table["label"] != ""
    assert (assigned.table["split"][labelled] != "").all()
    before, after = by_study(cohort), by_study(assigned)
    has_validation = "validation" in before.values()
    for study, split in before.items():
        allowed = {split} | ({"validation"} if split == "train" and not has_validation else set())
        assert split == "" or after[study] in allowed
    assert after.keys() == before.keys()
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert by_study(assign_splits(cohort_of(shuffled, known), SplitConfig(), seed=seed)) == after


def test_the_seed_matters() -> None:
    cohort = cohort_of(singles(30, "normal") + singles(30, "pneumonia"))
    found = {tuple(sorted(by_study(assign_splits(cohort, SplitConfig(), seed=seed)).items())) for seed in range(5)}
    assert len(found) == 5


@settings(deadline=None, max_examples=60)
@given(hospitals(), st.floats(0, 0.95), st.integers(0, 10**6))
def test_every_stratum_gives_up_about_the_fraction(rows: list[Row], fraction: float, seed: int) -> None:
    table = cohort_of(rows).table
    chosen = hold_out(table, fraction, seed=seed, salt="test")
    strata: dict[str, list[str]] = {}
    for patient, group in table.groupby("patient_id"):
        strata.setdefault("|".join(sorted(set(group["label"]))), []).append(str(patient))
    for members in strata.values():
        held = len(chosen & set(members))
        assert abs(held - fraction * len(members)) <= 1
        if fraction > 0 and len(members) > 1:
            assert 1 <= held < len(members)
    assert (fraction > 0) or not chosen


def test_fractions_are_near_what_was_asked_for() -> None:
    cohort = cohort_of(singles(200, "normal") + singles(100, "pneumonia"))
    assigned = assign_splits(cohort, SplitConfig(test=0.25, validation=0.2), seed=3)
    counts = Counter(zip(assigned.table["split"], assigned.table["label"], strict=True))
    assert counts == {
        ("test", "normal"): 50,
        ("test", "pneumonia"): 25,
        ("validation", "normal"): 30,
        ("validation", "pneumonia"): 15,
        ("train", "normal"): 120,
        ("train", "pneumonia"): 60,
    }


def test_a_share_is_put_aside_for_calibration_and_moves_nobody_in_or_out_of_test() -> None:
    cohort = cohort_of(singles(200, "normal") + singles(100, "pneumonia"))
    without = assign_splits(cohort, SplitConfig(test=0.25), seed=3)
    assigned = assign_splits(cohort, SplitConfig(test=0.25, calibration=0.2), seed=3)
    counts = Counter(zip(assigned.table["split"], assigned.table["label"], strict=True))
    assert (counts["calibration", "normal"], counts["calibration", "pneumonia"]) == (30, 15)
    assert ((without.table["split"] == "test") == (assigned.table["split"] == "test")).all()
    again = assign_splits(assigned, SplitConfig(test=0.25, calibration=0.5), seed=4)
    assert (again.table["split"] == assigned.table["split"]).all()


def test_no_test_split_is_made_where_none_is_asked_for() -> None:
    cohort = cohort_of(singles(10, "normal") + singles(10, "pneumonia"))
    assigned = assign_splits(cohort, SplitConfig(test=0.0, validation=0.0), seed=0)
    assert set(assigned.table["split"]) == {"train"}


@settings(deadline=None, max_examples=40)
@given(st.integers(8, 30), st.integers(8, 30), st.integers(4, 8), st.integers(0, 10**6))
def test_the_budget_is_met_exactly_where_every_patient_has_one_study(a: int, b: int, budget: int, seed: int) -> None:
    test = singles(3, "normal", prefix="t") + singles(3, "pneumonia", prefix="t")
    known = {patient: "test" for patient, _, _ in test}
    cohort = cohort_of(singles(a, "normal") + singles(b, "pneumonia") + test, known)
    assigned = assign_splits(cohort, SplitConfig(), seed=seed, labels_per_class=budget).table
    used = assigned[assigned["split"].isin(["train", "validation"])]
    assert used["label"].value_counts().to_dict() == {"normal": budget, "pneumonia": budget}
    assert (assigned["split"] == "test").sum() == len(test)
    assert (assigned["split"] == "").sum() == a + b - 2 * budget


@settings(deadline=None, max_examples=60)
@given(hospitals(), st.integers(4, 8), st.integers(0, 10**6))
def test_the_budget_is_never_exceeded_and_nobody_who_fits_is_left_out(rows: list[Row], budget: int, seed: int) -> None:
    table = cohort_of([row for row in rows if row[2]]).table
    kept = within_budget(table, budget, seed=seed)
    counts = table[table["patient_id"].isin(kept)]["label"].value_counts()
    assert (counts <= budget).all()
    assert within_budget(table.iloc[::-1], budget, seed=seed) == kept
    for patient, labels in table.groupby("patient_id")["label"]:
        own = labels.value_counts()
        assert patient in kept or (counts.reindex(own.index, fill_value=0) + own > budget).any()


def test_several_images_of_a_study_count_once() -> None:
    table = cohort_of(singles(3, "normal") + singles(3, "pneumonia")).table
    doubled = pd.concat([table, table.assign(path="b" + table["path"])], ignore_index=True)
    kept = within_budget(doubled, 2, seed=0)
    assert table[table["patient_id"].isin(kept)]["label"].value_counts().to_dict() == {"normal": 2, "pneumonia": 2}


def test_a_budget_beyond_the_labels_is_refused() -> None:
    with pytest.raises(CohortError, match="3 labelled studies of 'pneumonia', but 4") as caught:
        within_budget(cohort_of(singles(9, "normal") + singles(3, "pneumonia")).table, 4, seed=0)
    assert caught.value.code == "TooFewStudies"


def test_what_the_table_says_of_a_patient_holds_for_the_open_rows_too() -> None:
    cohort = cohort_of(singles(20, "normal") + singles(20, "pneumonia"), {"pneumonia0": "test"})
    extra = cohort_of([(f"two{i}", f"two{i}{half}", "normal") for i in range(10) for half in "ab"]).table
    extra["split"] = ["test", ""] * 3 + ["", "train"] * 4 + ["calibration", ""] * 3
    assigned = assign_splits(
        cohort.with_table(pd.concat([cohort.table, extra], ignore_index=True)), SplitConfig(), seed=0
    )
    found = sides(assigned)
    assert [found[f"two{i}"] for i in (0, 1, 2, 7, 8, 9)] == [{"test"}] * 3 + [{"calibration"}] * 3
    for i in range(3, 7):
        assert found[f"two{i}"] in ({"train"}, {"validation"})
    halves = by_study(assigned)
    assert all(halves[f"two{i}a"] == halves[f"two{i}b"] for i in range(10))


def test_unlabelled_studies_of_a_training_patient_go_where_the_patient_goes() -> None:
    rows = singles(20, "normal") + singles(20, "pneumonia")
    rows += [(patient, f"{study}-unlabelled", "") for patient, study, _ in rows]
    cohort = cohort_of(rows, {patient: "train" for patient, _, _ in rows})
    assigned = assign_splits(cohort, SplitConfig(test=0), seed=0)
    assert all(len(split) == 1 for split in sides(assigned).values())
    assert "validation" in set(assigned.table["split"])


def test_unlabelled_studies_are_left_open() -> None:
    cohort = cohort_of(singles(20, "normal") + singles(20, "pneumonia") + [("u", "u1", "")])
    assert by_study(assign_splits(cohort, SplitConfig(), seed=0))["u1"] == ""


def test_patients_without_an_id_are_each_their_own() -> None:
    cohort = cohort_of(singles(20, "normal") + singles(20, "pneumonia"))
    cohort = cohort.with_table(cohort.table.assign(patient_id=""))
    counts = Counter(assign_splits(cohort, SplitConfig(), seed=0).table["split"])
    assert counts == {"test": 10, "validation": 6, "train": 24}


@pytest.mark.parametrize(("n", "known"), [(1, {}), (0, {}), (4, {"normal0": "test"})])
def test_a_split_that_lacks_a_class_is_refused(n: int, known: dict[str, str]) -> None:
    cohort = cohort_of(singles(20, "normal") + singles(n, "pneumonia"), known)
    with pytest.raises(CohortError) as caught:
        assign_splits(cohort, SplitConfig(), seed=0)
    assert caught.value.code == "OneClass"
    assert any(word in caught.value.message for word in ("train", "validation", "test"))
    assert caught.value.hint


@settings(deadline=None, max_examples=60)
@given(hospitals(), st.integers(2, 6), st.integers(0, 10**6))
def test_folds_partition_patients_evenly_in_every_stratum(rows: list[Row], k: int, seed: int) -> None:
    table = cohort_of(rows).table
    folds = k_folds(table, k, seed=seed)
    assert set(folds) == set(range(k))
    of_patient = dict(zip(table["patient_id"], folds, strict=True))
    assert all(of_patient[patient] == fold for patient, fold in zip(table["patient_id"], folds, strict=True))
    kinds = table.groupby("patient_id")["label"].agg(lambda labels: "|".join(sorted(set(labels))))
    for kind in set(kinds):
        sizes = Counter(of_patient[patient] for patient in kinds.index[kinds == kind])
        assert max(sizes.values()) - min(sizes[fold] for fold in range(k)) <= 1
    totals = Counter(of_patient.values())
    assert max(totals.values()) - min(totals.values()) <= 1
    assert np.array_equal(k_folds(table.iloc[::-1], k, seed=seed)[::-1], folds)


def test_more_folds_than_patients_are_refused() -> None:
    with pytest.raises(CohortError) as caught:
        k_folds(cohort_of(singles(3, "normal")).table, 4, seed=0)
    assert caught.value.code == "TooFewPatients"


# Several labels at once


def labelled(rows: list[Row], labels: tuple[str, ...]) -> Cohort:
    return replace(cohort_of(rows), classes=labels, positive=None, task="multilabel")


@st.composite
def several(draw: st.DrawFn) -> list[Row]:
    """Patients with one to three studies and what is known of three labels; each answer stands for six patients."""
    rows = [
        (f"{name}{value}{i}", f"{name}{value}{i}s", f"{name}={value}")
        for name in "abc"
        for value in (0, 1)
        for i in range(6)
    ]
    answer = st.sampled_from(["", "0", "1"])
    for i, own in enumerate(
        draw(st.lists(st.lists(st.tuples(answer, answer, answer), min_size=1, max_size=3), max_size=12))
    ):
        for j, said in enumerate(own):
            cell = ";".join(f"{name}={value}" for name, value in zip("abc", said, strict=True) if value)
            rows.append((f"p{i}", f"p{i}s{j}", cell))
    return rows


def answers(cohort: Cohort, split: str) -> Counter[str]:
    """How many patients of a split have each answer."""
    chosen = cohort.table[cohort.table["split"] == split]
    owned = chosen.groupby("patient_id")["label"].agg(
        lambda cells: {part for cell in cells for part in cell.split(";")}
    )
    return Counter(part for parts in owned for part in parts if part)


@settings(deadline=None, max_examples=50)
@given(several(), st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_every_answer_to_a_label_is_in_every_split(rows: list[Row], seed: int, chance: random.Random) -> None:
    cohort = labelled(rows, ("a", "b", "c"))
    assigned = assign_splits(cohort, SplitConfig(), seed=seed)
    assert all(len(split) == 1 for split in sides(assigned).values())
    assert ((assigned.table["split"] != "") == (assigned.table["label"] != "")).all()
    everyone = {f"{name}={value}" for name in "abc" for value in (0, 1)}
    for split in ("train", "validation", "test"):
        assert set(answers(assigned, split)) == everyone
    order = list(range(len(cohort)))
    chance.shuffle(order)
    shuffled = cohort.with_table(cohort.table.iloc[order])
    assert by_study(assign_splits(shuffled, SplitConfig(), seed=seed)) == by_study(assigned)


def test_answers_are_shared_out_as_the_patients_are() -> None:
    """A rare label too; splits at random would miss its share by more than two patients every other time."""
    chance = np.random.default_rng(0)
    cells = [
        f"common={int(a)};rare={int(b)}"
        for a, b in zip(chance.random(400) < 0.4, chance.random(400) < 0.04, strict=True)
    ]
    cohort = labelled([(f"p{i}", f"s{i}", cell) for i, cell in enumerate(cells)], ("common", "rare"))
    for seed in range(5):
        assigned = assign_splits(cohort, SplitConfig(test=0.25, validation=0.2), seed=seed)
        total = sum((answers(assigned, split) for split in ("train", "validation", "test")), Counter[str]())
        for answer, count in answers(assigned, "test").items():
            assert count == pytest.approx(total[answer] / 4, abs=1.5)
        assert (assigned.table["split"] == "test").sum() == pytest.approx(100, abs=3)


@pytest.mark.parametrize(("cell", "said"), [("b=0", "no 'b' study in train"), ("b=1", "no study without 'b' in train")])
def test_a_label_that_nobody_or_everybody_has_teaches_nothing(cell: str, said: str) -> None:
    rows = [(f"p{i}", f"s{i}", f"a={i % 2};{cell}") for i in range(20)]
    with pytest.raises(CohortError) as caught:
        assign_splits(labelled(rows, ("a", "b")), SplitConfig(), seed=0)
    assert (caught.value.code, caught.value.message) == ("OneClass", said)


def test_a_label_too_rare_for_three_splits_is_trained_on() -> None:
    rows = [(f"p{i}", f"s{i}", f"a={i % 2};b={int(i == 7)}") for i in range(40)]
    assigned = assign_splits(labelled(rows, ("a", "b")), SplitConfig(), seed=0)
    assert by_study(assigned)["s7"] == "train"


def test_several_labels_have_no_budget() -> None:
    cohort = labelled([(f"p{i}", f"s{i}", f"a={i % 2}") for i in range(40)], ("a",))
    with pytest.raises(CohortError) as caught:
        assign_splits(cohort, SplitConfig(), seed=0, labels_per_class=5)
    assert caught.value.code == "BudgetNeedsClasses"


@settings(deadline=None, max_examples=30)
@given(several(), st.integers(2, 5), st.integers(0, 10**6))
def test_folds_of_several_labels_keep_patients_together(rows: list[Row], k: int, seed: int) -> None:
    cohort = labelled(rows, ("a", "b", "c"))
    folds = k_folds(cohort.table, k, seed=seed, task="multilabel")
    assert set(folds) == set(range(k))
    pairs = {*zip(cohort.table["patient_id"], folds, strict=True)}
    assert len(pairs) == cohort.table["patient_id"].nunique()
    dealt = cohort.with_rows(cohort.table.assign(split=[str(fold) for fold in folds]))
    for fold in range(k):
        assert len(answers(dealt, str(fold))) == 6


@pytest.mark.real_data
def test_a_real_cohort_keeps_its_test_split_and_its_budget() -> None:
    root = os.environ.get("MEDTRANSFER_DATA")
    if root is None:
        pytest.skip("MEDTRANSFER_DATA is not set")
    cohort = read_cohort(Path(root, "cohorts", "kermany_cxr"))
    official = cohort.split("test").table
    assert len(official) == 624
    for budget in (50, None):
        assigned = assign_splits(cohort, SplitConfig(), seed=0, labels_per_class=budget)
        assert assigned.split("test").table.equals(official)
        assert all(len(split) == 1 for split in sides(assigned).values())
        used: Any = assigned.split("train", "validation").table["label"].value_counts()
        assert (used <= (budget or len(cohort))).all()
        if budget:
            assert used.sum() <= 2 * budget
            assert (used >= 0.9 * budget).all()
        else:
            assert used.sum() == len(cohort) - 624

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.errors import CohortError
from medtransfer.core.types import Task
from medtransfer.data.cohort import Cohort, patients
from medtransfer.training.tuning.folds import LOCKED, folds_of, unlocked


def cohort_of(labels: list[str], splits: list[str], ids: list[str], *, task: Task = "multiclass") -> Cohort:
    names = [f"{index}.png" for index in range(len(labels))]
    table = pd.DataFrame(
        {
            "path": names,
            "patient_id": ids,
            "study_id": names,
            "site": "here",
            "date": "",
            "label": labels,
            "split": splits,
        }
    )
    classes = ("pneumonia", "effusion") if task == "multilabel" else ("normal", "ill")
    return Cohort(
        table=table,
        root=Path("nowhere"),
        source=Path("nowhere/cohort.csv"),
        sha256="0" * 64,
        label="label",
        classes=classes,
        positive=None,
        task=task,
    )


def hospital(patients_each: int, *, seed: int = 0) -> Cohort:
    """Of every split and class so many patients, a third of them with a second study; some have no label."""
    generator = np.random.default_rng(seed)
    rows = []
    for split in ("train", "validation", "calibration", "test"):
        for label in ("normal", "ill"):
            for index in range(patients_each):
                rows += [(label, split, f"{split}-{label}-{index}")] * (1 + (index % 3 == 0))
        rows.append(("", "", f"{split}-ill-0"))  # a study of theirs that nobody has labelled
    rows += [("", "", f"new-{index}") for index in range(5)]
    order = generator.permutation(len(rows))
    return cohort_of(*(list(column) for column in zip(*(rows[i] for i in order), strict=True)))


def people(cohort: Cohort) -> set[str]:
    return set(patients(cohort.table))


@settings(deadline=None, max_examples=30)
@given(k=st.integers(2, 5), each=st.integers(5, 9), seed=st.integers(0, 99))
def test_every_labelled_patient_is_held_out_once_and_then_is_nowhere_else(k: int, each: int, seed: int) -> None:
    target = hospital(each, seed=seed)
    source = cohort_of(["normal", "ill"] * 9, [""] * 18, [f"s{i // 2}" for i in range(18)])
    folds = folds_of(target, {"other": source}, k=k, seed=seed)
    held_out = [set(fold.held_out.table["path"]) for fold in folds]
    dealt = target.table[target.table["split"].isin(["train", "validation"]) & (target.table["label"] != "")]
    assert sorted(path for paths in held_out for path in paths) == sorted(dealt["path"])
    for fold in folds:
        assert not people(fold.target) & people(fold.held_out)
        assert not people(fold.sources["other"]) & people(fold.sources_held_out["other"])
        assert people(fold.sources["other"]) | people(fold.sources_held_out["other"]) == people(source)
        assert {f"new-{index}" for index in range(5)} <= people(fold.target)
        kept = fold.target.table.set_index("path")["split"]
        assert (kept == target.table.set_index("path")["split"][kept.index]).all()


@settings(deadline=None, max_examples=30)
@given(k=st.integers(2, 5), seed=st.integers(0, 99))
def test_parts_are_alike_in_class_and_split(k: int, seed: int) -> None:
    """Of every class and split, patients differ by one at most."""
    for fold in (folds := folds_of(hospital(7, seed=seed), {}, k=k, seed=seed)):
        assert set(fold.held_out.table["label"]) == {"normal", "ill"}
    for split in ("train", "validation"):
        for label in ("normal", "ill"):
            counts = [len({p for p in people(fold.held_out) if p.startswith(f"{split}-{label}")}) for fold in folds]
            assert max(counts) - min(counts) <= 1


def test_locked_patients_are_in_no_part_with_none_of_their_rows() -> None:
    target = hospital(5)
    assert not any(name.startswith(LOCKED) for name in people(unlocked(target)))
    for fold in folds_of(target, {}, k=3, seed=0):
        assert not any(name.startswith(LOCKED) for name in people(fold.target) | people(fold.held_out))


def test_equal_seeds_give_equal_parts_whatever_the_order_of_the_rows() -> None:
    target = hospital(6)
    turned = target.with_rows(target.table.iloc[::-1])
    for one, other in zip(folds_of(target, {}, k=3, seed=4), folds_of(turned, {}, k=3, seed=4), strict=True):
        assert people(one.held_out) == people(other.held_out)
    others = folds_of(target, {}, k=3, seed=5)
    assert people(others[0].held_out) != people(folds_of(target, {}, k=3, seed=4)[0].held_out)


def test_several_labels_are_shared_out_too() -> None:
    labels = ["pneumonia=1;effusion=0", "pneumonia=0", "pneumonia=0;effusion=1"] * 8
    splits = ["train", "train", "validation", "train"] * 6
    target = cohort_of(labels, splits, [f"p{i}" for i in range(24)], task="multilabel")
    for fold in folds_of(target, {}, k=4, seed=1):
        assert len(fold.held_out.table) == 6
        assert fold.held_out.table["label"].str.contains("pneumonia=1").sum() == 2
        assert 1 <= (fold.held_out.table["split"] == "validation").sum() <= 2


@pytest.mark.parametrize(
    ("each", "k", "words"),
    [(2, 5, "4 patients"), (1, 2, "one patient of class")],
)
def test_too_few_patients_for_so_many_parts(each: int, k: int, words: str) -> None:
    with pytest.raises(CohortError, match=words) as raised:
        folds_of(hospital(each), {}, k=k, seed=0)
    assert raised.value.code == "TooFewPatients"
    assert raised.value.hint


def test_a_source_keeps_every_class_when_a_part_is_held_out() -> None:
    rare = cohort_of(["normal"] * 6 + ["ill"], [""] * 7, [f"s{i}" for i in range(7)])
    with pytest.raises(CohortError, match="class 'ill' has 1 patients") as raised:
        folds_of(hospital(5), {"other": rare}, k=3, seed=0)
    assert raised.value.code == "TooFewPatients"

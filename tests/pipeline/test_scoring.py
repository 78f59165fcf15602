"""The studies that travel in a bundle by their probability, and nothing else of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from tiny import QUICK

import medtransfer as mt
from medtransfer.core.config.plan import Plan
from medtransfer.pipeline.bundling import decided
from medtransfer.pipeline.ingredients import without_calibrator
from medtransfer.pipeline.runs import planned_cohorts
from medtransfer.pipeline.scoring import scored_studies
from tests.manifests import make_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def rows(truth: list[str], owners: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"study_id": [f"s{i}" for i in range(len(truth))], "patient_id": owners, "truth": truth})


def manifest(**changes: Any) -> mt.Manifest:
    return make_manifest().model_copy(update=changes)


def test_of_the_positive_class_alone_in_ascending_order_and_rounded() -> None:
    table = rows(["normal", "pneumonia", "normal", "pneumonia"], ["A", "B", "A", ""])
    illness = np.array([0.61, 0.200049, 0.2, 0.9])
    (found,) = scored_studies(manifest(), table, np.stack([1 - illness, illness], axis=1), split="calibration")
    assert (found.split, found.of) == ("calibration", "pneumonia")
    assert found.probabilities == (0.2, 0.2, 0.61, 0.9)
    assert found.present == (False, True, False, True)
    assert found.patients == (0, 1, 0, 2)  # A, B, A again, and one that nobody knows


def test_of_every_class_or_label_where_none_is_the_positive_one() -> None:
    table = rows(["mild", "none", "severe"], ["A", "B", "C"])
    probability = np.array([[0.2, 0.7, 0.1], [0.8, 0.1, 0.1], [0.1, 0.2, 0.7]])
    classes = ("none", "mild", "severe")
    for task in ("multiclass", "ordinal"):
        found = scored_studies(manifest(task=task, classes=classes, positive=None), table, probability, split="x")
        assert [one.of for one in found] == list(classes)
        assert found[1].probabilities == (0.1, 0.2, 0.7)
        assert found[1].present == (False, False, True)
    table = rows(["effusion=1", "effusion=0;nodule=1", "nodule=0"], ["A", "B", "C"])
    labels = manifest(task="multilabel", classes=("effusion", "nodule", "rare"), positive=None)
    effusion, nodule = scored_studies(labels, table, probability, split="x")  # nobody knows anything of `rare`
    assert (effusion.of, effusion.probabilities, effusion.present) == ("effusion", (0.2, 0.8), (True, False))
    assert (nodule.of, nodule.probabilities, nodule.present) == ("nodule", (0.1, 0.2), (True, False))


def test_the_order_of_the_rows_and_the_names_of_the_patients_leave_no_trace() -> None:
    generator = np.random.default_rng(4)
    owners = [f"P{i}" for i in generator.permutation(30)]
    table = rows(["normal", "pneumonia"] * 15, owners)
    illness = generator.random(30)
    probability = np.stack([1 - illness, illness], axis=1)
    turned = generator.permutation(30)
    one = scored_studies(manifest(), table, probability, split="x")
    other = scored_studies(
        manifest(), table.iloc[turned].assign(patient_id=generator.permutation(owners)), probability[turned], split="x"
    )
    assert one == other
    assert one[0].patients == tuple(range(30))


@pytest.fixture
def planned(hospital: Path, tmp_path: Path) -> Callable[..., Plan]:
    """A plan for the hospital, of whose studies every fifth is put aside for calibration."""

    def make(*changes: str, share: float = 0.25) -> Plan:
        changes = (*QUICK, f"split.calibration={share}", *changes)
        return mt.plan(mt.read_cohort(hospital), backbone="squeezenet1_1", changes=changes)

    return make


@pytest.mark.parametrize(
    ("share", "calibrator", "split"),
    [(0.25, "platt", "calibration"), (0.25, "", "calibration"), (0.0, "", "validation")],
)
def test_they_are_what_the_bundle_says_of_the_calibration_split_or_else_of_validation(
    planned: Callable[..., Plan],
    fitted: Callable[..., mt.Bundle],
    hospital: Path,
    tmp_path: Path,
    share: float,
    calibrator: str,
    split: str,
) -> None:
    plan = planned(*([f"decision.calibrator={calibrator}"] if calibrator else []), share=share)
    bundle, (target, _) = without_calibrator(fitted("one")), planned_cohorts(plan, allow_missing=False)
    (tmp_path / "journals").mkdir()
    found = decided(plan, bundle, target, tmp_path / "journals")
    (scored,) = found.scored
    assert (scored.split, scored.of) == (split, "pneumonia")
    assert (found.calibrator is not None) == bool(calibrator)
    table = mt.predict(replace(bundle, manifest=found), target.split(split)).table
    expected = sorted(
        zip(table["probability_pneumonia"].astype(float).round(4), table["truth"] == "pneumonia", strict=True)
    )
    assert list(zip(scored.probabilities, scored.present, strict=True)) == expected
    assert len(set(scored.patients)) == table["patient_id"].nunique() < len(table)
    assert type(found).model_validate_json(found.model_dump_json()) == found

"""Fitted on the calibration split, locked in the bundle, applied when predicting, and left behind by soups."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny import QUICK, write_hospital

import medtransfer as mt
from medtransfer.core.errors import CohortError, PredictionsError
from medtransfer.core.files import patient_digest
from medtransfer.decision.recalibration import recalibrated
from medtransfer.models.bundle import Bundle, read_bundle
from medtransfer.pipeline.bundling import decided
from medtransfer.pipeline.ingredients import without_calibrator
from medtransfer.pipeline.recalibrating import check_calibration, shares
from medtransfer.pipeline.runs import planned_cohorts
from medtransfer.prediction.predict import question_of

CALIBRATING = range(16, 32)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen of its studies are for calibration: six of them with pneumonia."""
    folder = write_hospital(tmp_path_factory.mktemp("calibrated") / "target", studies=64, seed=4, test=16)
    table = pd.read_csv(folder / "cohort.csv", keep_default_na=False)
    table.loc[list(CALIBRATING), "split"] = "calibration"
    table.loc[[17, 25], "label"] = "normal"
    table.to_csv(folder / "cohort.csv", index=False)
    return folder


def planned(hospital: Path, *changes: str) -> mt.Plan:
    return mt.plan(mt.read_cohort(hospital), backbone="squeezenet1_1", changes=(*QUICK, *changes))


@pytest.fixture(scope="module")
def bundle(hospital: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    plan = planned(hospital, "decision.calibrator=platt")
    return mt.fit(plan, out=tmp_path_factory.mktemp("run") / "run")


def test_the_bundle_holds_what_was_fitted_and_on_whom(bundle: Bundle) -> None:
    manifest = read_bundle(bundle.folder).manifest
    assert manifest.calibrator is not None
    assert (manifest.calibrator.name, manifest.calibrator.fitted_on) == ("platt", "calibration")
    assert manifest.calibrator.studies == len(CALIBRATING)
    assert set(manifest.calibrator.parameters) == {"slope", "intercept"}
    assert manifest.priors == {"normal": 10 / 16, "pneumonia": 6 / 16}
    assert patient_digest("P016", site="target") in manifest.training.patients
    assert (
        "recalibration saw 6 studies that are 'pneumonia' and 10 that are not: fewer than 10" in manifest.training.notes
    )


def test_predictions_are_recalibrated_and_keep_what_they_were(bundle: Bundle, hospital: Path) -> None:
    cohort = mt.read_cohort(hospital)
    table = mt.predict(bundle, cohort.split("test")).table
    columns = [f"probability_{name}" for name in bundle.manifest.classes]
    before = table[[name.replace("probability", "uncalibrated") for name in columns]].to_numpy(dtype=np.float64)
    after = table[columns].to_numpy(dtype=np.float64)
    calibrator = bundle.manifest.calibrator
    assert calibrator is not None
    told = recalibrated(calibrator.name, calibrator.parameters, before, question=question_of(bundle.manifest))
    np.testing.assert_array_equal(after, told)
    assert not np.allclose(after, before)
    np.testing.assert_allclose(after.sum(axis=1), 1, atol=1e-12)
    point = bundle.manifest.operating_point
    assert point is not None
    called = np.where(table["probability_pneumonia"] >= point.threshold, "pneumonia", "not pneumonia")
    assert (table["decision"] == called).all()


def test_the_threshold_is_chosen_on_recalibrated_probabilities(bundle: Bundle, hospital: Path) -> None:
    target, _ = planned_cohorts(planned(hospital, "decision.calibrator=platt"), allow_missing=False)
    table = mt.predict(bundle, target.split("validation")).table
    point = bundle.manifest.operating_point
    assert point is not None
    ill = table["truth"] == "pneumonia"
    found = (table["probability_pneumonia"] >= point.threshold)[ill].mean()
    assert found == point.sensitivity.value
    assert found >= 0.9


def test_a_calibration_study_cannot_be_judged(bundle: Bundle, hospital: Path) -> None:
    with pytest.raises(PredictionsError) as caught:
        mt.evaluate(mt.predict(bundle, mt.read_cohort(hospital).split("calibration")))
    assert caught.value.code == "PatientInTraining"


def test_without_a_calibrator_priors_are_the_training_studies(bundle: Bundle, hospital: Path, tmp_path: Path) -> None:
    plan = planned(hospital)
    target, _ = planned_cohorts(plan, allow_missing=False)
    found = decided(plan, without_calibrator(bundle), target, tmp_path)
    assert found.calibrator is None
    training = target.split("train").studies()
    assert found.priors["pneumonia"] == pytest.approx((training["label"] == "pneumonia").mean())
    assert shares(target, "calibration") == bundle.manifest.priors


@pytest.mark.parametrize("name", ["temperature", "isotonic", "beta", "prior_shift"])
def test_every_calibrator_can_be_fitted(name: str, bundle: Bundle, hospital: Path, tmp_path: Path) -> None:
    plan = planned(hospital, f"decision.calibrator={name}")
    target, _ = planned_cohorts(plan, allow_missing=False)
    found = decided(plan, without_calibrator(bundle), target, tmp_path)
    assert found.calibrator is not None
    assert found.calibrator.name == name
    assert type(found).model_validate_json(found.model_dump_json()) == found


def test_a_plan_without_calibration_studies_is_refused_before_training(hospital: Path, tmp_path: Path) -> None:
    plain = write_hospital(tmp_path / "plain", studies=32, seed=1, test=8)
    with pytest.raises(CohortError, match="no labelled study") as caught:
        mt.fit(planned(plain, "decision.calibrator=platt"), out=tmp_path / "run")
    assert caught.value.code == "NoCalibration"
    assert not (tmp_path / "run" / "plan.toml").exists()
    plan = planned(hospital, "decision.calibrator=platt")
    target, _ = planned_cohorts(plan, allow_missing=False)
    lone = target.table["split"].eq("calibration") & target.table["label"].eq("pneumonia")
    with pytest.raises(CohortError) as one_class:
        check_calibration(plan, replace(target, table=target.table[~lone].reset_index(drop=True)))
    assert one_class.value.code == "OneClass"


def test_soups_leave_recalibration_behind(bundle: Bundle) -> None:
    plain = without_calibrator(bundle)
    assert plain.manifest.calibrator is None
    assert plain.manifest.priors == {}
    assert plain.manifest.members == bundle.manifest.members
    assert without_calibrator(plain) is plain

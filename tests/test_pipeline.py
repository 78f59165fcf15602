from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny import QUICK, Hospitals, write_hospital

import medtransfer as mt
from medtransfer.core.config.plan import Plan
from medtransfer.core.config.toml import read_toml, write_toml
from medtransfer.core.files import patient_digest
from medtransfer.core.results import Estimate, OperatingPoint
from medtransfer.evaluation.evaluate import PATIENTS_UNKNOWN
from medtransfer.models.backbones import squeezenet1_1
from medtransfer.pipeline.choosing import chosen_points
from medtransfer.pipeline.inspections import write_inspection


def test_the_story_from_folder_to_report(quick_run: Path, tmp_path: Path) -> None:
    bundle = mt.read_bundle(quick_run / "bundle")
    cohort = mt.read_cohort(quick_run / "cohort.csv")
    predictions = mt.predict(bundle, cohort.split("test"), out=tmp_path / "test")
    evaluation = mt.evaluate(predictions)
    page = mt.report(evaluation, out=tmp_path / "report")
    assert len(predictions.table) == 16
    assert evaluation.flow.inputs == evaluation.flow.evaluated == 16
    assert format(evaluation.estimate("AUROC").value, ".3f") in page.read_text(encoding="utf-8")
    again = mt.evaluate(tmp_path / "test")
    assert again.reconciliation is not None
    assert again.reconciliation.agrees
    assert again.model_copy(update={"reconciliation": None}) == evaluation


def test_equal_plans_give_equal_bits(quick_plan: mt.Plan, quick_run: Path, tmp_path: Path) -> None:
    again = mt.fit(quick_plan, out=tmp_path / "again")
    assert again.manifest.members[0].sha256 == mt.read_bundle(quick_run / "bundle").manifest.members[0].sha256


def test_another_seed_gives_other_weights(quick_plan: mt.Plan, quick_run: Path, tmp_path: Path) -> None:
    other = mt.fit(quick_plan.model_copy(update={"seed": 1}), out=tmp_path / "other")
    assert other.manifest.members[0].sha256 != mt.read_bundle(quick_run / "bundle").manifest.members[0].sha256


def test_no_patient_is_on_both_sides(quick_run: Path) -> None:
    table = mt.read_cohort(quick_run / "cohort.csv").table
    assert (table.groupby("patient_id")["split"].nunique() == 1).all()
    assert set(table["split"]) == {"train", "validation", "test"}


def test_the_bundle_remembers_every_patient_it_has_seen(quick_run: Path) -> None:
    bundle = mt.read_bundle(quick_run / "bundle")
    cohort = mt.read_cohort(quick_run / "cohort.csv")
    for split in ("train", "validation"):
        with pytest.raises(mt.MedTransferError) as raised:
            mt.evaluate(mt.predict(bundle, cohort.split(split)))
        assert raised.value.code == "PatientInTraining"


def test_the_bundle_knows_the_spectrum_of_its_training_cohort(quick_run: Path) -> None:
    """Labelled target studies alone: neither those of the source nor validation, and no patient by name."""
    training = mt.read_bundle(quick_run / "bundle").manifest.training
    assert training.spectrum is not None
    assert training.spectrum.n_studies == sum(training.studies["target"].values())
    assert training.spectrum.attributes["label"].counts == training.studies["target"]
    table = mt.read_cohort(quick_run / "cohort.csv").split("train").table
    assert training.spectrum.n_patients == table.loc[table["label"] != "", "patient_id"].nunique()
    assert not {"patient_id", "study_id", "path", "split"} & training.spectrum.attributes.keys()


def test_the_bundle_names_every_patient_with_the_site_and_without(quick_run: Path, hospitals: Hospitals) -> None:
    target = mt.read_cohort(quick_run / "cohort.csv").split("train", "validation").table
    source = mt.read_cohort(hospitals.source).table
    pairs = {pair for t in (target, source) for pair in zip(t["patient_id"], t["site"], strict=True)}
    assert {site for _, site in pairs} == {"target", "source"}
    expected = {patient_digest(name, site=site) for name, site in pairs} | {patient_digest(name) for name, _ in pairs}
    assert set(mt.read_bundle(quick_run / "bundle").manifest.training.patients) == expected


def test_another_hospital_with_the_same_numbering_can_be_evaluated_and_is_pointed_out(
    quick_run: Path, tmp_path: Path
) -> None:
    elsewhere = write_hospital(tmp_path / "elsewhere", studies=56, seed=7)
    evaluation = mt.evaluate(mt.predict(quick_run / "bundle", elsewhere))
    assert evaluation.flow.evaluated == 56
    assert any("also occur among the training patients of another site" in line for line in evaluation.warnings)


def test_the_operating_point_was_chosen_on_validation_with_the_bundle_as_it_runs(quick_run: Path) -> None:
    bundle = mt.read_bundle(quick_run / "bundle")
    point = bundle.manifest.operating_point
    assert point is not None
    assert point.chosen_on == "validation"
    table = mt.predict(bundle, mt.read_cohort(quick_run / "cohort.csv").split("validation")).table
    called = table["probability_pneumonia"] >= point.threshold
    ill = table["truth"] == "pneumonia"
    assert point.sensitivity.value == pytest.approx((called & ill).sum() / ill.sum())
    assert point.specificity.value == pytest.approx((~called & ~ill).sum() / (~ill).sum())


def test_the_operating_points_intervals_know_the_patients(quick_plan: mt.Plan, quick_run: Path, tmp_path: Path) -> None:
    """Of the same studies: with a patient each, with three studies a patient, and with patients unknown."""
    bundle, cohort = mt.read_bundle(quick_run / "bundle"), mt.read_cohort(quick_run / "cohort.csv").split("validation")

    def point(name: str, ids: list[str], *, unknown: bool = False) -> OperatingPoint:
        changed = replace(cohort.with_table(cohort.table.assign(patient_id=ids)), patients_unknown=unknown)
        found = chosen_points(quick_plan, bundle, changed, tmp_path / name).one
        assert found is not None
        return found

    def width(estimate: Estimate) -> float:
        assert estimate.low is not None
        assert estimate.high is not None
        return estimate.high - estimate.low

    order = cohort.table["label"].rank(method="first").astype(int) - 1
    alone = point("alone", [f"P{i}" for i in order])
    together = point("together", [f"P{i // 3}" for i in order])
    partly = point("partly", ["" if i == 0 else f"P{i}" for i in order], unknown=True)
    allowed = point("allowed", [f"P{i}" for i in order], unknown=True)
    assert alone.threshold == together.threshold == partly.threshold
    for name in ("sensitivity", "specificity"):
        one, many, blind = (getattr(found, name) for found in (alone, together, partly))
        assert (one.method, one.note) == ("Wilson", "")
        assert "patients repeat" in many.method
        assert one.value == many.value
        assert width(many) > width(one)
        assert blind == one.model_copy(update={"note": PATIENTS_UNKNOWN})
    assert allowed == alone


@pytest.mark.parametrize("name", ["page.html", "made/on demand/Page.HTML"])
def test_a_report_with_the_name_of_a_page_is_that_page(quick_run: Path, tmp_path: Path, name: str) -> None:
    cohort = mt.read_cohort(quick_run / "cohort.csv")
    evaluation = mt.evaluate(mt.predict(quick_run / "bundle", cohort.split("test")))
    path = mt.report(evaluation, out=str(tmp_path / "one" / name))
    assert path == tmp_path / "one" / name
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == mt.report(evaluation, out=tmp_path / "folder").read_bytes()
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(mt.MedTransferError) as raised:
        mt.report(evaluation, out=tmp_path / "folder.html")
    assert raised.value.code == "Unwritable"
    assert not list(tmp_path.glob(".*"))


def test_what_a_run_leaves_behind(quick_run: Path, quick_plan: mt.Plan) -> None:
    names = {path.name for path in quick_run.iterdir()}
    assert names == {
        "bundle",
        "cache",
        "cohort.csv",
        "history.csv",
        "ledger.csv",
        "ledger.parquet",
        "plan.toml",
        "tensorboard",
        "terms.csv",
        "training.html",
    }
    assert read_toml(Plan, quick_run / "plan.toml").digest() == quick_plan.digest()


def test_a_run_is_never_overwritten(quick_plan: mt.Plan, quick_run: Path) -> None:
    with pytest.raises(mt.MedTransferError) as raised:
        mt.fit(quick_plan, out=quick_run)
    assert raised.value.code == "RunExists"
    assert "--resume" in str(raised.value)


def test_resuming_a_finished_run_gives_its_bundle(quick_plan: mt.Plan, quick_run: Path) -> None:
    assert mt.fit(quick_plan, out=quick_run, resume=True).sha256 == mt.read_bundle(quick_run / "bundle").sha256


def test_resuming_with_another_plan_is_refused(quick_plan: mt.Plan, quick_run: Path) -> None:
    with pytest.raises(mt.MedTransferError) as raised:
        mt.fit(quick_plan.model_copy(update={"seed": 5}), out=quick_run, resume=True)
    assert raised.value.code == "OtherPlan"


def test_a_changed_cohort_is_noticed(hospitals: Hospitals, tmp_path: Path) -> None:
    shutil.copytree(hospitals.target, tmp_path / "target")
    plan = mt.plan(mt.read_cohort(tmp_path / "target"), backbone="squeezenet1_1", changes=QUICK)
    table = pd.read_csv(tmp_path / "target" / "cohort.csv", dtype=str)
    table.loc[20, "label"] = "normal" if table.loc[20, "label"] == "pneumonia" else "pneumonia"
    table.to_csv(tmp_path / "target" / "cohort.csv", index=False)
    with pytest.raises(mt.MedTransferError) as raised:
        mt.fit(plan, out=tmp_path / "run")
    assert raised.value.code == "CohortChanged"


def test_an_unreadable_image_is_a_failed_row_and_stops_the_fit_unless_allowed(tmp_path: Path) -> None:
    folder = write_hospital(tmp_path / "target", studies=40, seed=3)
    (folder / "images" / "007.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    table = pd.read_csv(folder / "cohort.csv", dtype=str, keep_default_na=False)
    table.loc[table["path"] == "images/007.png", "split"] = "train"
    table.to_csv(folder / "cohort.csv", index=False)
    plan = mt.plan(mt.read_cohort(folder), backbone="squeezenet1_1", changes=QUICK)
    with pytest.raises(mt.MedTransferError) as raised:
        mt.fit(plan, out=tmp_path / "run")
    assert raised.value.exit_code == 3
    assert "007.png" in str(raised.value)
    bundle = mt.fit(plan, out=tmp_path / "allowed", allow_failures=1)
    ledger = pd.read_csv(tmp_path / "allowed" / "ledger.csv", keep_default_na=False)
    assert list(ledger.loc[ledger["status"] == "failed", "path"]) == [str(folder / "images/007.png")]
    predictions = mt.predict(bundle, mt.read_cohort(folder, patients_unknown=True), allow_failures=1)
    failed = predictions.table[predictions.table["status"] == "failed"]
    assert list(failed["study_id"]) == ["images/007.png"]
    assert failed["probability_pneumonia"].isna().all()


def test_two_questions_get_two_heads_and_the_bundle_one(hospitals: Hospitals, tmp_path: Path) -> None:
    shutil.copytree(hospitals.source, tmp_path / "source")
    table = pd.read_csv(tmp_path / "source" / "cohort.csv", dtype=str, keep_default_na=False)
    table["label"] = np.resize(["effusion", "mass", "none"], len(table))
    table.to_csv(tmp_path / "source" / "cohort.csv", index=False)
    plan = mt.plan(
        mt.read_cohort(hospitals.target),
        source=mt.read_cohort(tmp_path / "source"),
        backbone="squeezenet1_1",
        changes=QUICK,
    )
    assert not plan.same_question("source")
    assert not plan.objective.instances
    bundle = mt.fit(plan, out=tmp_path / "run")
    tensors = bundle.tensors(bundle.manifest.members[0])
    assert not any("source_head" in name for name in tensors)
    assert tensors["heads.head.weight"].shape == (2, 512)


def test_three_classes_have_no_operating_point_and_are_still_measured(tmp_path: Path) -> None:
    folder = write_hospital(tmp_path / "target", studies=60, seed=4)
    table = pd.read_csv(folder / "cohort.csv", dtype=str, keep_default_na=False)
    table["label"] = np.resize(["bacteria", "normal", "virus"], len(table))
    table["patient_id"] = [f"P{i}" for i in range(len(table))]
    table.to_csv(folder / "cohort.csv", index=False)
    plan = mt.plan(mt.read_cohort(folder), backbone="squeezenet1_1", changes=QUICK)
    bundle = mt.fit(plan, out=tmp_path / "run")
    assert bundle.manifest.operating_point is None
    cohort = mt.read_cohort(tmp_path / "run" / "cohort.csv")
    evaluation = mt.evaluate(mt.predict(bundle, cohort.split("test")))
    assert {e.of for e in evaluation.estimates if e.name == "AUROC"} == {"bacteria", "normal", "virus"}


def test_lambda_infinity_never_touches_the_source(hospitals: Hospitals, tmp_path: Path) -> None:
    """Bit-identical to a run without a source: DESIGN's λ = ∞. A pass of no weight would still move statistics."""
    target, source = mt.read_cohort(hospitals.target), mt.read_cohort(hospitals.source)
    alone = mt.plan(target, backbone="mobilenet_v2", changes=QUICK)
    skipping = mt.plan(
        target,
        source=source,
        backbone="mobilenet_v2",
        changes=(*QUICK, "objective.trade_off=inf", "objective.instances={}", "objective.features={}"),
    )
    shas = [
        mt.fit(plan, out=tmp_path / name).manifest.members[0].sha256
        for name, plan in (("alone", alone), ("skipping", skipping))
    ]
    assert shas[0] == shas[1]


def test_inspection_names_every_file(tmp_path: Path) -> None:
    folder = write_hospital(tmp_path / "messy", studies=8, seed=5)
    (folder / "notes.txt").write_text("hello", encoding="utf-8")
    (folder / "empty.dcm").touch()
    found = mt.inspect(folder)
    page = write_inspection(found, tmp_path / "out")
    assert found.ledger.counts() == {"inputs": 11, "read": 8, "excluded": 2, "failed": 1}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "contact_sheet.png",
        "inspection.html",
        "inspection.json",
        "ledger.csv",
        "ledger.parquet",
    }
    assert "empty.dcm" in page.read_text(encoding="utf-8")


def test_plan_file_round_trip_with_an_edited_value(quick_plan: mt.Plan, tmp_path: Path) -> None:
    write_toml(quick_plan, tmp_path / "plan.toml", comments=quick_plan.reasons)
    text = (tmp_path / "plan.toml").read_text(encoding="utf-8")
    assert "# Same question at both hospitals" in text
    again = read_toml(Plan, tmp_path / "plan.toml", changes=["objective.features.coral.strength=0.5"])
    assert again.objective.features == {"coral": {"strength": 0.5}}
    assert again.objective.instances == quick_plan.objective.instances


def test_a_backbone_of_ones_own_goes_from_plan_to_prediction(hospitals: Hospitals, tmp_path: Path) -> None:
    plan = mt.plan(mt.read_cohort(hospitals.target), backbone=squeezenet1_1.build, changes=QUICK)
    assert plan.model.backbone == "medtransfer.models.backbones.squeezenet1_1:build"
    bundle = mt.fit(plan, out=tmp_path / "run")
    test = mt.read_cohort(tmp_path / "run" / "cohort.csv").split("test")
    assert (mt.predict(bundle, test).table["status"] == "read").all()

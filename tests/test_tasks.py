"""Several labels with unknowns, and ordered classes, from the cohort table to the report, by Python and by command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny import QUICK

import medtransfer as mt
from medtransfer.cli.main import main
from medtransfer.core.config.plan import Plan
from medtransfer.core.config.toml import read_toml

LABELS = ("pneumonia", "effusion")
GRADES = ("none", "mild", "severe")


def write_picture(path: Path, *, squares: tuple[float, float], seed: int) -> None:
    """Noise with two squares of so much brightness each."""
    picture = np.random.default_rng(seed).normal(90, 20, (40, 36))
    picture[4:18, 4:16] += squares[0]
    picture[22:36, 20:32] += squares[1]
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path)


def write_several(folder: Path, seed: int, studies: int = 48) -> Path:
    """Two studies a patient; a fifth of the answers is unknown, and of two studies nothing is known at all."""
    folder.mkdir(exist_ok=True)
    generator = np.random.default_rng(seed)
    rows = []
    for study in range(studies):
        truth = generator.random(2) < (0.5, 0.35)
        write_picture(folder / f"{study}.png", squares=tuple(90.0 * truth), seed=1000 * seed + study)
        known = generator.random(2) < (0.8 if study > 1 else 0)
        cells = ["" if not k else "yes" if t else "0" for t, k in zip(truth, known, strict=True)]
        row = {"path": f"{study}.png", "patient_id": f"P{study // 2}", "split": "test" if study % 12 >= 8 else ""}
        rows.append(row | dict(zip(LABELS, cells, strict=True)))
    pd.DataFrame(rows).to_csv(folder / "cohort.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hospital of `write_several`."""
    return write_several(tmp_path_factory.mktemp("several"), seed=3)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """42 studies of three grades, of a patient each."""
    folder = tmp_path_factory.mktemp("graded")
    rows = []
    for study in range(42):
        grade = study % 3
        write_picture(folder / f"{study}.png", squares=(60.0 * grade, 0), seed=1000 + study)
        split = "test" if study >= 27 else ""
        rows.append({"path": f"{study}.png", "patient_id": f"P{study}", "severity": GRADES[grade], "split": split})
    pd.DataFrame(rows).to_csv(folder / "cohort.csv", index=False)
    return folder


def command(*words: str | Path) -> None:
    assert main([*map(str, words), "--quiet"]) == 0


def changes() -> list[str]:
    return [word for change in QUICK for word in ("--set", change)]


def test_several_labels_from_plan_to_report(several: Path, tmp_path: Path) -> None:
    cohort = mt.read_cohort(several, labels=LABELS)
    plan = mt.plan(cohort, backbone="squeezenet1_1", changes=QUICK)
    assert (plan.target.task, plan.target.classes, plan.target.positive) == ("multilabel", LABELS, None)
    assert "decision.rule" not in plan.reasons
    bundle = mt.fit(plan, out=tmp_path / "run")
    assert (bundle.manifest.task, bundle.manifest.operating_point) == ("multilabel", None)
    predictions = mt.predict(bundle, mt.read_cohort(tmp_path / "run" / "cohort.csv").split("test"), out=tmp_path / "p")
    probabilities = predictions.table[[f"probability_{name}" for name in LABELS]].to_numpy()
    assert ((probabilities > 0) & (probabilities < 1)).all()
    assert not np.allclose(probabilities.sum(axis=1), 1)
    evaluation = mt.evaluate(tmp_path / "p")
    assert evaluation.reconciliation is not None
    assert evaluation.reconciliation.agrees
    assert evaluation.model_copy(update={"reconciliation": None}) == mt.evaluate(predictions)
    truth = cohort.split("test").table
    for name in LABELS:
        counts = evaluation.flow.per_label[name]
        said = [(truth[name] == cell).sum() for cell in ("yes", "0", "")]
        assert [counts.present, counts.absent] == said[:2]
        assert counts.unknown == said[2] - evaluation.flow.unlabelled
        assert evaluation.estimate("AUROC", of=name).n == said[0] + said[1]
    page = mt.report(evaluation, out=tmp_path / "report").read_text(encoding="utf-8")
    assert "Discrimination, finding by finding" in page
    assert format(evaluation.estimate("macro AUROC").value, ".3f") in page


def test_each_label_has_its_own_operating_point_from_fit_to_report(tmp_path: Path) -> None:
    """60 validation studies know enough of the first label, and not enough of the second."""
    cohort = write_several(tmp_path / "hospital", seed=5, studies=120)
    table = pd.read_csv(cohort / "cohort.csv", dtype=str, keep_default_na=False)
    table["split"] = ["train"] * 36 + ["validation"] * 60 + ["test"] * 24
    table.loc[:, "effusion"] = ["yes" if i % 9 == 0 else "0" for i in range(120)]
    table.to_csv(cohort / "cohort.csv", index=False)
    runs = []
    for rate in (0.001, 0.002):
        changed = (*QUICK, f"training.learning_rate={rate}", "decision.rule=youden")
        plan = mt.plan(mt.read_cohort(cohort, labels=LABELS), backbone="squeezenet1_1", changes=changed)
        runs.append(mt.fit(plan, out=tmp_path / f"run {rate}"))
    soup = mt.soup(runs, out=tmp_path / "soup", validation=cohort)
    for bundle in (runs[0], soup):
        (point,) = bundle.manifest.operating_points.values()
        assert (point.positive, point.chosen_on, point.rule) == ("pneumonia", "validation", "youden")
        (note,) = [one for one in bundle.manifest.training.notes if "has no operating point" in one]
        assert note.startswith("effusion has no operating point: of the validation studies, 7 have it and 53 do not")
    test = mt.read_cohort(tmp_path / "run 0.001" / "cohort.csv").split("test")
    predictions = mt.predict(runs[0], test, out=tmp_path / "p")
    point = runs[0].manifest.operating_points["pneumonia"]
    assert predictions.operating_points == {"pneumonia": point}
    called = predictions.table["probability_pneumonia"] >= point.threshold
    assert predictions.table["decision"].tolist() == [f"pneumonia={int(one)}" for one in called]
    shards = [tmp_path / f"shard {i}" for i in (1, 2)]
    for number, folder in enumerate(shards, start=1):
        mt.predict(runs[0], test, out=folder, shard=f"{number}/2")
    mt.merge(shards, out=tmp_path / "merged")
    for name in ("predictions.csv", "predictions.json"):
        assert (tmp_path / "merged" / name).read_bytes() == (tmp_path / "p" / name).read_bytes()
    evaluation = mt.evaluate(tmp_path / "p")
    assert list(evaluation.operating_per_label) == ["pneumonia"]
    report = mt.report(evaluation, out=tmp_path / "report", bundle=runs[0]).parent
    assert "All figures of pneumonia" in (report / "report.html").read_text(encoding="utf-8")
    rows = pd.read_csv(report / "estimates.csv")
    rows = rows[rows["where"] == "operating_per_label/pneumonia/estimates"]
    assert (len(rows), set(rows["class"])) == (11, {"pneumonia"})
    card = (report / "model_card.md").read_text(encoding="utf-8")
    assert "Without an operating point, probabilities only: effusion." in card


def test_another_hospital_with_the_same_labels_shares_the_head(several: Path, tmp_path: Path) -> None:
    elsewhere = write_several(tmp_path / "elsewhere", seed=4)
    source = mt.read_cohort(elsewhere, labels=LABELS)
    plan = mt.plan(mt.read_cohort(several, labels=LABELS), source=source, backbone="squeezenet1_1", changes=QUICK)
    assert plan.same_question("source")
    assert "classifier_ratio" in plan.objective.instances
    bundle = mt.fit(plan, out=tmp_path / "run")
    assert bundle.manifest.training.instance_weights is not None
    table = mt.predict(bundle, several).table
    assert set(table["status"]) == {"read"}
    assert np.isfinite(table["probability_effusion"]).all()


def test_a_cohort_that_answers_another_question_is_not_predicted(several: Path, graded: Path, tmp_path: Path) -> None:
    plan = mt.plan(mt.read_cohort(several, labels=LABELS), backbone="squeezenet1_1", changes=QUICK)
    bundle = mt.fit(plan, out=tmp_path / "run")
    with pytest.raises(mt.MedTransferError) as caught:
        mt.predict(bundle, mt.read_cohort(graded, label="severity"))
    assert caught.value.code == "UnknownLabel"
    assert caught.value.hint == f"Read it with labels={LABELS!r}."


def test_several_labels_by_command(several: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan, run, test = tmp_path / "plan.toml", tmp_path / "run", tmp_path / "test"
    command("plan", several, "--labels", "pneumonia,effusion", "--backbone", "squeezenet1_1", *changes(), "--out", plan)
    assert read_toml(Plan, plan).target.label == "pneumonia,effusion"
    command("fit", plan, "--out", run)
    command("predict", run / "bundle", run / "cohort.csv", "--split", "test", "--out", test)
    assert json.loads((test / "predictions.json").read_text())["task"] == "multilabel"
    capsys.readouterr()
    assert main(["evaluate", str(test), "--out", str(tmp_path / "report")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "averaged over the labels" in said
    assert "effusion: AUROC" in said
    assert (tmp_path / "report" / "report.html").is_file()
    assert main(["inspect", str(run / "cohort.csv"), "--quiet"]) == 0


def test_ordered_classes_from_plan_to_report(graded: Path, tmp_path: Path) -> None:
    cohort = mt.read_cohort(graded, label="severity", task="ordinal", classes=GRADES)
    plan = mt.plan(cohort, backbone="squeezenet1_1", changes=(*QUICK, "training.epochs=8"))
    assert (plan.target.task, plan.target.classes) == ("ordinal", GRADES)
    assert "none < mild < severe" in plan.reasons["target.task"]
    bundle = mt.fit(plan, out=tmp_path / "run")
    predictions = mt.predict(bundle, mt.read_cohort(tmp_path / "run" / "cohort.csv").split("test"))
    assert (predictions.task, predictions.classes, predictions.positive) == ("ordinal", GRADES, None)
    probabilities = predictions.table[[f"probability_{name}" for name in GRADES]].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-9)
    evaluation = mt.evaluate(predictions)
    for name in ("macro AUROC", "quadratic-weighted kappa", "ranked probability score"):
        estimate = evaluation.estimate(name)
        assert estimate.value is not None
        assert estimate.low is not None or estimate.note
    page = mt.report(evaluation, out=tmp_path / "report").read_text(encoding="utf-8")
    assert "Quadratic-weighted kappa" in page
    assert "Classes, ascending" in page


def test_ordered_classes_by_command(graded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan, run, test = tmp_path / "plan.toml", tmp_path / "run", tmp_path / "test"
    asked = ("--label", "severity", "--ordinal", "none,mild,severe")
    command("plan", graded, *asked, "--backbone", "squeezenet1_1", *changes(), "--out", plan)
    command("fit", plan, "--out", run)
    command("predict", run / "bundle", graded, "--label", "severity", "--split", "test", "--out", test)
    capsys.readouterr()
    assert main(["evaluate", str(test)]) == 0
    assert "Ranked probability score" in capsys.readouterr().out


def test_a_source_that_asks_for_other_labels_has_a_head_of_its_own(several: Path, graded: Path, tmp_path: Path) -> None:
    """Source and target share no task: a head each, and the source's labels teach the features."""
    source = mt.read_cohort(graded, label="severity", task="ordinal", classes=GRADES)
    plan = mt.plan(mt.read_cohort(several, labels=LABELS), source=source, backbone="squeezenet1_1", changes=QUICK)
    assert not plan.same_question("source")
    assert not plan.objective.instances
    bundle = mt.fit(plan, out=tmp_path / "run")
    table = mt.predict(bundle, several).table
    assert set(table["status"]) == {"read"}

"""Every unusable input: one typed error that names file and cure, exit code 2, no traceback, nothing half-written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from tiny import Hospitals, write_hospital

import medtransfer as mt
from medtransfer.cli.main import main
from medtransfer.core.config.toml import write_toml
from medtransfer.training.checkpoint import read_state

Words = list[str | Path | int]


def edited(hospital: Path, tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
    folder = tmp_path / "edited"
    shutil.copytree(hospital, folder)
    table = pd.read_csv(folder / "cohort.csv", dtype=str, keep_default_na=False)
    change(table).to_csv(folder / "cohort.csv", index=False)
    return folder


def repeated(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table.iloc[[3]]])


def unknown(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(path=["images/nobody.png", *table["path"].iloc[1:]])


def one_class(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(label="normal")


def two_splits(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(patient_id="P1", split=["train", "test"] * (len(table) // 2))


def no_patient(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns="patient_id")


def _plan(hospitals: Hospitals, tmp_path: Path, **changes: str) -> Path:
    plan = mt.plan(mt.read_cohort(hospitals.target), backbone="squeezenet1_1", **changes)  # pyright: ignore[reportArgumentType]
    write_toml(plan, tmp_path / "plan.toml")
    return tmp_path / "plan.toml"


def refused(words: Words, code: str, capsys: pytest.CaptureFixture[str], *, exit_code: int = 2) -> str:
    assert main([str(word) for word in words]) == exit_code
    said = capsys.readouterr().err
    assert f"[{code}]" in said
    assert "→" in said, "a cure"
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (repeated, "RepeatedRow"),
        (unknown, "UnknownPath"),
        (one_class, "OneClass"),
        (two_splits, "PatientInTwoSplits"),
        (no_patient, "PatientUnknown"),
    ],
)
def test_a_cohort_table_that_cannot_be_trusted(
    hospitals: Hospitals,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[pd.DataFrame], pd.DataFrame],
    code: str,
) -> None:
    folder = edited(hospitals.target, tmp_path, change)
    said = refused(["plan", folder, "--out", tmp_path / "plan.toml"], code, capsys)
    assert str(folder) in said
    assert not (tmp_path / "plan.toml").exists()


def test_absent_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "absent" in refused(["inspect", tmp_path / "absent"], "NotFound", capsys)


def test_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    for command in ("inspect", "plan"):
        refused([command, tmp_path / "empty"], "EmptyFolder", capsys)


@pytest.mark.parametrize("weights", ["absent", "without sidecar", "of another network"])
def test_weights_that_cannot_be_used(
    hospitals: Hospitals, tmp_path: Path, capsys: pytest.CaptureFixture[str], weights: str
) -> None:
    file = tmp_path / "weights.pth"
    code = {"absent": "NotFound", "without sidecar": "NoSidecar", "of another network": "OtherBackbone"}[weights]
    if weights != "absent":
        torch.save({"conv1.weight": torch.zeros(1)}, file)
    if weights == "of another network":
        file.with_suffix(".json").write_text(
            '{"backbone": "resnet18", "pretrained_on": "nothing", "sha256": "' + "0" * 64 + '", "input": {}}'
        )
    plan: Words = ["plan", hospitals.target, "--backbone", "squeezenet1_1", "--out", tmp_path / "bad.toml"]
    assert str(file) in refused([*plan, "--weights", file], code, capsys)
    assert not (tmp_path / "bad.toml").exists()
    edited_plan = _plan(hospitals, tmp_path)
    words: Words = ["fit", edited_plan, "--out", tmp_path / "run", "--set", f"model.weights='{file}'"]
    assert str(file) in refused(words, code, capsys)
    assert list((tmp_path / "run").iterdir()) == [], "nothing half-written, and the folder is free for the next try"


def test_an_altered_bundle(quick_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(quick_run / "bundle", bundle)
    weights = bundle / "network.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    said = refused(["predict", bundle, quick_run / "cohort.csv", "--out", tmp_path / "out"], "Altered", capsys)
    assert "network.safetensors" in said
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_written(
    hospitals: Hospitals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    inside = tmp_path / "file" / "run"
    plan = _plan(hospitals, tmp_path)
    for words in (["fit", plan, "--out", inside], ["inspect", hospitals.source, "--out", inside]):
        refused(words, "Unwritable", capsys)


def test_an_unknown_key_in_a_plan(hospitals: Hospitals, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = _plan(hospitals, tmp_path)
    plan.write_text(plan.read_text(encoding="utf-8").replace("batch_size", "batchsize"), encoding="utf-8")
    said = refused(["fit", plan, "--out", tmp_path / "run"], "UnknownKey", capsys)
    assert "training.batchsize" in said
    assert "Did you mean 'batch_size'?" in said
    assert not (tmp_path / "run").exists()


def test_an_unreadable_case_is_a_failed_row_and_exit_code_3(
    quick_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_hospital(tmp_path / "new", studies=12, seed=9)
    (folder / "images" / "004.png").write_bytes(b"")
    words: Words = ["predict", quick_run / "bundle", folder, "--out", tmp_path / "out"]
    said = refused(words, "FailedCases", capsys, exit_code=3)
    assert "004.png" in said
    table = mt.read_predictions(tmp_path / "out").table
    assert len(table) == 12
    assert list(table.loc[table["status"] == "failed", "study_id"]) == ["images/004.png"]
    assert main([str(word) for word in [*words, "--allow-failures", 1]]) == 0


def test_a_loss_that_is_not_finite_names_the_batch_and_keeps_the_checkpoint(
    hospitals: Hospitals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = _plan(hospitals, tmp_path)
    changes = ["preprocess.size=32", "training.min_steps=30", "training.batch_size=4", "training.clip_norm=1e30"]
    changes += [
        "training.checkpoint_seconds=0.0",
        "training.optimiser='sgd'",
        "training.learning_rate=1e18",
        "training.warm_up=0.0",
    ]
    words: Words = ["fit", plan, "--out", tmp_path / "run", *(w for c in changes for w in ("--set", c))]
    said = refused(words, "NotFinite", capsys, exit_code=1)
    assert "images/" in said
    state = read_state(tmp_path / "run")
    assert state is not None
    with safe_open(tmp_path / "run" / "checkpoint.safetensors", framework="np") as file:
        tensors = [file.get_tensor(key) for key in file.keys() if key.startswith("model.")]  # noqa: SIM118
    assert max(float(np.abs(tensor).max()) for tensor in tensors) < 1e6, "weights that gave a finite loss"
    assert not (tmp_path / "run" / "bundle").exists()


def test_values_that_only_the_training_can_judge(
    hospitals: Hospitals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = _plan(hospitals, tmp_path)
    for change, code in (
        ("training.device=abacus", "NoDevice"),
        ("policy.settings.backbone='fast'", "BadValue"),
        ("policy.settings.backbone=-1.0", "BadValue"),
        ("model.backbone=resnet5", "UnknownEntry"),
    ):
        refused(["fit", plan, "--out", tmp_path / "run", "--set", change, "--set", "preprocess.size=32"], code, capsys)
        assert not (tmp_path / "run" / "plan.toml").exists()
    refused(["plan", hospitals.target, "--labels-per-class", 1, "--out", tmp_path / "p.toml"], "BadValue", capsys)


def test_a_source_that_shares_patients_with_the_target(
    hospitals: Hospitals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words: Words = ["plan", hospitals.target, "--source", hospitals.target, "--backbone", "squeezenet1_1"]
    assert main([str(word) for word in [*words, "--out", tmp_path / "plan.toml"]]) == 0
    refused(["fit", tmp_path / "plan.toml", "--out", tmp_path / "run"], "SharedPatients", capsys)
    assert list((tmp_path / "run").iterdir()) == []


def test_the_app_says_at_once_what_is_wrong(
    quick_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app: Words = ["app", "--bundle", quick_run / "bundle"]
    refused([*app, "--studies", tmp_path / "nowhere"], "NotFound", capsys)
    refused([*app, "--port", 99999], "NoPort", capsys)
    refused(["app", "--bundle", tmp_path], "NotABundle", capsys)


def test_the_demo_says_at_once_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    refused(["demo", "--out", tmp_path / "file"], "Unwritable", capsys)
    refused(["demo", "--out", tmp_path / "new", "--weights", tmp_path / "no.pth"], "NotFound", capsys)
    refused(["demo", "--out", tmp_path], "NotEmpty", capsys)
    assert {path.name for path in tmp_path.iterdir()} == {"file"}


def test_an_edited_plan_is_not_overwritten(
    hospitals: Hospitals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words: Words = ["plan", hospitals.target, "--out", tmp_path / "plan.toml"]
    for _ in range(2):
        assert main([str(word) for word in words]) == 0, "the same plan again is no harm"
    text = (tmp_path / "plan.toml").read_text(encoding="utf-8").replace("epochs = 30", "epochs = 31")
    (tmp_path / "plan.toml").write_text(text, encoding="utf-8")
    refused(words, "PlanExists", capsys)
    assert (tmp_path / "plan.toml").read_text(encoding="utf-8") == text


def test_a_copy_of_the_target_under_another_name_is_no_source(
    hospitals: Hospitals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = edited(hospitals.target, tmp_path, lambda table: table.assign(patient_id="X" + table["patient_id"]))
    words: Words = ["plan", hospitals.target, "--source", copy, "--backbone", "squeezenet1_1"]
    assert main([str(word) for word in [*words, "--out", tmp_path / "plan.toml"]]) == 0
    assert "images" in refused(["fit", tmp_path / "plan.toml", "--out", tmp_path / "run"], "SharedPatients", capsys)


def test_with_json_an_error_is_one_json_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(tmp_path / "absent"), "--json"]) == 2
    said = json.loads(capsys.readouterr().out)["error"]
    assert (said["code"], said["exit_code"]) == ("NotFound", 2)
    assert said["hint"]


def test_a_plan_without_source_is_json_although_its_trade_off_is_infinite(
    hospitals: Hospitals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(hospitals.target), "--out", str(tmp_path / "plan.toml"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["values"]["objective"]["trade_off"] == "Infinity"

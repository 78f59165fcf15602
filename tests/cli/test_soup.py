"""The command, on two runs of one plan."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import medtransfer as mt
from medtransfer.cli.main import main
from medtransfer.core.config.toml import read_toml

if TYPE_CHECKING:
    from pathlib import Path

    from tiny import Hospitals


@pytest.fixture(scope="module")
def runs(quick_run: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two bundles that differ in the learning rate."""
    folder = tmp_path_factory.mktemp("runs") / "other"
    plan = read_toml(mt.Plan, quick_run / "plan.toml", changes=["training.learning_rate=3e-4"])
    return [str(quick_run / "bundle"), str(mt.fit(plan, out=folder, cache=quick_run / "cache").folder)]


@pytest.mark.parametrize("how", ["uniform", "greedy"])
def test_from_two_runs_to_the_evaluation_of_their_soup(
    runs: list[str], hospitals: Hospitals, quick_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    words = [*runs, "--how", how, "--validation", str(hospitals.target), "--out", str(tmp_path / "soup")]
    assert main(["soup", *words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert list(said) == ["bundle", "sha256", "how", "members", "log_loss", "operating_point", "operating_points"]
    assert [member["bundle"] for member in said["members"]] == runs
    assert any(member["kept"] for member in said["members"])
    bundle, cohort = mt.read_bundle(said["bundle"]), mt.read_cohort(quick_run / "cohort.csv")
    assert bundle.sha256 == said["sha256"]
    assert said["operating_point"]["chosen_on"] == "validation"
    assert mt.evaluate(mt.predict(bundle, cohort.split("test"))).flow.evaluated == 16
    for split in ("train", "validation"):
        with pytest.raises(mt.MedTransferError) as raised:
            mt.evaluate(mt.predict(bundle, cohort.split(split)))
        assert raised.value.code == "PatientInTraining"


def test_it_says_what_became_of_every_bundle(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["soup", *runs, "--out", str(tmp_path / "soup")]) == 0
    said = capsys.readouterr().out
    assert all(f"kept: {folder}" in said for folder in runs)
    assert main(["soup", *runs, "--out", str(tmp_path / "soup")]) == 2
    assert "[RunExists]" in capsys.readouterr().err
    assert main(["soup", "--out", str(tmp_path / "none")]) == 2
    assert "[TooFewBundles]" in capsys.readouterr().err

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tuned import tuning_of

from medtransfer.cli import main as cli
from medtransfer.core.config.plan import Plan
from medtransfer.core.config.toml import write_toml
from medtransfer.core.config.tuning import TuneConfig
from medtransfer.core.tuning_results import Tuning
from medtransfer.pipeline import tuning as room


@pytest.fixture
def plan_file(quick_plan: Plan, tmp_path: Path) -> Path:
    write_toml(quick_plan, tmp_path / "plan.toml")
    return tmp_path / "plan.toml"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Plan, TuneConfig, dict[str, object]]]:
    """Whatever is asked for is found at once."""
    calls: list[tuple[Plan, TuneConfig, dict[str, object]]] = []

    def tune(plan: Plan, *, config: TuneConfig, **others: object) -> Tuning:
        calls.append((plan, config, others))
        return tuning_of()

    monkeypatch.setattr(room, "tune", tune)
    return calls


def test_options_reach_the_search(
    plan_file: Path, asked: list[tuple[Plan, TuneConfig, dict[str, object]]], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "tune",
        str(plan_file),
        "--out",
        "there",
        "--trials",
        "9",
        "--folds",
        "3",
        "--repeats",
        "2",
        "--to-the-end",
    ]
    words += ["--search", "objective.trade_off=1,inf", "--search", "training.learning_rate=1e-4:1e-2:log", "--only"]
    words += ["--set", "training.batch_size=5", "--allow-failures", "2", "--cache", "kept"]
    assert cli.main(words) == 0
    ((plan, config, others),) = asked
    assert config == TuneConfig(
        search=("objective.trade_off=1,inf", "training.learning_rate=1e-4:1e-2:log"),
        only=True,
        trials=9,
        folds=3,
        repeats=2,
        prune=False,
    )
    assert plan.training.batch_size == 5
    assert others == {"out": Path("there"), "cache": Path("kept"), "allow_failures": 2, "quiet": False}
    printed = capsys.readouterr().out
    assert "is chosen: held-out log-loss 0.470" in " ".join(printed.split())
    assert "next: medtransfer fit there/plan.toml" in printed


def test_json_is_the_whole_search(
    plan_file: Path, asked: list[tuple[Plan, TuneConfig, dict[str, object]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["tune", str(plan_file), "--out", "there", "--json"]) == 0
    assert Tuning.model_validate(json.loads(capsys.readouterr().out)) == tuning_of()
    assert asked[0][2]["quiet"] is True


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--folds", "1"), "BadValue"),
        (("--search", "training.learning_rate=1e-2:1e-4"), "BadSearch"),
        (("--search", "model.backbone=resnet18,resnet50"), "NotSearched"),
        (("--set", "training.learning_rat=1"), "UnknownKey"),
    ],
)
def test_what_cannot_be_searched_ends_with_two(
    plan_file: Path, tmp_path: Path, words: tuple[str, ...], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main(["tune", str(plan_file), "--out", str(out), *words]) == 2
    assert f"[{code}]" in capsys.readouterr().err
    assert not out.exists()

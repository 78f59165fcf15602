"""The keys of every command's JSON object are those the README names."""

from __future__ import annotations

import ast
import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from medtransfer.cli.main import COMMANDS, main
from medtransfer.core.evaluated.comparison import Comparison
from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.core.results import Estimate
from medtransfer.core.tuning_results import Tuning
from medtransfer.reporting.points_text import point_facts
from medtransfer.reporting.rates import facts
from medtransfer.training.learning_rate import Suggestion
from tests.manifests import make_manifest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def documented() -> dict[str, list[str]]:
    """Command → keys, as the table says."""
    table = README.partition("<!-- json keys -->\n")[2].partition("\n\n")[0]
    rows = [re.fullmatch(r"\| `(\w+)` \| (.*) \|", line) for line in table.splitlines()[2:]]
    assert all(rows)
    return {row[1]: re.findall(r"`(\w+)`", row[2]) for row in rows if row}


def keys_in_source(command: str) -> list[str]:
    """The keys of the dictionary that the command's module passes as `facts`."""
    path = import_module(f"medtransfer.cli.{command}").__file__
    assert path is not None
    (facts,) = [
        node.value
        for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "facts"
    ]
    assert isinstance(facts, ast.Dict)
    found: list[str] = []
    for key, value in zip(facts.keys, facts.values, strict=True):
        if isinstance(key, ast.Constant):
            found.append(str(key.value))
        else:  # what `**` puts in: the only such function says itself what that is
            assert ast.unparse(value) == "point_facts(bundle.manifest)"
            found += point_facts(make_manifest())
    return found


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, object]:
    capsys.readouterr()
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_every_command_has_its_row() -> None:
    assert set(documented()) == set(COMMANDS)


def test_inspect_plan_and_doctor(hospitals, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = documented()
    assert list(said(capsys, "inspect", hospitals.source)) == table["inspect"]
    words = (hospitals.target, "--source", hospitals.source, "--backbone", "squeezenet1_1")
    assert list(said(capsys, "plan", *words, "--out", tmp_path / "plan.toml")) == table["plan"]
    assert list(said(capsys, "doctor")) == table["doctor"]


def test_from_fit_to_report(quick_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = documented()
    finished = said(capsys, "fit", quick_run / "plan.toml", "--out", quick_run, "--resume")
    assert list(finished) == table["fit"]
    words = (quick_run / "bundle", quick_run / "cohort.csv", "--split", "test", "--out", tmp_path / "test")
    assert list(said(capsys, "predict", *words)) == table["predict"]
    evaluation = said(capsys, "evaluate", tmp_path / "test", "--out", tmp_path / "report")
    assert list(evaluation) == table["evaluate"] == list(Evaluation.model_fields)
    assert evaluation["schema_version"] == 2
    assert evaluation == json.loads((tmp_path / "report" / "evaluation.json").read_text(encoding="utf-8"))
    assert list(said(capsys, "report", tmp_path / "report")) == table["report"]


@pytest.mark.parametrize("command", ["app", "demo", "soup"])
def test_commands_that_take_long_by_their_source(command: str) -> None:
    assert keys_in_source(command) == documented()[command]


def test_searches_say_what_their_records_hold() -> None:
    assert documented()["tune"] == list(Tuning.model_fields)
    assert documented()["compare"] == list(Comparison.model_fields)
    assert documented()["rate"] == list(facts(Suggestion(rate=None)))


def test_the_keys_of_an_estimate() -> None:
    sentence = re.search(r"An estimate has (.*?);", README, flags=re.DOTALL)
    assert sentence
    assert set(re.findall(r"`(\w+)`", sentence[1])) == set(Estimate.model_fields)

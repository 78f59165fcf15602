"""The README is true: its commands and its Python run, its tables are those of the code."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel
from tiny import QUICK

from medtransfer.cli.demo import generate
from medtransfer.cli.main import COMMANDS, main
from medtransfer.core.config.plan import Plan
from medtransfer.core.results import COHORT_COLUMNS, PREDICTION_COLUMNS, SPLITS
from medtransfer.models.weights.sidecar import Sidecar

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks as after `make demo`, with smaller hospitals."""
    folder = tmp_path_factory.mktemp("home")
    generate(
        folder / "runs/demo/sample_data", seed=0, source_patients=20, target_labelled=24, target_test=16, volumes=2
    )
    return folder


def test_commands_run_one_after_the_other(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As written, but for settings that make the training short."""
    monkeypatch.chdir(home)
    ran = []
    for line in "".join(blocks("bash")).splitlines():
        program, *words = shlex.split(line)
        assert program == "medtransfer"
        if words[0] == "plan":
            words += ["--backbone", "squeezenet1_1", *(word for change in QUICK for word in ("--set", change))]
        assert main(words) == 0, line
        ran.append(words[0])
    assert set(ran) == set(COMMANDS) - {"app", "demo", "reviews"}


def test_the_messy_folder_is_inspected_as_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The inspection of the committed folder prints what stands there, to the letter."""
    (shown,) = blocks("text")
    command, _, printed = shown.partition("\n")
    assert command.startswith("$ medtransfer inspect ")
    monkeypatch.chdir(Path(__file__).parents[1])
    assert main(shlex.split(command)[2:]) == 0
    assert capsys.readouterr().out.strip() == printed.strip()


def test_python_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    shutil.rmtree(home / "runs/python", ignore_errors=True)
    (text,) = blocks("python")
    short = text.replace('backbone="squeezenet1_1"', f'backbone="squeezenet1_1", changes={QUICK!r}')
    assert short != text
    exec(compile(short, "README.md", "exec"), {})
    assert (home / "runs/python/report/report.html").is_file()


def test_tables_are_those_of_the_code() -> None:
    for columns in (COHORT_COLUMNS, PREDICTION_COLUMNS):
        for name, meaning in columns.items():
            assert f"| `{name}` | {meaning} |" in README
    for name in SPLITS:
        assert re.search(rf"`{name}`\s\(", README)


def test_every_command_is_named() -> None:
    for command in COMMANDS:
        assert f"**{command}**" in README or f"medtransfer {command}" in README


def test_the_parts_of_a_plan_are_valid() -> None:
    shown: set[str] = set()
    for text in blocks("toml"):
        for name, values in tomllib.loads(text).items():
            room = Plan.model_fields[name].annotation
            assert isinstance(room, type)
            assert issubclass(room, BaseModel)
            room.model_validate(values)
            shown.add(name)
    assert shown == {"objective", "policy", "averaging", "read", "preprocess", "model", "training"}


def test_the_sidecar_is_whole() -> None:
    (text,) = blocks("json")
    assert Sidecar.model_validate_json(text).backbone == "resnet18"


def test_every_key_of_the_clinics_file_is_named() -> None:
    from apps.settings import Clinic

    (table,) = re.findall(r"<!-- clinic.toml -->\n(.*?)\n\n", README, flags=re.DOTALL)
    shown = "\n".join(re.findall(r"^\| `(.+?)` \|", table, flags=re.MULTILINE))
    values = tomllib.loads(shown)
    assert set(values) == set(Clinic.model_fields)
    Clinic.model_validate(values)


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)|<img src=\"([^\"]+)\"", README):
        assert (Path(__file__).parents[1] / "".join(link)).exists(), link

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import tyro

import medtransfer
from medtransfer.cli.main import COMMANDS, main
from medtransfer.data.isolation.pool import isolation_available


def run(*words: str | Path, expect: int = 0) -> None:
    code = main([str(word) for word in words])
    assert code == expect


def test_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    run("--help")
    said = capsys.readouterr().out
    for command in COMMANDS:
        assert f"\n  {command} " in said


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    run("--version")
    assert capsys.readouterr().out.strip() == medtransfer.__version__


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_that_parse(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert "Examples:" in capsys.readouterr().out
    module = import_module(f"medtransfer.cli.{command}")
    examples = re.findall(rf"^\s+medtransfer {command}(.*)$", module.__doc__ or "", flags=re.MULTILINE)
    assert examples
    for example in examples:
        tyro.cli(module.Arguments, args=example.split())
    assert {"json", "quiet", "debug", "out"} <= set(module.Arguments.__dataclass_fields__)


def test_a_misspelt_command_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    run("inspct", expect=2)
    assert "Did you mean 'inspect'?" in capsys.readouterr().err


def test_a_misspelt_flag_ends_with_2() -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["inspect", "somewhere", "--jsn"])
    assert stopped.value.code == 2


def test_help_is_quick_and_loads_no_torch() -> None:
    """A promise rather than a goal: at most 0.3 s of processor time, several times what is seen; median of three."""
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        code = "import sys; from medtransfer.cli.main import main; main(['--help']); assert 'torch' not in sys.modules"
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert sorted(seconds)[1] <= 0.3


def test_inspect_json_counts(hospitals, capsys: pytest.CaptureFixture[str]) -> None:
    run("inspect", hospitals.source, "--json")
    said = json.loads(capsys.readouterr().out)
    assert said["counts"] == {"inputs": 33, "read": 32, "excluded": 1, "failed": 0}
    assert said["cohort"]["per_class"] == {"normal": 16, "pneumonia": 16}


def test_the_commands_one_after_the_other(hospitals, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ("preprocess.size=32", "training.epochs=1", "training.min_steps=2", "training.batch_size=4")
    changes = [word for setting in (*settings, "training.precision=fp32") for word in ("--set", setting)]
    plan, out = tmp_path / "plan.toml", tmp_path / "run"
    run("plan", hospitals.target, "--source", hospitals.source, "--backbone", "squeezenet1_1", "--out", plan, *changes)
    assert "λ = 1" in plan.read_text(encoding="utf-8")
    run("fit", plan, "--out", out, "--json")
    capsys.readouterr()
    run("predict", out / "bundle", out / "cohort.csv", "--split", "test", "--out", out / "test", "--json")
    assert json.loads(capsys.readouterr().out)["studies"] == {"read": 16, "excluded": 0, "failed": 0}
    run("evaluate", out / "test", "--out", out / "report", "--json")
    assert json.loads(capsys.readouterr().out)["estimates"][0]["name"] == "AUROC"
    run("report", out / "report", "--out", tmp_path / "page")
    assert (tmp_path / "page" / "report.html").stat().st_size > 10_000


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    run("doctor", "--json")
    said = json.loads(capsys.readouterr().out)
    assert said["packages"]["torch"]
    assert said["syntaxes"]["JPEG 2000 Image Compression"] == "pylibjpeg-openjpeg"
    assert "resnet18" in said["catalogues"]["backbones"]
    assert not said["torchvision_imports"].startswith("no")
    assert said["isolated_decoding"] is isolation_available()
    run("doctor")
    assert "decoding: in " in capsys.readouterr().out


def test_quiet_says_nothing(hospitals, capsys: pytest.CaptureFixture[str]) -> None:
    run("inspect", hospitals.source, "--quiet")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_inspect_says_that_out_cannot_be_written_before_it_decodes(
    hospitals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def decoding(*_: object, **__: object) -> None:
        pytest.fail("it decoded first")

    monkeypatch.setattr("medtransfer.pipeline.story.inspect", decoding)
    (tmp_path / "file").touch()
    run("inspect", hospitals.source, "--out", tmp_path / "file", expect=2)
    assert "[Unwritable]" in capsys.readouterr().err


def test_inspect_makes_no_folder_where_there_is_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("inspect", tmp_path / "nothing", "--out", tmp_path / "nothing", expect=2)
    assert capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()


def test_an_interrupt_ends_with_130(hospitals, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("medtransfer.pipeline.story.inspect", interrupted)
    run("inspect", hospitals.source, expect=130)


def test_an_unexpected_error_is_one_calm_line_unless_debug(
    hospitals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        msg = "surprise\x1b[2J"
        raise RuntimeError(msg)

    monkeypatch.setattr("medtransfer.pipeline.story.inspect", broken)
    run("inspect", hospitals.source, expect=1)
    said = capsys.readouterr().err
    assert "unexpected RuntimeError: surprise" in said
    assert "Traceback" not in said
    run("inspect", hospitals.source, "--debug", expect=1)
    in_full = capsys.readouterr().err
    assert "Traceback" in in_full
    assert "\x1b" not in said + in_full

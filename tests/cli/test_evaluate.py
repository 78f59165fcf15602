"""`medtransfer evaluate` and `medtransfer report`: what they take, print, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from evaluations import pneumonia, readings

from medtransfer.cli.main import main
from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.evaluation.predictions_io import write_predictions

FEW = ("--replicates", "100")


@pytest.fixture(scope="module")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions of 177 studies, and what three readers said of them."""
    folder = tmp_path_factory.mktemp("predicted")
    write_predictions(pneumonia(), folder)
    readings().to_csv(folder / "readers.csv", index=False)
    return folder


def run(*words: str | Path, expect: int = 0) -> None:
    assert main([*map(str, words)]) == expect


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> Evaluation:
    capsys.readouterr()
    run("evaluate", *words, *FEW, "--json")
    return Evaluation.model_validate_json(capsys.readouterr().out)


def test_everything_that_can_be_asked(predicted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(
        capsys,
        *(predicted, "--truth", predicted / "readers.csv", "--consensus", "majority:anna"),
        *("--by", "age, site", "--prespecified", "sex", "--prevalence", "0.08", "--level", "patient"),
        *("--pooling", "max", "--reference", predicted, "--gallery", "--title", "North", "--seed", "3"),
    )
    assert [one.attribute for one in found.subgroups] == ["sex", "age", "site"]
    assert [one.prespecified for one in found.subgroups] == [True, False, False]
    assert found.prevalence == pytest.approx({"normal": 0.92, "pneumonia": 0.08})
    assert (found.level, found.title, found.provenance.seed) == ("patient", "North", 3)
    assert found.readers is not None
    assert found.readers.account.rule.reader == "anna"
    assert found.drift.against == "reference"
    assert found.errors


def test_by_class(predicted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shares = "normal=0.9,pneumonia=0.1"
    assert said(capsys, predicted, "--prevalence", shares).prevalence == {"normal": 0.9, "pneumonia": 0.1}


def test_nobody_is_named_unasked(predicted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("evaluate", predicted, *FEW)
    text = capsys.readouterr().out
    assert text.startswith("On 160 studies of 120 patients, the model ranks")
    for one in (text, said(capsys, predicted, "--by", "sex").model_dump_json()):
        assert "STUDY-" not in one
        assert "PATIENT-" not in one


def test_figures_first_and_the_page_from_them_later(
    predicted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("evaluate", predicted, *FEW, "--out", tmp_path / "out" / "page.html")
    assert f"report: {tmp_path / 'out' / 'page.html'}" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["page.html"]
    found = said(capsys, predicted)
    (tmp_path / "evaluation.json").write_text(found.model_dump_json(), encoding="utf-8")
    run("report", tmp_path, "--out", tmp_path / "again.html", "--json")
    assert json.loads(capsys.readouterr().out) == {"report": str(tmp_path / "again.html")}
    assert (tmp_path / "again.html").read_bytes() == (tmp_path / "out" / "page.html").read_bytes()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--by", "sexx"], "UnknownAttribute"),
        (["--prevalence", "eight"], "NotANumber"),
        (["--prevalence", "8"], "PrevalenceOutOfRange"),
        (["--consensus", "most"], "UnknownRule"),
        (["--truth", "nowhere.csv"], "NotFound"),
        (["--reference", "nowhere"], "NotFound"),
        (["--replicates", "3"], "TooFewReplicates"),
    ],
)
def test_what_cannot_be_used_ends_with_2(
    predicted: Path, words: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run("evaluate", predicted, *words, expect=2)
    assert f"[{code}]" in capsys.readouterr().err


def test_a_bundle_that_did_not_predict(
    predicted: Path, quick_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (predicted, *FEW, "--bundle", quick_run / "bundle", "--out", tmp_path / "report")
    run("evaluate", *words, expect=2)
    assert "[OtherBundle]" in capsys.readouterr().err
    assert not any((tmp_path / "report").glob("*"))

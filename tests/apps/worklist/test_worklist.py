"""The worklist as it is drawn: in order of arrival, nothing hidden silently, nothing sorted by score unasked."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import medtransfer as mt
from apps.worklist.rows import BY_SCORE, FAILED, UNCLAIMED
from medtransfer.core.results import Predictions
from medtransfer.evaluation.predictions_io import write_predictions
from tests.apps.test_app import open_study, read_study, texts

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from medtransfer.models.bundle import Bundle
    from tests.apps.conftest import OpenApp

Begin = Callable[..., "AppTest"]


@pytest.fixture
def begin(open_app: OpenApp, bundle: Bundle, studies: Path) -> Begin:
    for at, name in enumerate(("text.dcm", "good.dcm", "strange.dcm"), start=1):
        os.utime(studies / name, (at, at))
    return lambda *more: open_app("--bundle", bundle.folder, "--studies", studies, *more)


@pytest.fixture
def predicted(bundle: Bundle, tmp_path: Path) -> Callable[..., Path]:
    """Writes predictions of good, strange and text; the last one failed."""

    def write(bundle_sha256: str = bundle.sha256) -> Path:
        rows = [
            ("good", 0.2, "read", ""),
            ("strange", 0.9, "read", ""),
            ("text", None, "failed", "NotDicom: has no DICM"),
        ]
        table = pd.DataFrame(
            {
                "study_id": [row[0] for row in rows],
                "date": "2024-01-02",
                "split": "test",
                "truth": "",
                "probability_normal": [None if p is None else 1 - p for _, p, *_ in rows],
                "probability_pneumonia": [p for _, p, *_ in rows],
                "decision": "",
                "flags": "",
                "bundle_sha256": bundle_sha256,
                "status": [row[2] for row in rows],
                "error": [row[3] for row in rows],
                "attribute_modality": ["CR", "MG", ""],
            }
        )
        found = Predictions(
            table=table,
            classes=("normal", "pneumonia"),
            positive="pneumonia",
            operating_point=bundle.manifest.operating_point,
            bundle_sha256=bundle_sha256,
        )
        (tmp_path / "predictions").mkdir()
        write_predictions(found, tmp_path / "predictions")
        return tmp_path / "predictions"

    return write


def column(app: AppTest, name: str) -> dict[str, Any]:
    """Study → what the column says; empty where it is not drawn."""
    table = app.dataframe[0].value
    return dict(zip(table["Study"], table[name], strict=True)) if name in table else {}


def clinic(tmp_path: Path, said: str) -> tuple[str, Path]:
    (tmp_path / "clinic.toml").write_text(said)
    return "--clinic", tmp_path / "clinic.toml"


def test_studies_stand_in_order_of_arrival(begin: Begin) -> None:
    app = begin()
    assert not app.exception
    assert list(app.dataframe[0].value["Study"]) == ["text.dcm", "good.dcm", "strange.dcm", "two pictures"]
    assert "All 4 studies are shown." in texts(app)
    app.selectbox(key="worklist order").select("Arrival, newest first").run()
    assert next(iter(app.dataframe[0].value["Study"])) == "two pictures"
    assert len(app.dataframe[0].value) == 4


def test_what_is_left_out_is_counted_and_one_click_brings_it_back(begin: Begin) -> None:
    app = begin()
    app.text_input(key="worklist search").set_value("GOOD").run()
    assert list(app.dataframe[0].value["Study"]) == ["good.dcm"]
    assert "1 of 4 studies are shown: 3 are left out by search and filters." in texts(app)
    app = open_study(app, "good.dcm")
    app = app.switch_page("views/worklist.py").run()
    assert "1 of 4 studies are shown" in texts(app)  # it outlives the visit, and is said again
    next(button for button in app.button if button.label == "Show all").click().run()
    assert len(app.dataframe[0].value) == 4
    app.text_input(key="worklist search").set_value("nothing of this name").run()
    assert not app.dataframe
    assert "0 of 4 studies are shown" in texts(app)


def click(app: AppTest, row: int, *, older: int = 0) -> AppTest:
    """A click on "Open" in this row of the list as it was drawn last, or so many lists before."""
    number, _ = app.session_state["worklist drawn"]
    app.session_state[f"worklist open {number - older}"] = {"row": row, "label": "Open"}
    return app.run()


def test_a_click_opens_the_study_that_stood_there_though_the_list_has_changed(
    begin: Begin, studies: Path, tmp_path: Path
) -> None:
    app = begin()
    app.pills(key="worklist only").set_value([UNCLAIMED]).run()
    assert list(app.dataframe[0].value["Study"])[:3] == ["text.dcm", "good.dcm", "strange.dcm"]
    claimed = {"study": "text.dcm", "study_sha256": mt.study_sha256([studies / "text.dcm"])}
    with mt.Reviews(tmp_path / "reviews.sqlite") as reviews:
        reviews.append("claim", who="eva", **claimed, bundle_sha256="", shown={}, content={})
    app = click(app, 1)
    assert not app.exception
    assert app.session_state["open_study"] == "good.dcm"


def test_a_click_in_an_older_list_opens_nothing(begin: Begin) -> None:
    app = begin()
    app.text_input(key="worklist search").set_value("dcm").run()
    app = click(app, 1, older=1)
    assert not app.exception
    assert "open_study" not in app.session_state
    assert len(app.dataframe[0].value) == 3


def test_predictions_name_what_failed_and_what_is_out_of_scope(
    begin: Begin, predicted: Callable[..., Path], tmp_path: Path
) -> None:
    app = begin("--predictions", predicted())
    assert not app.exception
    noted = column(app, "To note")
    assert noted["text.dcm"].startswith("failed: it is not an image")
    assert noted["strange.dcm"] == "other modality: MG; text in the picture"
    assert column(app, "Score") == {}  # nobody has read anything yet
    app.pills(key="worklist only").set_value([FAILED]).run()
    assert list(app.dataframe[0].value["Study"]) == ["text.dcm", "two pictures"]  # one of the two holds no bytes


def test_before_anything_is_opened_its_header_says_what_is_wrong_with_it(begin: Begin, studies: Path) -> None:
    (studies / "IM0001").write_bytes(bytes(100))
    (studies / "report.docx").write_bytes(b"PK")
    (studies / "notes.txt").write_text("notes")
    app = begin()
    assert not app.exception
    noted = column(app, "To note")
    assert noted["text.dcm"].startswith("failed: it is not an image, or a damaged one")
    assert noted["IM0001"].startswith("failed: it is not an image, or a damaged one")
    assert noted["strange.dcm"] == "other modality: MG; text in the picture"
    assert noted["two pictures"] == "other modality: OT; 1 file not read"
    assert noted["good.dcm"] == ""
    assert "2 files of no image format are not listed: 1 .docx, 1 .txt." in texts(app)
    app.pills(key="worklist only").set_value([FAILED]).run()
    assert set(app.dataframe[0].value["Study"]) == {"text.dcm", "IM0001", "two pictures"}


def test_a_copy_counts_as_read_when_its_content_was_read(begin: Begin, studies: Path, tmp_path: Path) -> None:
    (studies / "again").mkdir()
    (studies / "again" / "copy.dcm").write_bytes((studies / "good.dcm").read_bytes())
    app = read_study(open_study(begin(), "good.dcm"), tmp_path / "reviews.sqlite")
    app = app.switch_page("views/worklist.py").run()
    read = column(app, "Read")
    assert (read["good.dcm"], read["again"]) == ("by me", "by me")
    assert read["strange.dcm"] == ""


def test_a_score_stands_beside_what_its_reader_has_read(
    begin: Begin, predicted: Callable[..., Path], tmp_path: Path, bundle: Bundle, studies: Path
) -> None:
    app = open_study(begin("--predictions", predicted()), "good.dcm")
    app = read_study(app, tmp_path / "reviews.sqlite").switch_page("views/worklist.py").run()
    scores = column(app, "Score")
    shown = mt.predict_study(mt.load_runtime(bundle), bundle, [studies / "good.dcm"]).probabilities["pneumonia"]
    assert scores["good.dcm"] == f"{shown:.2f} pneumonia"  # what was shown, not what the table says
    assert set(scores.values()) == {scores["good.dcm"], ""}
    assert column(app, "Read")["good.dcm"] == "by me"


def test_there_is_no_order_by_score_unless_the_clinic_asks_for_it(
    begin: Begin, predicted: Callable[..., Path], tmp_path: Path
) -> None:
    path = predicted()
    app = begin("--predictions", path)
    assert BY_SCORE not in app.selectbox(key="worklist order").options
    assert column(begin("--predictions", path, *clinic(tmp_path, 'reveal = "always"\n')), "Score") == {}
    said = clinic(tmp_path, 'triage = true\nreveal = "always"\n')
    app = begin("--predictions", path, *said)
    app.selectbox(key="worklist order").select(BY_SCORE).run()
    assert column(app, "Score") == {"good.dcm": "0.20 pneumonia", "text.dcm": "", "strange.dcm": "", "two pictures": ""}
    assert next(iter(app.dataframe[0].value["Study"])) == "good.dcm"
    assert len(app.dataframe[0].value) == 4


def test_predictions_of_another_bundle_are_not_shown(begin: Begin, predicted: Callable[..., Path]) -> None:
    app = begin("--predictions", predicted("0" * 64))
    assert not app.exception
    assert [element.value for element in app.warning] == [
        "The predictions were made by another bundle, and are not shown."
    ]
    assert len(app.dataframe[0].value) == 4


def test_altered_predictions_are_said_and_the_list_stays(begin: Begin, predicted: Callable[..., Path]) -> None:
    path = predicted()
    table = path / "predictions.csv"
    app = begin("--predictions", path)
    assert not app.warning
    table.write_text(table.read_text().replace("0.9", "0.1"))
    app.run()
    assert [element.value for element in app.warning] == ["The predictions cannot be used."]
    assert "SHA-256 differs" in texts(app)
    assert len(app.dataframe[0].value) == 4


def test_no_score_is_cut_and_no_column_is_blank(
    begin: Begin, predicted: Callable[..., Path], tmp_path: Path, studies: Path
) -> None:
    for name in ("text.dcm", "strange.dcm"):
        (studies / name).unlink()
    app = begin()
    assert "Score" not in app.dataframe[0].value
    assert "Read" not in app.dataframe[0].value
    app = begin("--predictions", predicted(), *clinic(tmp_path, 'triage = true\nreveal = "always"\n'))
    table = app.dataframe[0]
    assert all(any(table.value[name]) for name in table.value)
    wide = {name: column["width"] for name, column in json.loads(table.proto.columns).items() if "width" in column}
    assert wide["Score"] >= 105  # "0.20 pneumonia" in the table's letters, and the room beside it
    assert sum(wide.values()) <= 900  # what a window of 1,280 pixels has beside the screens' names


def test_a_long_reason_is_said_in_full_below_the_table(begin: Begin, studies: Path) -> None:
    (studies / "IM0003").write_bytes(bytes(100))
    app = begin()
    said = [line.value for line in app.expander[0].text]
    (line,) = (line for line in said if line.startswith("IM0003: "))
    assert line.startswith("IM0003: failed: it is not an image")
    assert line.endswith("from where it came.")

"""The screens of researchers show what the command line wrote, digit by digit; what is missing is one sentence."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from apps.research import outputs
from apps.research.charts import POINT, within
from apps.research.evaluated import ABSENT
from apps.research.outputs import find_outputs
from apps.research.parts.calibration import group_points
from apps.research.parts.discrimination import curve_points
from apps.research.parts.flow import flow_rows
from apps.research.parts.net_benefit import benefit_span, decision_points
from apps.research.parts.operating_point import confusion_cells
from apps.research.picking import chosen
from apps.research.plans import changed_keys, plan_keys, same_but_for_seed
from apps.research.run_table import SETTINGS
from apps.research.tables import ROOM, pixels, widths, without_same
from apps.research.trained import kept_epoch, run_rows, seed_rows
from apps.studies.places import place_of, places_of
from medtransfer.reporting.evaluation import read_evaluation
from medtransfer.reporting.run_folder import read_run
from medtransfer.reporting.screen import report_head, report_part
from tests.apps.contrast import contrast
from tests.apps.test_app import markup, shows_notice, texts

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest
    from streamlit.testing.v1.element_tree import Selectbox

    from medtransfer.models.bundle import Bundle
    from tests.apps.conftest import OpenApp

SCREENS = ("runs", "cohort", "evaluation")
HOSTILE = "<script>alert(1)</script>![x](http://127.0.0.1:9/b.png)"


def screen(open_app: OpenApp, bundle: Bundle, runs: Path, name: str) -> AppTest:
    app = open_app("--bundle", bundle.folder, "--runs", runs).switch_page(f"views/{name}.py").run()
    assert not app.exception
    return app


def part(app: AppTest, title: str) -> AppTest:
    """Choose a part of the report."""
    app = parts(app).set_value(title).run()
    assert not app.exception
    return app


def parts(app: AppTest) -> Selectbox:
    """The choice of a part."""
    return next(box for box in app.selectbox if box.label == "Part of the report")


def cells(app: AppTest) -> set[str]:
    """Every cell of every table, and what lies between the dots of a cell of several lines."""
    found = {str(cell) for table in app.dataframe for cell in table.value.to_numpy().ravel()}
    return found | {piece for cell in found for piece in cell.split(" · ")}


def read_json(path: Path) -> dict[str, object]:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SCREENS)
def test_folders_that_were_not_looked_through_are_not_kept_quiet(
    open_app: OpenApp, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for folder in ("a", "b", "c"):
        (tmp_path / "runs" / folder).mkdir(parents=True)
    assert "were looked through" not in texts(screen(open_app, bundle, tmp_path / "runs", name))
    outputs._found.clear()
    monkeypatch.setattr(outputs, "MOST_FOLDERS", 2)
    app = screen(open_app, bundle, tmp_path / "runs", name)
    assert "Only the first 2 folders were looked through" in texts(app)


@pytest.mark.parametrize("name", SCREENS)
def test_without_a_folder_of_runs_a_screen_says_so(
    open_app: OpenApp, bundle: Bundle, tmp_path: Path, name: str
) -> None:
    for arguments in ((), ("--runs", tmp_path / "nowhere"), ("--runs", tmp_path)):
        app = open_app("--bundle", bundle.folder, *arguments).switch_page(f"views/{name}.py").run()
        assert not app.exception
        assert shows_notice(app)
        assert len(app.warning) == 1
        assert "medtransfer" in texts(app)


@pytest.mark.parametrize("name", SCREENS)
def test_every_screen_has_the_notice_and_needs_no_bundle(open_app: OpenApp, runs: Path, name: str) -> None:
    app = open_app("--runs", runs).switch_page(f"views/{name}.py").run()
    assert not app.exception
    assert shows_notice(app)
    assert not app.warning


def test_the_headline_is_that_of_the_json(open_app: OpenApp, bundle: Bundle, runs: Path) -> None:
    app = screen(open_app, bundle, runs, "evaluation")
    said, evaluation = texts(app), read_evaluation(runs / "report")
    head = evaluation.estimates[0]
    page = (runs / "report" / "report.html").read_text(encoding="utf-8")
    assert f"{head.value:.3f}" in [metric.value for metric in app.metric]
    assert f"{head.low:.3f}–{head.high:.3f}" in said
    (verdict,) = (line for line in said.splitlines() if line.startswith("On 160 studies of "))
    assert verdict in page
    for warning in evaluation.warnings:
        assert warning in said


def test_every_overall_figure_is_that_of_the_csv(open_app: OpenApp, bundle: Bundle, runs: Path) -> None:
    table = part(screen(open_app, bundle, runs, "evaluation"), "All overall figures").dataframe[0].value
    with (runs / "report" / "estimates.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["where"] == "estimates"]
    assert len(rows) == len(table)
    for row, (_, shown) in zip(rows, table.iterrows(), strict=True):
        value = f"{float(row['value']):.3f}".replace("-", "−") if row["value"] else "not estimable"
        assert shown["Figure"].lower().replace("-", " ") == row["name"].lower().replace("_", " ").replace("-", " ")
        assert shown["Value"] == value
        assert shown["n"] == f"{int(row['n']):,}"
        if row["low"]:
            ends = [f"{float(row[end]):.3f}".replace("-", "−") for end in ("low", "high")]
            assert shown["95 % CI"] in {"–".join(ends), " to ".join(ends)}


def test_every_part_of_the_report_is_a_part_of_the_screen(open_app: OpenApp, bundle: Bundle, runs: Path) -> None:
    app = screen(open_app, bundle, runs, "evaluation")
    page = (runs / "report" / "report.html").read_text(encoding="utf-8")
    for name in parts(app).options:
        assert f">{name}</h2>" in page
        app = part(app, name)
        assert not app.warning
    assert page.count("<h2") - 3 == len(parts(app).options) - 1  # but for warnings, figures, made from


def test_figures_at_the_operating_point_are_those_of_the_json(open_app: OpenApp, bundle: Bundle, runs: Path) -> None:
    app = part(screen(open_app, bundle, runs, "evaluation"), "Operating point")
    operating = read_evaluation(runs / "report").operating
    assert operating is not None
    shown = cells(app)
    for one in operating.estimates:
        digits = {"LR+": 2, "number needed to evaluate": 1}.get(one.name, 3)
        assert f"{one.value:.{digits}f}".replace("-", "−") in shown
    for name, count in operating.confusion.model_dump().items():
        assert str(count) in shown, name


def test_points_of_the_charts_are_those_of_the_json_to_the_last_digit(runs: Path) -> None:
    said = json.loads((runs / "report" / "evaluation.json").read_text(encoding="utf-8"))
    evaluation = read_evaluation(runs / "report")
    (finding,) = evaluation.findings
    for name, recall in (("roc", False), ("precision_recall", True)):
        curve = finding.precision_recall if recall else finding.roc
        assert curve is not None
        points = curve_points(None, finding.of, curve, recall=recall)
        for column in ("x", "y", "low", "high"):
            assert points[column].tolist() == said["discrimination"][name][column]
    groups = group_points(evaluation.calibration)  # pyright: ignore[reportArgumentType]
    assert groups["x"].tolist() == [one["mean_probability"] for one in said["calibration"]["bins"]]
    assert groups["y"].tolist() == [one["observed"]["value"] for one in said["calibration"]["bins"]]
    useful = decision_points(None, finding.of, evaluation.usefulness[finding.of])
    assert useful["y"].tolist() == said["usefulness"][finding.of]["net_benefit"]["y"]
    assert useful["everyone"].tolist() == said["usefulness"][finding.of]["treat_all"]["y"]
    assert evaluation.operating is not None
    fields = confusion_cells(evaluation.operating).set_index("what")["studies"].to_dict()
    assert {str(name).replace(" ", "_"): count for name, count in fields.items()} == said["operating"]["confusion"]
    assert flow_rows(evaluation.flow)["Studies"].sum() == said["flow"]["inputs"]


@pytest.mark.parametrize(("name", "page"), [("light", "#ffffff"), ("dark", "#1c1f23")])
def test_words_of_the_reports_own_drawings_can_be_read(runs: Path, name: str, page: str) -> None:
    evaluation = read_evaluation(runs / "report")
    drawings = [
        one for heading in report_head(evaluation).headings for one in report_part(evaluation, heading).drawings
    ]
    for drawing in drawings:
        svg = getattr(drawing, name)
        inks = re.findall(r"<text[^>]*fill: (#[0-9a-f]{6})", svg)
        assert f"background:{page}" in svg
        assert len(inks) == svg.count("<text"), drawing.heading
        assert min(contrast(ink, page) for ink in inks) >= 4.5, drawing.heading


def test_nothing_is_drawn_outside_of_a_chart(runs: Path) -> None:
    evaluation = read_evaluation(runs / "report")
    record = next(iter(evaluation.usefulness.values()))
    points, (low, high) = decision_points(None, "pneumonia", record), benefit_span(record)
    assert not points["everyone"].between(low, high).all(), "acting on everyone falls far below zero"
    drawn = within(points, (low, high))
    for name in ("y", "everyone", "low", "high"):
        kept = drawn[name].dropna()
        assert kept.between(low, high).all()
        assert name in {"low", "high"} or kept.equals(points[name][kept.index]), "what is seen is not moved"
    pd.testing.assert_series_equal(drawn["y"].isna(), ~points["y"].between(low, high), check_names=False)


def test_tables_beside_charts_are_in_words(open_app: OpenApp, bundle: Bundle, runs: Path) -> None:
    app = screen(open_app, bundle, runs, "evaluation")
    raw = {"at", "x", "y", "low", "high", "truth", "call", "what", "is_right", "value", "note", "everyone"}
    for title in ("Discrimination", "Operating point", "Calibration", "Clinical usefulness", "Subgroups", "Sites"):
        app = part(app, title)
        heads = [str(name) for table in app.dataframe for name in table.value.columns]
        assert not raw.intersection(heads), title
    said = json.dumps([element.proto.spec for element in app.get("arrow_vega_lite_chart")])
    assert '"title": ""' not in said


def test_what_all_rows_share_is_said_once_and_no_other_column_goes() -> None:
    rows = pd.DataFrame({"Study": ["a", "b"], "Truth": ["pneumonia"] * 2, "Called": ["normal", "pneumonia"]})
    shown, said = without_same(rows, ("Truth", "Called", "Site"))
    assert (list(shown), said) == (["Study", "Called"], "Truth pneumonia")
    assert without_same(rows[:1], ("Truth",))[1] == ""


def test_no_cell_is_cut_where_there_is_room() -> None:
    rows = pd.DataFrame({"Figure": ["Positive likelihood ratio"], "Value": ["0.63"], "Note": ["by patient"]})
    wide, lines = widths(rows)
    assert lines == 1
    assert ROOM - len(wide) < sum(wide.values()) <= ROOM
    for name, width in wide.items():
        assert width > pixels(rows[name].iloc[0]), name
    rows = rows.assign(Note=["patient bootstrap, 2,000 replicates " * 4], Method=["effective sample size " * 4])
    wide, lines = widths(rows)
    assert lines == 3
    assert sum(wide.values()) <= ROOM
    for name, width in wide.items():
        assert lines * width > pixels(rows[name].iloc[0]), name


def test_an_error_leads_to_its_study(open_app: OpenApp, bundle: Bundle, runs: Path, tmp_path: Path) -> None:
    case = read_evaluation(runs / "report").errors[0].false_negatives[0]
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / f"{case.study_id}.dcm").write_bytes(b"x")
    app = open_app("--bundle", bundle.folder, "--runs", runs, "--studies", tmp_path / "studies")
    app = part(app.switch_page("views/evaluation.py").run(), "The most confident errors")
    (link,) = app.get("page_link")
    assert link.proto.query_string == f"study={case.study_id}.dcm"
    assert link.proto.label == "Open the study"


def test_predictions_that_are_gone_leave_the_figures(open_app: OpenApp, bundle: Bundle, runs: Path) -> None:
    (runs / "predictions" / "predictions.csv").unlink()
    app = screen(open_app, bundle, runs, "evaluation")
    assert ABSENT in texts(app)
    assert app.metric
    for title in ("Operating point", "Calibration", "Clinical usefulness", "Subgroups", "Sites"):
        app = part(app, title)


def test_a_damaged_evaluation_is_one_sentence_and_another_is_shown(
    open_app: OpenApp, bundle: Bundle, runs: Path
) -> None:
    (runs / "report" / "evaluation.json").write_text("{", encoding="utf-8")
    app = screen(open_app, bundle, runs, "evaluation")
    assert [element.value for element in app.warning] == ["This evaluation cannot be read."]
    app.selectbox[0].select_index(1).run()
    assert not app.exception
    assert not app.warning
    assert "Three kinds" in texts(app)


def test_counts_of_the_cohort_are_those_of_json_and_csv(open_app: OpenApp, bundle: Bundle, runs: Path) -> None:
    app, said = screen(open_app, bundle, runs, "cohort"), read_json(runs / "inspection" / "inspection.json")
    counts: dict[str, int] = said["counts"]  # pyright: ignore[reportAssignmentType]
    equation = f"{counts['inputs']:,} files = {counts['read']:,} read + {counts['excluded']:,} excluded"
    assert equation in texts(app)
    assert counts["inputs"] == counts["read"] + counts["excluded"] + counts["failed"]
    rows = app.dataframe[-1].value
    written = pd.read_csv(runs / "inspection" / "ledger.csv", dtype=str, keep_default_na=False)
    assert sorted(rows["path"]) == sorted(written["path"])
    assert rows["status"].value_counts().to_dict() == written["status"].value_counts().to_dict()
    assert "patient_id" not in rows
    summary: dict[str, int] = said["summary"]  # pyright: ignore[reportAssignmentType]
    assert [metric.value for metric in app.metric][:4] == [
        f"{summary[name]:,}" if summary[name] else "not said" for name in ("patients", "studies", "series", "items")
    ]
    assert len(app.image) == 1


def test_the_ledger_is_filtered_and_says_how_much_is_left(open_app: OpenApp, bundle: Bundle, runs: Path) -> None:
    app = screen(open_app, bundle, runs, "cohort")
    whole = app.dataframe[-1].value
    app.text_input[0].set_value(whole["path"].iloc[0]).run()
    kept = app.dataframe[-1].value
    assert 0 < len(kept) < len(whole)
    assert f"{len(kept):,} of {len(whole):,} rows" in texts(app)
    app.text_input[0].set_value("").run()
    box = next(one for one in app.selectbox if one.label == "Status")
    box.select("read").run()
    assert set(app.dataframe[-1].value["status"]) == {"read"}


def test_a_damaged_inspection_leaves_its_ledger_and_pictures(open_app: OpenApp, bundle: Bundle, runs: Path) -> None:
    (runs / "inspection" / "inspection.json").write_text("{", encoding="utf-8")
    app = screen(open_app, bundle, runs, "cohort")
    assert [element.value for element in app.warning] == ["This inspection cannot be read."]
    assert len(app.image) == 1
    assert len(app.dataframe[-1].value)
    (runs / "inspection" / "ledger.csv").write_text("x", encoding="utf-8")
    (runs / "inspection" / "contact_sheet.png").write_bytes(b"x")
    app.run()
    assert not app.exception
    assert "The contact sheet cannot be shown: inspect again." in texts(app)
    assert "ledger" in texts(app)


def test_a_share_is_written_in_one_way(open_app: OpenApp, bundle: Bundle, runs: Path) -> None:
    app = screen(open_app, bundle, runs, "evaluation")
    (share,) = (one.value for one in read_evaluation(runs / "report").estimates if one.name == "prevalence")
    assert share is not None
    for title, said in (("Operating point", "{} of these studies"), ("Clinical usefulness", "at a prevalence of {},")):
        assert said.format(f"{share:.3f}") in texts(part(app, title)), title
    assert f"{share:.3f}" in [metric.value for metric in app.metric]


def test_what_was_measured_stands_whole_in_a_table_of_its_own(
    open_app: OpenApp, bundle: Bundle, runs: Path, tmp_path: Path
) -> None:
    manifest = (runs / "runs" / "longer" / "bundle" / "bundle.json").read_bytes()
    for name in ("report", "three"):
        text = (runs / name / "evaluation.json").read_text(encoding="utf-8")
        own = json.loads(text)["provenance"]["bundle_sha256"]
        told = text.replace(own, hashlib.sha256(manifest).hexdigest())
        (runs / name / "evaluation.json").write_text(told, encoding="utf-8")
    app = screen(open_app, bundle, runs, "runs")
    table = next(table.value for table in app.dataframe if "Report" in table.value.columns)
    assert table["Report"].tolist() == ["Hospital B", "Three kinds"]
    assert set(table["Run"]) == {"runs/longer"}
    assert table["Value and interval"].tolist() == [
        str(f"{read_evaluation(runs / name).estimates[0]}") for name in ("report", "three")
    ]


def test_nothing_that_is_missing_is_called_none(open_app: OpenApp, bundle: Bundle, runs: Path) -> None:
    (runs / "runs" / "longer" / "history.csv").unlink()
    for name in SCREENS:
        for table in screen(open_app, bundle, runs, name).dataframe:
            known = table.value.notna().all(axis=None)
            assert known or table.proto.placeholder == "–", name


def test_a_digest_is_shortened_and_a_name_is_not(
    open_app: OpenApp, bundle: Bundle, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = "0123456789abcdef" * 4
    changed = pd.DataFrame(
        [("start.sha256", digest, "other"), ("name", "a" * 39, "b")], columns=["Key", "first", "second"]
    )
    monkeypatch.setattr("apps.research.plans.changed_keys", lambda *_: changed)
    monkeypatch.setattr("apps.research.run_table.choose_runs", lambda _: ["runs/longer", "runs/seed 1"])
    shown = cells(screen(open_app, bundle, runs, "runs"))
    assert {f"{digest[:12]}…", "a" * 39} <= shown
    assert digest not in shown


def test_runs_are_listed_with_their_own_figures(open_app: OpenApp, bundle: Bundle, runs: Path) -> None:
    app = screen(open_app, bundle, runs, "runs")
    table = run_rows({f"runs/{name}": read_run(runs / "runs" / name) for name in ("longer", "seed 0", "seed 1")})
    shown, same = without_same(table, SETTINGS)
    pd.testing.assert_frame_equal(app.dataframe[0].value, shown, check_dtype=False)
    assert f"The same in all: {same}." in texts(app)
    table = table.set_index("Run")
    assert list(table.index) == ["runs/longer", "runs/seed 0", "runs/seed 1"]
    for name, row in table.iterrows():
        history = pd.read_csv(runs / str(name) / "history.csv")
        best = int(history["validation_log_loss"].to_numpy().argmin())
        assert row["Validation log-loss"] == history["validation_log_loss"][best]
        assert row["Kept"] == best + 1
        assert row["Validation AUROC"].startswith(f"{history['validation_auroc'][best]:.3f}")
        manifest = read_json(runs / str(name) / "bundle" / "bundle.json")
        assert row["Epochs"] == manifest["training"]["epochs"]  # pyright: ignore[reportIndexIssue]
    assert "(" in table["Validation AUROC"].iloc[0], "no figure without its interval"


def test_one_run_shows_the_words_of_its_page(open_app: OpenApp, bundle: Bundle, runs: Path) -> None:
    app = screen(open_app, bundle, runs, "runs")
    page = (runs / "runs" / "longer" / "training.html").read_text(encoding="utf-8")
    for heading in ("The objective", "What the terms did", "Who took part"):
        assert heading in [element.value for element in app.subheader]
        assert f"<h2>{heading}</h2>" in page
    objective = next(table.value for table in app.dataframe if "Weight in J" in table.value.columns)
    for row in objective.itertuples(index=False, name=None):
        assert row[0] in texts(app)
        for cell in row:
            assert f">{cell}</" in page
    for note in read_run(runs / "runs" / "longer").record.notes:  # pyright: ignore[reportOptionalMemberAccess]
        assert note in texts(app)


def test_two_plans_are_compared_key_by_key(
    open_app: OpenApp, bundle: Bundle, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.research.run_table.choose_runs", lambda _: ["runs/longer", "runs/seed 1"])
    app = screen(open_app, bundle, runs, "runs")
    changed = next(table.value for table in app.dataframe if "Key" in table.value.columns)
    assert list(changed.itertuples(index=False, name=None)) == [("seed", "0", "1"), ("training.epochs", "4", "3")]
    total = len(plan_keys(read_run(runs / "runs" / "longer").plan))  # pyright: ignore[reportArgumentType]
    assert f"2 keys differ, {total - 2} are the same." in texts(app)


def test_seeds_are_put_together_and_nothing_else_is(runs: Path) -> None:
    some = [read_run(runs / "runs" / name) for name in ("longer", "seed 0", "seed 1")]
    (group,) = same_but_for_seed(some)
    assert [run.folder.name for run in group] == ["seed 0", "seed 1"]
    rows = seed_rows(group, {}).set_index("Figure")
    losses = [float(kept_epoch(run).validation_log_loss) for run in group]  # pyright: ignore[reportOptionalMemberAccess, reportArgumentType]
    assert rows.loc["Validation log-loss", "Mean"] == pytest.approx(sum(losses) / 2)
    low, high = sorted(losses)
    assert rows.loc["Validation log-loss", "Standard deviation"] == pytest.approx((high - low) / math.sqrt(2))
    assert changed_keys(group[0].plan, group[0].plan).empty  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", ["plan.toml", "terms.csv", "history.csv", "bundle/bundle.json"])
def test_a_damaged_file_of_a_run_is_one_sentence(open_app: OpenApp, bundle: Bundle, runs: Path, name: str) -> None:
    (runs / "runs" / "longer" / name).write_bytes(b"\xff{")
    app = screen(open_app, bundle, runs, "runs")
    assert f"runs/longer: {Path(name).name} cannot be read" in texts(app)
    assert len(app.dataframe[0].value) == 3


def test_foreign_names_stay_text(open_app: OpenApp, bundle: Bundle, runs: Path) -> None:
    report = runs / "report" / "evaluation.json"
    text = report.read_text(encoding="utf-8")
    for word in ("pneumonia", "north", "Hospital B", "sex", "Truncated"):
        text = text.replace(f'"{word}"', json.dumps(HOSTILE + word, ensure_ascii=False))
    report.write_text(text, encoding="utf-8")
    (runs / "runs" / "longer").rename(runs / "runs" / HOSTILE.replace("/", "_"))
    app = screen(open_app, bundle, runs, "evaluation")
    options = list(parts(app).options)
    for title in options:
        app = part(app, title)
        shown = markup(app) + "".join(options)
        assert "<script>" not in shown
        assert "![x]" not in shown
    assert HOSTILE in texts(screen(open_app, bundle, runs, "evaluation"))
    app = screen(open_app, bundle, runs, "runs")
    assert "<script>" not in markup(app)
    assert any("script" in str(cell) for cell in app.dataframe[0].value["Run"])


def test_outputs_are_known_by_their_files_and_links_are_not_entered(runs: Path, tmp_path: Path) -> None:
    (runs / "link").symlink_to(tmp_path)
    (runs / ".hidden").mkdir()
    (runs / ".hidden" / "evaluation.json").write_text("{}", encoding="utf-8")
    found = find_outputs(runs)
    assert [found.name(one) for one in found.runs] == ["runs/longer", "runs/seed 0", "runs/seed 1"]
    assert [found.name(one) for one in found.evaluations] == ["report", "three"]
    assert [found.name(one) for one in found.inspections] == ["inspection"]
    assert [found.name(one) for one in found.predictions] == ["predictions"]
    assert found.name(found.root) == runs.name


def test_a_choice_in_the_chart_comes_before_one_in_the_table() -> None:
    nothing, first = {"selection": {POINT: []}}, {"selection": {POINT: [{"at": 1}]}}
    row, none = {"selection": {"rows": [2]}}, {"selection": {"rows": []}}
    assert chosen(first, row, 3) == 1
    assert chosen(nothing, row, 3) == 2
    assert chosen(nothing, none, 3) is None
    assert chosen({"selection": {POINT: [{"at": 7}]}}, none, 3) is None
    assert chosen({"selection": {}}, none, 3) is None


def test_a_study_is_found_by_its_name_where_that_is_one_studys_alone() -> None:
    places = places_of((name, ()) for name in ("images/A-1.dcm", "b/A-2.dcm", "c/A-2.dcm", "folder"))
    assert place_of("A-1", places) == "images/A-1.dcm"
    assert place_of("A-2", places) is None
    assert place_of("c/A-2.dcm", places) == "c/A-2.dcm"
    assert place_of("folder", places) == "folder"
    assert place_of("../A-1", places) == "images/A-1.dcm"
    assert place_of("other", places) is None

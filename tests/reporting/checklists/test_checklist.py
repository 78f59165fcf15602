from __future__ import annotations

import csv
import html
import io
import re
from pathlib import Path
from typing import Any

import pytest
from manifests import make_manifest, make_plan
from markdown_it import MarkdownIt

from medtransfer.core.config.models import ModelConfig
from medtransfer.core.config.training import TrainingConfig
from medtransfer.core.errors import ConfigError
from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.core.evaluated.readers import ConsensusRule
from medtransfer.core.inert import visible
from medtransfer.core.results import Confusion, Flow
from medtransfer.evaluation.calibration.one_finding import nothing
from medtransfer.models.bundle import Calibrator, Manifest
from medtransfer.reporting import sections
from medtransfer.reporting.checklists.answers import answer, names
from medtransfer.reporting.checklists.checklist import CHECKLISTS, Row, filled, read_checklist
from medtransfer.reporting.checklists.files import (
    COLUMNS,
    PAGE,
    checklist_csv,
    checklist_markdown,
    checklists_page,
    write_checklists,
)
from medtransfer.reporting.checklists.known import Known
from medtransfer.reporting.evaluation import render_evaluation

LETTERS: dict[str, dict[int, str]] = {
    "tripod_ai": {
        3: "abc",
        5: "ab",
        6: "abc",
        8: "abc",
        9: "abc",
        12: "abcdefg",
        18: "abcdef",
        20: "abc",
        23: "ab",
        27: "abc",
    },
    "claim_2024": {},
    "stard_ai": {15: "abcd", 16: "abc", 17: "ab", 26: "ab", 40: "ab"},
}
"""Items that have parts, as the guidelines number them."""

ITEMS = {"tripod_ai": (27, 52), "claim_2024": (44, 44), "stard_ai": (40, 48)}

SECTIONS = {
    "spectrum": "Who the studies are of",
    "sites": "Sites",
    "subgroups": "Subgroups",
    "readers": "Reference standard and readers",
}

CARD = "Model card"


@pytest.fixture(scope="module")
def evaluation(read_by_three: Evaluation) -> Evaluation:
    """With readers behind its truth, so that every answer has something to say."""
    return read_by_three


def known(evaluation: Evaluation, **changes: Any) -> Known:
    fields: dict[str, Any] = {"evaluation": evaluation, "manifest": make_manifest(), "sections": SECTIONS}
    return Known(**(fields | changes))


@pytest.mark.parametrize("name", CHECKLISTS)
def test_every_item_is_there_once_and_in_order(name: str) -> None:
    main, rows = ITEMS[name]
    expected = [f"{n}{letter}" for n in range(1, main + 1) for letter in LETTERS[name].get(n, [""])]
    assert len(expected) == rows
    assert [item.number for item in read_checklist(name).items] == expected


@pytest.mark.parametrize("name", CHECKLISTS)
def test_items_name_answers_that_there_are(name: str) -> None:
    items = read_checklist(name).items
    for item in items:
        assert set(item.answers) <= set(names())
        assert item.subject == item.subject.strip()
        assert not item.left.endswith(".")
    assert {one for item in items for one in item.answers}


def test_every_answer_answers_some_item() -> None:
    used = {one for name in CHECKLISTS for item in read_checklist(name).items for one in item.answers}
    assert used == set(names())


def test_there_is_no_other_checklist() -> None:
    with pytest.raises(ConfigError) as error:
        read_checklist("strobe")
    assert error.value.code == "UnknownChecklist"


@pytest.mark.parametrize("name", CHECKLISTS)
def test_items_name_parts_that_a_report_can_have(name: str) -> None:
    there = {path.stem for path in Path(sections.__file__).parent.glob("*.py")}
    assert {one for item in read_checklist(name).items for one in item.sections} <= there


def test_answers_point_to_headings_of_the_report(evaluation: Evaluation) -> None:
    headings = set(re.findall(r"<h2[^>]*>([^<]*)</h2>", render_evaluation(evaluation)))
    found = [one for name in names() if (one := answer(name, known(evaluation))) is not None]
    assert {one.where for one in found} <= {*headings, CARD}


OTHER_FLOW = Flow(
    inputs=83, excluded={"x": 2}, failed={}, unlabelled=1, evaluated=80, per_class={"normal": 50, "pneumonia": 30}
)
CHANGES: dict[str, dict[str, Any]] = {
    "architecture": {"manifest": {"members": lambda m: (m.members[0].model_copy(update={"backbone": "densenet121"}),)}},
    "calibrated": {"evaluation": {"calibration": nothing("pneumonia")}},
    "cautions": {"evaluation": {"warnings": ("Another thing.",)}},
    "cross_table": {
        "operating": {"confusion": Confusion(true_positive=1, false_positive=2, false_negative=3, true_negative=74)}
    },
    "data_used": {"training": {"studies": {"target": {"normal": 1, "pneumonia": 2}}}},
    "development_size": {"training": {"studies": {"target": {"normal": 1, "pneumonia": 2}}}},
    "disjoint": {"evaluation": {"warnings": ("Some patients are unknown",)}},
    "ensemble": {"manifest": {"members": lambda m: m.members * 2}},
    "exclusions": {"evaluation": {"flow": OTHER_FLOW}},
    "flow": {"evaluation": {"flow": OTHER_FLOW}},
    "identity": {"provenance": {"seed": 99}},
    "imbalance": {"plan": {"training": TrainingConfig(imbalance="focal")}},
    "indeterminate": {"account": {"tied": 2}},
    "initialisation": {"plan": {"model": ModelConfig(weights="imagenet")}},
    "intervals": {"estimates": {"level": 0.9}},
    "measures": {"estimates": {"name": "another figure"}},
    "missing": {"evaluation": {"flow": OTHER_FLOW}},
    "objective": {"plan": {"sources": {}}},
    "outputs": {"evaluation": {"operating": None}},
    "partition": {"training": {"plan": {"split": {"validation": 0.3, "test": 0.1}}}},
    "performance": {"estimates": {"value": 0.123}},
    "preprocessing": {"manifest": {"preprocess": lambda m: m.preprocess.model_copy(update={"size": 99})}},
    "recalibration": {
        "manifest": {
            "calibrator": lambda _: Calibrator(name="platt", parameters={}, fitted_on="calibration", studies=9),
        }
    },
    "reference": {"account": {"rule": ConsensusRule(rule="unanimous")}},
    "sample": {"evaluation": {"flow": OTHER_FLOW}},
    "selection": {"training": {"best_epoch": None}},
    "software": {"provenance": {"packages": {"numpy": "3"}}},
    "threshold": {"evaluation": {"operating": None}},
    "trained_spectrum": {"training": {"spectrum": None}},
    "training": {"training": {"steps": 7}},
    "variability": {"agreement": {"value": 0.2}},
}
"""Of each answer, a change of what it is derived from."""


def changed(before: Known, change: dict[str, Any]) -> Known:
    evaluation, manifest = before.evaluation, before.manifest
    readers, operating = evaluation.readers, evaluation.operating
    assert manifest is not None
    assert readers is not None
    assert operating is not None
    for place, update in change.items():
        if place == "evaluation":
            evaluation = evaluation.model_copy(update=update)
        elif place == "provenance":
            evaluation = evaluation.model_copy(update={place: evaluation.provenance.model_copy(update=update)})
        elif place == "operating":
            evaluation = evaluation.model_copy(update={place: operating.model_copy(update=update)})
        elif place == "estimates":
            shown = tuple(one.model_copy(update=update) for one in evaluation.estimates)
            evaluation = evaluation.model_copy(update={place: shown})
        elif place == "manifest":
            manifest = manifest.model_copy(update={key: make(manifest) for key, make in update.items()})
        elif place == "training":
            manifest = make_manifest(training=update)
        elif place == "plan":
            manifest = make_manifest(make_plan(**update))
        elif place == "account":
            other = readers.model_copy(update={place: readers.account.model_copy(update=update)})
            evaluation = evaluation.model_copy(update={"readers": other})
        else:
            (asked,) = readers.agreement
            shown = tuple(one.model_copy(update=update) for one in asked.estimates)
            other = readers.model_copy(update={"agreement": (asked.model_copy(update={"estimates": shown}),)})
            evaluation = evaluation.model_copy(update={"readers": other})
    return Known(evaluation=evaluation, manifest=manifest, sections=before.sections)


@pytest.mark.parametrize("name", names())
def test_every_answer_follows_what_it_is_derived_from(name: str, evaluation: Evaluation) -> None:
    before = known(evaluation)
    after = changed(before, CHANGES[name])
    first, second = answer(name, before), answer(name, after)
    assert first is not None
    assert first.text
    assert first.where
    assert second is None or second.text != first.text


def test_without_manifest_and_readers_less_is_known(evaluation: Evaluation) -> None:
    bare = Known(evaluation=evaluation.model_copy(update={"readers": None}))
    unknown = {name for name in names() if answer(name, bare) is None}
    assert {"architecture", "disjoint", "reference", "variability", "training"} <= unknown
    assert {"flow", "performance", "missing", "software"} & unknown == set()


def rows_of(name: str, evaluation: Evaluation, **others: Any) -> dict[str, Row]:
    return {row.number: row for row in filled(read_checklist(name), evaluation, **others)}


@pytest.mark.parametrize("name", CHECKLISTS)
def test_states_are_honest(name: str, evaluation: Evaluation) -> None:
    everything = {"manifest": make_manifest(), "sections": SECTIONS}
    rows = rows_of(name, evaluation, **everything)
    assert {row.state for row in rows.values()} == {"filled", "in part", "left"}
    for row in rows.values():
        assert (row.state == "left") == (row.answer == "")
        assert bool(row.where) == bool(row.answer)
        assert bool(row.to_add) == (row.state != "filled")
    fewer = rows_of(name, evaluation.model_copy(update={"readers": None}))
    for number, row in fewer.items():
        assert row.state == "left" or rows[number].state != "left", "knowing more never loses an answer"
    assert sum(row.state == "filled" for row in fewer.values()) < sum(row.state == "filled" for row in rows.values())


def test_what_only_people_know_is_left_to_them(evaluation: Evaluation) -> None:
    everything = {"manifest": make_manifest(), "sections": SECTIONS}
    for name, numbers in {
        "tripod_ai": ["1", "2", "3a", "8b", "8c", "17", "18a", "18b", "18c", "18d", "18e", "19", "25"],
        "claim_2024": ["1", "2", "5", "11", "15", "31", "34", "41", "44"],
        "stard_ai": ["1", "5", "6", "10", "16b", "17a", "27", "32", "35", "36", "38", "39"],
    }.items():
        rows = rows_of(name, evaluation, **everything)
        assert [rows[number].state for number in numbers] == ["left"] * len(numbers)


def test_a_section_of_the_report_answers(evaluation: Evaluation) -> None:
    assert rows_of("tripod_ai", evaluation)["23b"].state == "left"
    row = rows_of("tripod_ai", evaluation, sections={"sites": "Site by site"})["23b"]
    assert (row.state, row.where) == ("filled", "Site by site")


def test_an_evaluation_without_a_positive_class(
    multi_class: Evaluation, multi_label: Evaluation, ordinal: Evaluation
) -> None:
    for evaluation in (multi_class, multi_label, ordinal):
        for name in CHECKLISTS:
            assert len(rows_of(name, evaluation)) == ITEMS[name][1]
        assert rows_of("stard_ai", evaluation)["30"].state == ("filled" if evaluation is multi_label else "left")


HOSTILE = (
    "<script>alert(1)</script>",
    "=HYPERLINK(1)",
    "a | b",
    "{{ 7 * 7 }}",
    "a\x1b[2Jb\u202e",
    "![x](http://e.example)",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_strings_of_users_are_inert(evaluation: Evaluation, text: str) -> None:
    spiked = evaluation.model_copy(update={"warnings": (text,), "classes": ("normal", text)})
    checklist = read_checklist("tripod_ai")
    rows = filled(checklist, spiked, make_manifest())
    page = checklists_page([(checklist, rows)])
    assert "<script" not in page
    assert "\x1b" not in page
    assert html.escape(visible(text)).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page
    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(checklist_markdown(checklist, rows))
    assert [token.type for token in tokens].count("td_open") == 7 * len(rows)
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "text_special"}
    cells = [cell for row in csv.reader(io.StringIO(checklist_csv(rows))) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_files(evaluation: Evaluation, tmp_path: Path) -> None:
    paths = write_checklists(tmp_path / "lists", evaluation, make_manifest(), sections=SECTIONS)
    assert sorted(path.name for path in paths) == sorted(
        [PAGE, *(f"{name}{suffix}" for name in CHECKLISTS for suffix in (".csv", ".md"))]
    )
    for name in CHECKLISTS:
        content = (tmp_path / "lists" / f"{name}.csv").read_text(encoding="utf-8")
        rows = list(csv.DictReader(io.StringIO(content)))
        assert tuple(rows[0]) == COLUMNS
        assert len(rows) == ITEMS[name][1]
    page = (tmp_path / "lists" / PAGE).read_text(encoding="utf-8")
    assert "//" not in page
    again = write_checklists(tmp_path / "again", evaluation, make_manifest(), sections=SECTIONS)
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]


def test_no_manifest_says_nothing_of_its_places(evaluation: Evaluation) -> None:
    manifest: Manifest = make_manifest()
    for name in CHECKLISTS:
        assert "/secret" not in "".join(row.answer for row in filled(read_checklist(name), evaluation, manifest))

from __future__ import annotations

import html
from typing import Any

import pytest
from evaluations import label_points, of_one
from manifests import BUNDLE, make_manifest, make_plan
from markdown_it import MarkdownIt
from questions import LABELS

from medtransfer.core.config.transfer import AveragingConfig, ObjectiveConfig
from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.core.inert import visible
from medtransfer.models.bundle import Calibrator
from medtransfer.reporting.method_words import objective
from medtransfer.reporting.model_card import card_parts, model_card, model_card_page
from medtransfer.reporting.words import RESEARCH_USE, interval, number


def said(part: str, evaluation: Evaluation | None = None, sha256: str = BUNDLE, **changes: Any) -> str:
    found = {one.heading: one for one in card_parts(make_manifest(**changes), sha256, evaluation)}[part]
    return " ".join([*found.sentences, *(cell for row in found.rows for cell in row)])


def test_every_part_is_on_both(evaluation: Evaluation) -> None:
    markdown, page = (made(make_manifest(), BUNDLE, evaluation) for made in (model_card, model_card_page))
    for part in card_parts(make_manifest(), BUNDLE, evaluation):
        assert f"\n## {part.heading}\n" in markdown
        assert f"<h2>{part.heading}</h2>" in page
    assert RESEARCH_USE in markdown
    assert "//" not in page
    assert model_card(make_manifest(), BUNDLE, evaluation) == markdown
    assert "/secret" not in markdown


def test_training_data() -> None:
    words = said("Training data")
    for expected in (
        "30 pneumonia",
        "other_hospital",
        "hospital A",
        "DX",
        "70 labelled studies of 61 patients",
        "F 40, M 28",
    ):
        assert expected in words
    assert "mean 52.5 (SD 14); median 55; 90 % between 20 and 88" in words
    assert "was not kept" in said("Training data", training={"spectrum": None})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["λ = 2", "other_hospital", "mmd on features of both domains (strength 0.1)", "l2_sp on parameters"]),
        ({"sources": {}}, ["no source"]),
        ({"objective": ObjectiveConfig(trade_off=float("inf"))}, ["λ = ∞", "Ω is 0"]),
        ({"objective": ObjectiveConfig(trade_off=0.0)}, ["λ = 0", "alone"]),
        ({"objective": ObjectiveConfig(trade_off=3.0, trade_off_start=0.5, ramp=0.4)}, ["from 0.5", "40%"]),
        ({"objective": ObjectiveConfig(instances={"kmm": {}})}, ["weighed by kmm, through their loss"]),
        ({"averaging": AveragingConfig(name="ema")}, ["average ema"]),
    ],
)
def test_the_objective_in_words(changes: dict[str, Any], expected: list[str]) -> None:
    words = " ".join(objective(make_manifest(make_plan(**changes))))
    for part in expected:
        assert part in words


def test_a_plan_of_another_time_says_less_and_nothing_wrong(evaluation: Evaluation) -> None:
    for plan in (
        {},
        {"objective": {"trade_off": "Infinity"}, "sources": {"a": {}}},
        {"objective": None, "sources": {"a": {}}},
    ):
        manifest = make_manifest(training={"plan": plan})
        assert model_card(manifest, BUNDLE, evaluation)
        assert (
            objective(manifest) == ()
            if "objective" not in plan or plan["objective"] is None
            else "∞" in objective(manifest)[0]
        )
    half = make_manifest(training={"plan": {"objective": {}, "sources": {"a": {}}}})
    assert "λ =" not in " ".join(objective(half))


def test_figures_follow_the_evaluation(evaluation: Evaluation) -> None:
    words = said("What was measured", evaluation)
    for one in (*evaluation.estimates, *evaluation.at_operating_point):
        assert number(one.value) in words
        assert interval(one) in words
    other = evaluation.model_copy(
        update={"estimates": tuple(one.model_copy(update={"value": 0.777}) for one in evaluation.estimates)}
    )
    assert "0.777" in said("What was measured", other)
    assert "not been evaluated" in said("What was measured")
    assert "Nobody has measured" in said("Limitations")


def test_figures_of_another_bundle_are_said_to_be(evaluation: Evaluation) -> None:
    assert evaluation.provenance.bundle_sha256 == BUNDLE
    assert "another bundle" not in said("What was measured", evaluation) + said("Limitations", evaluation)
    assert "another bundle" in said("What was measured", evaluation, sha256="4" * 64)
    assert "another bundle" in said("Limitations", evaluation, sha256="4" * 64)


def test_limitations_are_the_warnings_and_notes(evaluation: Evaluation) -> None:
    words = said("Limitations", evaluation)
    assert evaluation.warnings[0] in words
    assert "the term mmd did nothing" in words
    assert "cannot be checked" in said("Limitations", training={"patients": ()})


def test_operating_points_of_labels(multi_label: Evaluation) -> None:
    asked = {"task": "multilabel", "classes": LABELS, "positive": None, "operating_point": None}
    words = said("Operating points", operating_points=label_points(effusion=0.4, pneumonia=0.45), **asked)
    assert "effusion is called from probability 0.400 on. pneumonia is called from probability 0.450 on." in words
    assert "Chosen on validation for sensitivity of at least 0.9: effusion, pneumonia." in words
    assert "Without an operating point, probabilities only: hernia." in words
    assert "Sensitivity, effusion 0.903" in words
    measured = said("What was measured", multi_label)
    for name, one in multi_label.operating_per_label.items():
        assert f"Specificity, {name} {number(one.estimate('specificity').value)}" in measured


def test_operating_point_and_calibration(evaluation: Evaluation) -> None:
    assert "sensitivity of at least 0.9" in said("Operating point")
    assert "None was chosen" in said("Operating point", operating_point=None)
    assert "without recalibration" in said("Calibration")
    fitted = Calibrator(name="platt", parameters={"a": (1.0,)}, fitted_on="calibration", studies=50)
    words = said("Calibration", evaluation, calibrator=fitted, priors={"normal": 0.75, "pneumonia": 0.25})
    for expected in (
        "platt, fitted on calibration (50 studies)",
        "pneumonia 0.250",
        f"Brier score: {number(evaluation.estimate('Brier score').value)}",
        f"Calibration slope: {number(evaluation.estimate('calibration slope').value)}",
    ):
        assert expected in words
    assert "Calibration slope: not estimable" in said("Calibration", of_one())


def test_digests(evaluation: Evaluation) -> None:
    words = said("Made from", evaluation)
    for digest in (BUNDLE, "9" * 64, "c" * 64, evaluation.provenance.predictions_sha256):
        assert digest in words
    assert "Seed of training 11" in words


@pytest.mark.parametrize(
    "text", ["<script>x</script>", "![x](http://e.example)", "a | b", "{{ 7 * 7 }}", "a\x1b[2Jb\u202e"]
)
def test_strings_of_users_are_inert(evaluation: Evaluation, text: str) -> None:
    spiked = evaluation.model_copy(update={"title": text, "warnings": (text,)})
    manifest = make_manifest(
        classes=("normal", text), positive=text, operating_point=None, training={"sites": (text,), "notes": (text,)}
    )
    page, markdown = model_card_page(manifest, BUNDLE, spiked), model_card(manifest, BUNDLE, spiked)
    assert "<script" not in page
    assert "\x1b" not in page + markdown
    assert f"<h1>Model card: {html.escape(visible(text))}</h1>" in page
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "text_special"}

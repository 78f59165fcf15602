from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from questions import several_labels

from medtransfer.core.evaluated.readers import ConsensusRule, Readers
from medtransfer.core.results import Curve, Estimate, OperatingPoint, Predictions
from medtransfer.evaluation.readers.study import readers_part
from medtransfer.evaluation.readers.truth import read_truth
from medtransfer.reporting.sections.readers import readers_section

NAMES = ("anna", "bo", "<b>cy</b>")


def words_of(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


@pytest.fixture
def predictions() -> Predictions:
    generator = np.random.default_rng(0)
    ill = generator.random(60) < 0.4
    p = np.clip(0.3 + 0.4 * ill + generator.normal(0, 0.2, 60), 0, 1)
    estimate = Estimate(name="sensitivity", value=0.9, method="Wilson", n=9)
    point = OperatingPoint(
        rule="youden",
        goal=None,
        threshold=0.5,
        positive="ill",
        chosen_on="validation",
        sensitivity=estimate,
        specificity=estimate,
    )
    table = pd.DataFrame(
        {
            "study_id": [f"s{i:02}" for i in range(60)],
            "patient_id": [f"p{i // 2}" for i in range(60)],
            "truth": np.where(ill, "ill", "well"),
            "status": "read",
            "error": "",
            "probability_well": 1 - p,
            "probability_ill": p,
        }
    )
    return Predictions(
        table=table, classes=("well", "ill"), positive="ill", operating_point=point, bundle_sha256="b" * 64
    )


def read_by(predictions: Predictions, folder: Path, readers: tuple[str, ...], rule: str = "majority") -> Readers:
    generator = np.random.default_rng(1)
    rows = []
    for study, truth in predictions.table[["study_id", "truth"]].itertuples(index=False, name=None):
        for reader in readers:
            other = "ill" if truth == "well" else "well"
            said = other if generator.random() < 0.15 else truth
            rows.append((study, reader, "uncertain" if generator.random() < 0.05 else said))
    pd.DataFrame(rows, columns=pd.Index(["study_id", "reader", "truth"])).to_csv(folder / "t.csv", index=False)
    truth = read_truth(folder / "t.csv", predictions.classes, "multiclass")
    return readers_part(predictions, truth, ConsensusRule.parse(rule), replicates=100)


def test_every_count_and_every_reader_is_there(predictions: Predictions, tmp_path: Path) -> None:
    part = read_by(predictions, tmp_path, NAMES)
    made = readers_section(part, roc=Curve(x=(0.0, 1.0), y=(0.0, 1.0)))
    words = words_of(made.body)
    for name, n in (("Settled", part.account.settled), ("Uncertain", part.account.uncertain), ("All", 60)):
        assert f"{name} {n}" in words
    assert "<b>" not in made.body
    assert "&lt;b&gt;cy" in made.body
    assert "Fleiss&#39; kappa" in made.body
    for row in part.against_others:
        assert f"{row.estimates[0].value:.3f}" in words
        assert f"{row.model[1].value:.3f}" in words
    (figure,) = made.figures
    assert "anna" in figure.svg
    assert "<b>" not in figure.svg
    assert all(f">{name}<" in figure.svg for name in NAMES[:2])
    assert all("scope" in tag for tag in re.findall(r"<th[^ea][^>]*>", made.body))
    assert readers_section(part) == readers_section(part)


def test_one_reader_has_no_agreement(predictions: Predictions, tmp_path: Path) -> None:
    made = readers_section(read_by(predictions, tmp_path, ("anna",)))
    assert "kappa" not in made.body
    assert made.figures == ()
    assert "its reader said" in words_of(made.body)


def test_the_rule_is_said(predictions: Predictions, tmp_path: Path) -> None:
    for rule in ("majority:bo", "unanimous", "any_positive", "reader:anna"):
        part = read_by(predictions, tmp_path, ("anna", "bo", "cy"), rule)
        assert part.account.rule.words() in words_of(readers_section(part).body)


def test_without_a_threshold_there_is_no_model(predictions: Predictions, tmp_path: Path) -> None:
    from dataclasses import replace

    part = read_by(replace(predictions, operating_point=None), tmp_path, NAMES)
    made = readers_section(part)
    assert "–</td>" in made.body
    assert len(made.figures) == 1


def test_several_labels_have_a_drawing_each(tmp_path: Path) -> None:
    predictions = several_labels()
    rows = [
        (study, reader, truth)
        for study, truth in predictions.table[["study_id", "truth"]].to_numpy()
        for reader in "xy"
    ]
    pd.DataFrame(rows, columns=pd.Index(["study_id", "reader", "truth"])).to_csv(tmp_path / "t.csv", index=False)
    truth = read_truth(tmp_path / "t.csv", predictions.classes, "multilabel")
    made = readers_section(readers_part(predictions, truth, replicates=100))
    assert 1 <= len(made.figures) <= 3
    assert len({figure.heading for figure in made.figures}) == len(made.figures)
    ids = re.findall(r'\bid="([^"]+)"', "".join(figure.svg for figure in made.figures))
    assert len(ids) == len(set(ids))

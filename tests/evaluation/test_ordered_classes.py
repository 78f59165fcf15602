"""Figures of ordered classes: equal to scikit-learn's, and what they say of misses near and far."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from questions import GRADES, ends, grade_truths, ordered_classes, predictions_of
from sklearn.metrics import cohen_kappa_score, log_loss, roc_auc_score

from medtransfer.core.config.evaluation import EvaluationConfig
from medtransfer.evaluation.cases import Cases
from medtransfer.evaluation.evaluate import evaluate
from medtransfer.evaluation.metrics import brier
from medtransfer.evaluation.ordered_classes import quadratic_kappa, ranked_losses


def cases_of(truth: np.ndarray, probability: np.ndarray) -> Cases:
    return Cases(truth=truth, probability=probability, groups=np.arange(truth.size), table=pd.DataFrame())


def test_figures_are_those_of_scikit_learn() -> None:
    truth, probability = grade_truths(120, seed=0)
    found = evaluate(ordered_classes(120, seed=0), config=EvaluationConfig(replicates=200))
    assert [one.name for one in found.estimates[:3]] == [
        "macro AUROC",
        "quadratic-weighted kappa",
        "ranked probability score",
    ]
    guess = probability.argmax(axis=1)
    expected = {
        "macro AUROC": roc_auc_score(truth, probability, multi_class="ovr"),
        "quadratic-weighted kappa": cohen_kappa_score(truth, guess, weights="quadratic"),
        "log-loss": log_loss(truth, probability),
    }
    for name, value in expected.items():
        low, own, high = ends(found.estimate(name))
        assert own == pytest.approx(value, abs=1e-12)
        assert low < own < high
    assert [one.of for one in found.estimates if one.name == "AUROC"] == list(GRADES)
    assert (found.task, found.positive, found.flow.evaluated) == ("ordinal", None, 120)


def test_weights_count_as_repeated_studies() -> None:
    """A replicate's kappa is that of a table in which each study stands as often as it weighs."""
    truth, probability = grade_truths(50, seed=4)
    weights = np.random.default_rng(5).integers(0, 4, (6, 50))
    found = quadratic_kappa(cases_of(truth, probability))(weights.astype(np.float64))
    guess = probability.argmax(axis=1)
    expected = [cohen_kappa_score(np.repeat(truth, w), np.repeat(guess, w), weights="quadratic") for w in weights]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_ranked_score_of_two_classes_is_the_brier_score() -> None:
    truth, probability = grade_truths(40, seed=6)
    two, p = (truth > 1).astype(np.int64), probability[:, 2:].sum(axis=1)
    ours = ranked_losses(cases_of(two, np.column_stack([1 - p, p])))
    np.testing.assert_allclose(ours, brier.losses(two == 1, p), atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 7), st.data())
def test_a_certain_answer_costs_its_distance(classes: int, data: st.DataObject) -> None:
    """With all probability on one class the score is |a − b| / (K − 1): 0 where right, 1 from end to end."""
    truth, said = (data.draw(st.integers(0, classes - 1)) for _ in range(2))
    (found,) = ranked_losses(cases_of(np.array([truth]), np.eye(classes)[[said]]))
    assert found == pytest.approx(abs(truth - said) / (classes - 1))


def test_a_nearer_miss_is_a_better_one() -> None:
    """Turn every answer to the class beside the truth, or to the one farthest: the other figures see no difference."""
    truth = np.repeat(np.arange(4), 10)
    near, far = np.where(truth < 3, truth + 1, 2), np.where(truth < 2, 3, 0)
    scores = {}
    for name, said in (("near", near), ("far", far)):
        cells = [GRADES[index] for index in truth]
        made = predictions_of(cells, np.eye(4)[said], GRADES, "ordinal", patients=np.arange(40))
        found = evaluate(made, config=EvaluationConfig(replicates=100))
        scores[name] = [found.estimate(of).value for of in ("log-loss", "ranked probability score")]
        scores[name].append(found.estimate("quadratic-weighted kappa").value)
    assert scores["near"][0] == scores["far"][0]
    assert scores["near"][1] < scores["far"][1]
    assert scores["near"][2] > scores["far"][2]


def test_perfect_and_chance() -> None:
    truth = np.repeat(np.arange(4), 5)
    ones = np.ones((1, 20))
    assert quadratic_kappa(cases_of(truth, np.eye(4)[truth]))(ones)[0] == 1
    same = np.tile([1.0, 0, 0, 0], (20, 1))
    assert quadratic_kappa(cases_of(truth, same))(ones)[0] == pytest.approx(0, abs=1e-12)


def test_one_class_has_no_kappa() -> None:
    predictions = ordered_classes(20)
    found = evaluate(
        replace(predictions, table=predictions.table.assign(truth="mild")), config=EvaluationConfig(replicates=100)
    )
    kappa = found.estimate("quadratic-weighted kappa")
    assert (kappa.value, kappa.note) == (None, "only one class among the studies")
    assert found.estimate("ranked probability score").value is not None

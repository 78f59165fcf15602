"""Every calibrator on every kind of question."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.special import expit, softmax

from medtransfer.core.config.decision import CALIBRATORS, DecisionConfig
from medtransfer.core.errors import CatalogueError, ConfigError, PredictionsError
from medtransfer.core.types import Task
from medtransfer.decision.recalibration import Question, fit_calibrator, recalibrated

PRIORS = {"a": 0.3, "b": 0.3, "c": 0.4}


def cohort(task: Task, n: int = 400, classes: int = 3) -> tuple[np.ndarray, np.ndarray, Question]:
    """Truth, and probabilities that are too extreme."""
    generator = np.random.default_rng(0)
    names = ("a", "b", "c")[:classes]
    z = generator.normal(size=(n, classes))
    if task == "multilabel":
        truth = (generator.random((n, classes)) < expit(z)).astype(np.float32)
        truth[: n // 4, 1] = np.nan
        return truth, expit(2 * z), Question(task=task, classes=names, positive=None)
    if task == "ordinal":
        steps = -np.sort(-z[:, 1:] - z[:, :1], axis=1)[:, :]
        rank = (generator.random((n, 1)) < expit(steps)).sum(axis=1)
        above = np.hstack([np.ones((n, 1)), expit(2 * steps), np.zeros((n, 1))])
        return rank, -np.diff(above, axis=1), Question(task=task, classes=names, positive=None)
    truth = (generator.random((n, 1)) > np.cumsum(softmax(z, axis=1), axis=1)).sum(axis=1).clip(max=classes - 1)
    return truth, softmax(2 * z, axis=1), Question(task=task, classes=names, positive="b" if classes == 2 else None)


def loss(truth: np.ndarray, p: np.ndarray) -> float:
    if truth.ndim == 2:
        known = ~np.isnan(truth)
        return -float(np.log(np.where(truth == 1, p, 1 - p)[known]).mean())
    return -float(np.log(p[np.arange(len(p)), truth]).mean())


@pytest.mark.parametrize("name", [n for n in CALIBRATORS.names() if n != "prior_shift"])
@pytest.mark.parametrize(("task", "classes"), [("multiclass", 2), ("multiclass", 3), ("multilabel", 3), ("ordinal", 3)])
def test_recalibration_lowers_the_log_loss(name: str, task: Task, classes: int) -> None:
    truth, p, question = cohort(task, classes=classes)
    if task == "ordinal" and name != "temperature":
        with pytest.raises(ConfigError) as caught:
            fit_calibrator(name, truth, p, question=question, priors=PRIORS, settings={})
        assert caught.value.code == "NotForOrder"
        assert name in caught.value.message
        return
    fitted = fit_calibrator(name, truth, p, question=question, priors=PRIORS, settings={})
    after = recalibrated(name, fitted.parameters, p, question=question)
    assert after.shape == p.shape
    assert ((after >= 0) & (after <= 1)).all()
    if task != "multilabel":
        np.testing.assert_allclose(after.sum(axis=1), 1, atol=1e-12)
    assert loss(truth, after) < loss(truth, p)
    assert fitted.notes == ()


@pytest.mark.parametrize(("task", "classes"), [("multiclass", 2), ("multiclass", 3), ("multilabel", 3), ("ordinal", 3)])
def test_prior_shift_moves_the_mean_to_the_shares(task: Task, classes: int) -> None:
    truth, p, question = cohort(task, classes=classes)
    p = 0.5 * p + 0.5 * (p.mean(axis=0) if task == "multilabel" else 1 / classes)
    priors = dict(zip(question.classes, [0.5, 0.5] if classes == 2 else [0.4, 0.3, 0.3], strict=True))
    fitted = fit_calibrator("prior_shift", truth, p, question=question, priors=priors, settings={})
    after = recalibrated("prior_shift", fitted.parameters, p, question=question)
    assert after.shape == p.shape
    told = fit_calibrator(
        "prior_shift",
        truth,
        p,
        question=question,
        priors={},
        settings={"priors": list(priors.values())} if classes == 3 else {"priors": [0.5]},
    )
    assert told == fitted
    with pytest.raises(ConfigError):
        fit_calibrator("prior_shift", truth, p, question=question, priors={}, settings={})


def test_the_positive_class_may_be_either() -> None:
    truth, p, _ = cohort("multiclass", classes=2)
    found = [
        recalibrated(
            "platt",
            fit_calibrator(
                "platt",
                truth,
                p,
                question=Question(task="multiclass", classes=("a", "b"), positive=name),
                priors={},
                settings={},
            ).parameters,
            p,
            question=Question(task="multiclass", classes=("a", "b"), positive=name),
        )
        for name in ("a", "b")
    ]
    np.testing.assert_allclose(found[0], found[1], atol=1e-9)


def test_no_study_stays_none() -> None:
    truth, p, question = cohort("multiclass")
    fitted = fit_calibrator("temperature", truth, p, question=question, priors={}, settings={})
    assert recalibrated("temperature", fitted.parameters, p[:0], question=question).shape == (0, 3)


def test_one_class_is_refused_and_few_studies_are_noted() -> None:
    truth, p, question = cohort("multiclass")
    with pytest.raises(PredictionsError, match="'b'") as caught:
        fit_calibrator("platt", np.where(truth == 1, 0, truth), p, question=question, priors={}, settings={})
    assert caught.value.code == "OneClass"
    several, q, labels = cohort("multilabel")
    several[:, 2] = 1
    with pytest.raises(PredictionsError, match="'c'"):
        fit_calibrator("platt", several, q, question=labels, priors={}, settings={})
    kept = np.concatenate([np.flatnonzero(truth != 1), np.flatnonzero(truth == 1)[:9]])
    notes = fit_calibrator("platt", truth[kept], p[kept], question=question, priors={}, settings={}).notes
    assert notes == (f"recalibration saw 9 studies that are 'b' and {kept.size - 9} that are not: fewer than 10",)


def test_labels_with_slashes_keep_their_parameters_apart() -> None:
    truth, p, _ = cohort("multilabel")
    question = Question(task="multilabel", classes=("x", "x/y", "y"), positive=None)
    fitted = fit_calibrator("platt", truth, p, question=question, priors={}, settings={})
    plain = Question(task="multilabel", classes=("a", "b", "c"), positive=None)
    other = fit_calibrator("platt", truth, p, question=plain, priors={}, settings={})
    np.testing.assert_array_equal(
        recalibrated("platt", fitted.parameters, p, question=question),
        recalibrated("platt", other.parameters, p, question=plain),
    )


def test_the_plan_says_which() -> None:
    assert DecisionConfig().calibrator is None
    assert DecisionConfig(calibrator="platt", calibrator_settings={"smooth": False}).calibrator == "platt"
    with pytest.raises(CatalogueError, match="Did you mean 'temperature'"):
        DecisionConfig(calibrator="temprature")
    with pytest.raises(CatalogueError, match="smoth"):
        DecisionConfig(calibrator="platt", calibrator_settings={"smoth": False})
    with pytest.raises(ConfigError, match="no calibrator"):
        DecisionConfig(calibrator_settings={"smooth": False})
    with pytest.raises(ConfigError, match="code of your own"):
        DecisionConfig(calibrator="mine:fit")


def test_neither_torch_nor_scikit_learn_is_needed() -> None:
    program = (
        "import sys, medtransfer.decision.recalibration as r; r.check_calibrator('isotonic', "
        "r.Question(task='multiclass', classes=('a', 'b'), positive=None)); "
        "assert not {'torch', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.core.results import Predictions
from medtransfer.evaluation.positive import ascending
from medtransfer.evaluation.prevalence import (
    at_prevalence,
    predictions_at,
    probability_at,
    stated_shares,
    threshold_at,
    view_at,
)

share = st.floats(0.001, 0.999)
PRIORS = {"normal": 0.7, "pneumonia": 0.3}


def shares(generator: np.random.Generator, classes: int) -> np.ndarray:
    return generator.dirichlet(np.full(classes, 3.0))


def rows(generator: np.random.Generator, classes: int, n: int = 30) -> np.ndarray:
    return generator.dirichlet(np.full(classes, 0.5), size=n)


@given(hnp.arrays(np.float64, 20, elements=st.floats(1e-6, 1 - 1e-6)), share, share)
@settings(deadline=None, max_examples=80)
def test_two_classes_shift_on_the_logit_scale(p: np.ndarray, prior: float, stated: float) -> None:
    two = np.stack([1 - p, p], axis=1)
    shifted = at_prevalence(two, priors=np.array([1 - prior, prior]), stated=np.array([1 - stated, stated]))
    assert shifted[:, 1] == pytest.approx(expit(logit(p) + logit(stated) - logit(prior)), rel=1e-6, abs=1e-12)
    label = at_prevalence(p[:, None], priors=np.array([prior]), stated=np.array([stated]), several=True)
    assert label[:, 0] == pytest.approx(shifted[:, 1], rel=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
@settings(deadline=None, max_examples=80)
def test_the_shift_is_a_group(seed: int, classes: int) -> None:
    generator = np.random.default_rng(seed)
    p, (a, b, c) = rows(generator, classes), (shares(generator, classes) for _ in range(3))
    assert at_prevalence(p, priors=a, stated=a) == pytest.approx(p, rel=1e-9, abs=1e-300)
    there = at_prevalence(p, priors=a, stated=b)
    assert there.sum(axis=1) == pytest.approx(1)
    assert at_prevalence(there, priors=b, stated=c) == pytest.approx(at_prevalence(p, priors=a, stated=c), rel=1e-7)
    assert at_prevalence(there, priors=b, stated=a) == pytest.approx(p, rel=1e-7)


@given(st.integers(0, 2**32 - 1), st.integers(3, 6), share)
@settings(deadline=None, max_examples=60)
def test_several_classes_are_two_where_the_others_keep_their_shares(seed: int, classes: int, stated: float) -> None:
    generator = np.random.default_rng(seed)
    p, priors = rows(generator, classes), shares(generator, classes)
    new = np.append(priors[:-1] * (1 - stated) / (1 - priors[-1]), stated)
    whole = at_prevalence(p, priors=priors, stated=new)[:, -1]
    prior = float(priors[-1])
    one = at_prevalence(p[:, -1:], priors=np.array([prior]), stated=np.array([stated]), several=True)[:, 0]
    assert whole == pytest.approx(one, rel=1e-6, abs=1e-9)


@given(hnp.arrays(np.float64, 40, elements=st.floats(0, 1)), st.floats(0, 1), share, share)
@settings(deadline=None, max_examples=150)
def test_the_shifted_threshold_calls_every_study_that_the_locked_one_calls(
    p: np.ndarray, threshold: float, prior: float, stated: float
) -> None:
    shifted = at_prevalence(p[:, None], priors=np.array([prior]), stated=np.array([stated]), several=True)[:, 0]
    moved = threshold_at(threshold, prior=prior, stated=stated)
    assert (shifted[p >= threshold] >= moved).all()
    clearly_below = p < threshold * (1 - 1e-9)
    assert (shifted[clearly_below] <= moved).all()
    one = ascending(np.ones(40, dtype=bool), p, np.arange(40))
    view = view_at(one, prior=prior, stated=stated)
    assert (np.diff(view.probability) >= 0).all()
    assert (view.groups == one.groups).all()


def test_zero_and_one_stay_certain_and_what_is_missing_stays_so() -> None:
    p = np.array([[1.0, 0.0], [0.0, 1.0], [np.nan, np.nan], [1 - 1e-320, 1e-320]])
    shifted = at_prevalence(p, priors=np.array([0.5, 0.5]), stated=np.array([0.99, 0.01]))
    assert shifted[:2].tolist() == p[:2].tolist()
    assert np.isnan(shifted[2]).all()
    assert shifted[3].tolist() == [1.0, 0.0]
    assert [threshold_at(t, prior=0.5, stated=0.01) for t in (0.0, 1.0, np.nextafter(1, 2))] == [
        0.0,
        1.0,
        np.nextafter(1, 2),
    ]


def test_a_model_of_one_prevalence_is_calibrated_at_another() -> None:
    # Two normal distributions: at 40 % the logistic model is right, and so, after the shift, it is at 5 %.
    generator = np.random.default_rng(0)
    y = generator.random(40_000) < 0.4
    model = LogisticRegression(C=1e6).fit((generator.normal(size=40_000) + 1.5 * y)[:, None], y)
    rare = generator.random(200_000) < 0.05
    p = model.predict_proba((generator.normal(size=200_000) + 1.5 * rare)[:, None])
    shifted = at_prevalence(p, priors=np.array([0.6, 0.4]), stated=np.array([0.95, 0.05]))[:, 1]
    assert p[:, 1].mean() > 0.15
    assert shifted.mean() == pytest.approx(0.05, abs=0.003)
    top = shifted > np.quantile(shifted, 0.9)
    assert rare[top].mean() == pytest.approx(shifted[top].mean(), abs=0.015)


def test_predictions_keep_their_decisions(predictions: Predictions) -> None:
    known = replace(predictions, priors=PRIORS)
    shifted = predictions_at(known, 0.05)
    assert shifted.priors == pytest.approx({"normal": 0.95, "pneumonia": 0.05})
    assert shifted.operating_point is not None
    moved = shifted.operating_point.threshold
    assert moved == pytest.approx(expit(logit(0.4) + logit(0.05) - logit(0.3)))
    read = shifted.table["status"] == "read"
    called = shifted.table.loc[read, "probability_pneumonia"] >= moved
    assert (called == (shifted.table.loc[read, "decision"] == "pneumonia")).all()
    same = [name for name in shifted.table if not str(name).startswith("probability_")]
    pd.testing.assert_frame_equal(shifted.table[same], predictions.table[same])
    assert predictions.table["probability_pneumonia"].mean() > shifted.table["probability_pneumonia"].mean()
    back = predictions_at(shifted, 0.3)
    old, new = (one.table["probability_pneumonia"].to_numpy(dtype=float) for one in (predictions, back))
    assert new == pytest.approx(old, rel=1e-9, nan_ok=True)


def test_a_threshold_has_no_place_where_the_other_classes_change_too(predictions: Predictions) -> None:
    table = predictions.table.assign(probability_viral=0.0)
    three = replace(
        predictions,
        table=table,
        classes=("normal", "pneumonia", "viral"),
        priors={"normal": 0.5, "pneumonia": 0.3, "viral": 0.2},
    )
    kept, changed = predictions_at(three, 0.1), predictions_at(three, {"normal": 0.8, "pneumonia": 0.1, "viral": 0.1})
    assert kept.priors == pytest.approx({"normal": 0.9 * 5 / 7, "pneumonia": 0.1, "viral": 0.9 * 2 / 7})
    assert kept.operating_point is not None
    assert changed.operating_point is None


def test_labels_are_stated_one_by_one(predictions: Predictions) -> None:
    several = replace(predictions, task="multilabel", positive=None, operating_point=None, priors=PRIORS)
    shifted = predictions_at(several, {"pneumonia": 0.05})
    assert shifted.priors == {"normal": 0.7, "pneumonia": 0.05}
    old, new = (one.table["probability_normal"].to_numpy(dtype=float) for one in (predictions, shifted))
    assert new == pytest.approx(old, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("prevalence", "code"),
    [
        (0.0, "PrevalenceOutOfRange"),
        (1.0, "PrevalenceOutOfRange"),
        ({"normal": 0.9}, "UnknownClass"),
        ({"normal": 0.9, "pneumonia": 0.05, "viral": 0.05}, "UnknownClass"),
        ({"normal": 0.9, "pneumonia": 0.2}, "PrevalencesDoNotSum"),
        ({"normal": -0.1, "pneumonia": 1.1}, "PrevalenceOutOfRange"),
    ],
)
def test_what_cannot_be_stated(predictions: Predictions, prevalence: float | dict[str, float], code: str) -> None:
    with pytest.raises(ConfigError) as error:
        stated_shares(replace(predictions, priors=PRIORS), prevalence)
    assert error.value.code == code
    assert error.value.hint


def test_without_a_positive_class_every_class_is_named(predictions: Predictions) -> None:
    with pytest.raises(ConfigError) as error:
        stated_shares(replace(predictions, positive=None, priors=PRIORS), 0.1)
    assert error.value.code == "NoPositiveClass"


@pytest.mark.parametrize("priors", [{}, {"normal": 1.0}, {"normal": 1.0, "pneumonia": 0.0}, {"a": 0.5, "b": 0.5}])
def test_the_shift_starts_somewhere(predictions: Predictions, priors: dict[str, float]) -> None:
    with pytest.raises(PredictionsError) as error:
        predictions_at(replace(predictions, priors=priors), 0.1)
    assert error.value.code == "NoPriors"


@given(st.floats(0, 1), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=100)
def test_one_probability_moves_as_a_column_does_and_back_again(p: float, prior: float, stated: float) -> None:
    moved = probability_at(p, prior=prior, stated=stated)
    column = at_prevalence(np.array([[p]]), priors=np.array([prior]), stated=np.array([stated]), several=True)
    assert moved == column[0, 0]
    assert probability_at(moved, prior=stated, stated=prior) == pytest.approx(p, abs=1e-9)

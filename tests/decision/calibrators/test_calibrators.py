"""Laws of every calibrator, and each against a reference implementation."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from betacal import BetaCalibration
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.decision.calibrators import beta, isotonic, platt, prior_shift, temperature
from medtransfer.decision.calibrators._scores import Scores, cuts, odds
from medtransfer.evaluation.calibration.weak import weak_calibration
from medtransfer.evaluation.metrics import auroc, log_loss
from medtransfer.evaluation.positive import ascending

ENTRIES = (temperature, platt, isotonic, beta)


class Scored(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose scores are its inputs."""

    classes_ = np.array([0, 1])
    n_features_in_ = 1

    def fit(self, x: np.ndarray, y: np.ndarray) -> Scored:
        raise NotImplementedError

    def predict(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def decision_function(self, x: np.ndarray) -> np.ndarray:
        return x[:, 0] if x.shape[1] == 1 else x

    def __sklearn_is_fitted__(self) -> bool:
        return True


def theirs(method: str, x: np.ndarray, truth: np.ndarray) -> np.ndarray:
    model = Scored()
    model.classes_ = np.unique(truth)
    model.n_features_in_ = x.shape[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CalibratedClassifierCV(FrozenEstimator(model), method=method).fit(x, truth).predict_proba(x)


def binary(n: int = 400, seed: int = 0, slope: float = 2.0, shift: float = 0.5) -> tuple[Scores, np.ndarray]:
    """Scores too extreme by `slope`, and too high by `shift`."""
    generator = np.random.default_rng(seed)
    x = generator.normal(-0.5, 1.2, size=n)
    truth = (generator.random(n) < expit(x)).astype(np.int64)
    truth[:2] = 0, 1
    return Scores(kind="odds", values=(slope * x + shift)[:, None]), truth


def test_temperature_and_platt_are_scikit_learns() -> None:
    scores, truth = binary()
    for entry, method in ((temperature, "temperature"), (platt, "sigmoid")):
        ours = entry.apply(scores, entry.fit(scores, truth).parameters)[:, 0]
        np.testing.assert_allclose(ours, theirs(method, scores.values, truth)[:, 1], atol=2e-4)


def test_isotonic_is_scikit_learns_drawn_in_to_platts_targets() -> None:
    scores, truth = binary()
    expected = theirs("isotonic", scores.values, truth)[:, 1]
    plain = isotonic.apply(scores, isotonic.fit(scores, truth, smooth=False).parameters)[:, 0]
    np.testing.assert_allclose(plain, expected, atol=1e-9)
    ones = int(truth.sum())
    low, high = 1 / (truth.size - ones + 2), (ones + 1) / (ones + 2)
    smooth = isotonic.apply(scores, isotonic.fit(scores, truth).parameters)[:, 0]
    np.testing.assert_allclose(smooth, low + (high - low) * expected, atol=1e-9)


@pytest.mark.parametrize("bend", [lambda p: p, lambda p: p**3, lambda p: 1 - (1 - p) ** 4])
def test_beta_is_betacals(bend) -> None:
    generator = np.random.default_rng(2)
    p = generator.uniform(0.02, 0.98, size=600)
    truth = (generator.random(600) < bend(p)).astype(np.int64)
    scores = odds(p)
    ours = beta.apply(scores, beta.fit(scores, truth, smooth=False).parameters)[:, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = BetaCalibration("abm").fit(p[:, None], truth).predict(p)
    np.testing.assert_allclose(ours, expected, atol=2e-3)
    assert log_loss.measure(truth == 1, ours) <= log_loss.measure(truth == 1, expected) + 1e-9


def test_temperature_of_classes_and_of_cuts_minimises_the_log_loss() -> None:
    generator = np.random.default_rng(3)
    z = generator.normal(size=(500, 4))
    truth = np.array([generator.choice(4, p=row) for row in softmax(z, axis=1)])
    sharp = Scores(kind="classes", values=log_softmax(3 * z, axis=1))
    (found,) = temperature.fit(sharp, truth).parameters["temperature"]
    assert found == pytest.approx(3, rel=0.2)
    assert temperature.apply(sharp, {"temperature": (found,)}) == pytest.approx(
        theirs("temperature", sharp.values, truth), abs=2e-4
    )
    steps = np.sort(generator.normal(size=(500, 3)) + generator.normal(size=(500, 1)), axis=1)[:, ::-1]
    rank = (generator.random((500, 1)) < expit(steps)).sum(axis=1)
    ordered = Scores(kind="cuts", values=2.5 * steps)
    (found,) = temperature.fit(ordered, rank).parameters["temperature"]

    def loss(log_temperature: float) -> float:
        above = expit(ordered.values / np.exp(log_temperature))
        each = -np.diff(np.hstack([np.ones((500, 1)), above, np.zeros((500, 1))]), axis=1)
        return -float(np.log(each[np.arange(500), rank]).sum())

    best = minimize_scalar(loss, bounds=(-2, 3), method="bounded", options={"xatol": 1e-10})
    assert found == pytest.approx(np.exp(best.x), rel=1e-5)


@given(st.integers(0, 9999), st.integers(5, 200), st.floats(-3, 4), st.floats(-4, 4), st.sampled_from(ENTRIES))
@settings(deadline=None, max_examples=120)
def test_none_turns_the_order_round(seed: int, n: int, slope: float, shift: float, entry) -> None:
    scores, truth = binary(n, seed, slope, shift)
    p = entry.apply(scores, entry.fit(scores, truth).parameters)[:, 0]
    assert ((p >= 0) & (p <= 1)).all()
    order = np.argsort(scores.values[:, 0], kind="stable")
    assert (np.diff(p[order]) >= -1e-15).all()


@given(st.integers(0, 9999), st.floats(0.1, 5), st.floats(-2, 2))
@settings(deadline=None, max_examples=40)
def test_temperature_keeps_ranking_and_auroc(seed: int, slope: float, shift: float) -> None:
    scores, truth = binary(120, seed, slope, shift)
    found = temperature.fit(scores, truth)
    after = temperature.apply(scores, found.parameters)[:, 0]
    distinct = expit(scores.values[:, 0] / found.parameters["temperature"][0]) < 1 - 1e-15
    if distinct.all():
        assert auroc.measure(truth == 1, after) == pytest.approx(auroc.measure(truth == 1, scores.values[:, 0]))
    assert log_loss.measure(truth == 1, after) <= log_loss.measure(truth == 1, expit(scores.values[:, 0])) + 1e-9


@given(st.integers(0, 9999), st.floats(0.3, 4), st.floats(-3, 3), st.sampled_from([platt, beta]))
@settings(deadline=None, max_examples=30)
def test_unsmoothed_lines_leave_slope_1_and_intercept_0(seed: int, slope: float, shift: float, entry) -> None:
    scores, truth = binary(300, seed, slope, shift)
    p = entry.apply(scores, entry.fit(scores, truth, smooth=False).parameters)[:, 0]
    found = weak_calibration(ascending(truth == 1, p, np.arange(300)))
    assert found.slope.value == pytest.approx(1, abs=1e-5)
    assert found.intercept.value == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("entry", [platt, beta])
def test_separated_classes(entry) -> None:
    scores = Scores(kind="odds", values=np.linspace(-3, 3, 20)[:, None])
    truth = (scores.values[:, 0] > 0).astype(np.int64)
    p = entry.apply(scores, entry.fit(scores, truth).parameters)[:, 0]
    assert p[truth == 1].min() > 0.5 > p[truth == 0].max()
    with pytest.raises(PredictionsError, match="separates") as caught:
        entry.fit(scores, truth, smooth=False)
    assert caught.value.code == "Separated"


def test_scores_that_say_nothing_or_the_opposite_get_a_note() -> None:
    scores, truth = binary(200, slope=-1.0, shift=0.0)
    for entry in (platt, beta, temperature):
        assert entry.fit(scores, truth).notes
    flat = platt.apply(scores, platt.fit(scores, truth).parameters)
    assert np.ptp(flat) == 0
    assert flat[0, 0] == pytest.approx(truth.mean(), abs=0.01)
    equal = Scores(kind="odds", values=np.zeros((20, 1)))
    assert platt.apply(equal, platt.fit(equal, np.arange(20) % 4 // 3).parameters)[0, 0] == pytest.approx(
        0.25, abs=0.05
    )


def test_temperature_of_a_network_that_is_never_wrong_is_bounded() -> None:
    scores = Scores(kind="odds", values=np.array([-2.0, -1, 1, 2])[:, None])
    found = temperature.fit(scores, np.array([0, 0, 1, 1]))
    assert found.parameters["temperature"] == (1 / 50,)
    assert found.notes


def test_prior_shift_is_bayes_rule() -> None:
    """Two normal classes: the posterior under one prior becomes that under another."""
    x = np.linspace(-3, 3, 13)
    like = np.stack([np.exp(-((x - m) ** 2) / 2) for m in (-1.0, 0.0, 1.0)], axis=1)
    before, after = np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.3, 0.5])
    old, new = (like * shares / (like * shares).sum(axis=1, keepdims=True) for shares in (before, after))
    scores = Scores(kind="classes", values=np.log(old))
    truth = np.repeat([0, 1, 2], [2, 3, 5])
    fitted = prior_shift.fit(Scores(kind="classes", values=scores.values[:10]), truth, priors=before.tolist())
    np.testing.assert_allclose(prior_shift.apply(scores, fitted.parameters), new, rtol=1e-12)
    stated = prior_shift.fit(
        Scores(kind="classes", values=scores.values[:10]), truth, priors=before.tolist(), to=after.tolist()
    )
    assert stated == fitted
    one = odds(np.array([0.2, 0.9]))
    shifted = prior_shift.apply(one, prior_shift.fit(one, np.array([0, 1]), priors=[0.1], to=[0.4]).parameters)
    assert logit(shifted[:, 0]) == pytest.approx(logit(np.array([0.2, 0.9])) + logit(0.4) - logit(0.1))


@pytest.mark.parametrize("priors", [None, [0.0], [1.0], [0.5, 0.5], [float("nan")]])
def test_prior_shift_refuses_what_are_no_shares(priors: list[float] | None) -> None:
    with pytest.raises(ConfigError) as caught:
        prior_shift.fit(odds(np.array([0.2, 0.9])), np.array([0, 1]), priors=priors)
    assert caught.value.code == "BadShares"


def test_scores_are_finite_for_every_probability() -> None:
    assert np.isfinite(odds(np.array([0.0, 1e-320, 0.5, 1.0])).values).all()
    ordered = cuts(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.2, 0.3, 0.5]]))
    assert np.isfinite(ordered.values).all()
    np.testing.assert_allclose(expit(ordered.values[2]), [0.8, 0.5])
    assert (np.diff(ordered.values, axis=1) <= 0).all()

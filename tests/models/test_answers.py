"""Probabilities are those of reference packages, and of 60 digits where 64 bits have none left."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal, localcontext
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from medtransfer.core.errors import PredictionsError
from medtransfer.models.answers import probabilities

LOGITS = stn.arrays(np.float64, st.tuples(st.integers(0, 5), st.integers(1, 6)), elements=st.floats(-800, 800))
quickly = settings(deadline=None, max_examples=60)


def _falling(logits: np.ndarray) -> np.ndarray:
    return -np.sort(-logits, axis=1)


@quickly
@given(LOGITS)
def test_classes_that_exclude_each_other_share_one(logits: np.ndarray) -> None:
    for found in (probabilities("multiclass", logits), probabilities("ordinal", _falling(logits))):
        assert found.dtype == np.float64
        assert (found >= 0).all()
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-12)


@quickly
@given(LOGITS)
def test_cumulative_probabilities_are_the_logits_and_fall(logits: np.ndarray) -> None:
    logits = _falling(logits)
    above = probabilities("ordinal", logits)[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    np.testing.assert_allclose(above, expit(logits), rtol=0, atol=1e-12)
    assert (np.diff(above, axis=1) <= 1e-15).all()


@quickly
@given(LOGITS, st.integers(0, 5))
def test_labels_do_not_depend_on_each_other(logits: np.ndarray, label: int) -> None:
    label %= logits.shape[1]
    alone = probabilities("multilabel", logits[:, [label]])
    assert np.array_equal(probabilities("multilabel", logits)[:, [label]], alone)
    np.testing.assert_allclose(alone, 1 - probabilities("multilabel", -logits[:, [label]]), atol=1e-15)


def test_multiclass_is_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    features, classes = generator.normal(size=(60, 3)), np.arange(60) % 4
    fitted = LogisticRegression().fit(features, classes)
    found = probabilities("multiclass", fitted.decision_function(features))
    np.testing.assert_allclose(found, fitted.predict_proba(features), rtol=1e-12)


def test_two_ordered_classes_are_a_binary_question() -> None:
    logits = np.array([[-3.0], [0.5]])
    found = probabilities("ordinal", logits)
    np.testing.assert_allclose(found, probabilities("multiclass", np.hstack([logits * 0, logits])), rtol=1e-14)


@pytest.mark.parametrize("logits", [(2.0, 1.0), (40.0, 39.9999), (-40.0, -40.0001), (300.0, 299.0, -500.0), (0.0, 0.0)])
def test_ordinal_keeps_its_digits_in_the_tails(logits: tuple[float, ...]) -> None:
    found = probabilities("ordinal", np.array([logits]))[0]
    with localcontext(prec=400):
        above = [Decimal(1), *(1 / (1 + (-Decimal(logit)).exp()) for logit in logits), Decimal(0)]
        expected = [float(high - low) for high, low in pairwise(above)]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_ordinal_logits_that_rise_are_refused() -> None:
    with pytest.raises(PredictionsError, match=r"case 1 .* \[0.0, 0.5\]") as caught:
        probabilities("ordinal", np.array([[1.0, 0.0], [0.0, 0.5]]))
    assert caught.value.code == "LogitsRise"


def test_no_torch_is_needed() -> None:
    program = "import sys, medtransfer.models.answers; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)

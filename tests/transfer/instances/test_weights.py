"""The clip rule against its definition, and hyperparameters that are no numbers of their range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import brentq

from medtransfer.core.errors import ObjectiveError
from medtransfer.transfer.instances._weights import check_number, clipped_to_mean_one, sample_weights


@settings(deadline=None, max_examples=80)
@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(1e-12, 1e12)), st.floats(1.0, 100.0))
def test_clipping_keeps_mean_bound_and_order(ratio: np.ndarray, clip: float) -> None:
    values = clipped_to_mean_one(ratio, clip)
    assert abs(values.mean() - 1) <= 1e-9
    assert values.max() <= clip * (1 + 1e-9)
    order = np.argsort(ratio)
    assert (np.diff(values[order]) >= 0).all()
    below = values < clip * (1 - 1e-9)
    if below.any():
        scale = values[below] / ratio[below]
        np.testing.assert_allclose(scale, scale[0], rtol=1e-9)


@settings(deadline=None, max_examples=60)
@given(arrays(np.float64, st.integers(2, 30), elements=st.floats(1e-3, 1e3)), st.floats(1.01, 20.0))
def test_clipping_is_the_rule_as_it_is_stated(ratio: np.ndarray, clip: float) -> None:
    """c from a root finder: mean(min(c·r, clip)) rises with c from 0 to clip."""
    c = brentq(lambda c: np.minimum(c * ratio, clip).mean() - 1, 0, clip / ratio.min(), xtol=1e-300, rtol=1e-14)
    np.testing.assert_allclose(clipped_to_mean_one(ratio, clip), np.minimum(c * ratio, clip), rtol=1e-9)


def test_without_a_need_clipping_only_scales() -> None:
    ratio = np.array([0.5, 1.0, 1.5, 5.0])
    np.testing.assert_allclose(clipped_to_mean_one(ratio, 10.0), ratio / 2, rtol=1e-12)


def test_every_cut_weight_is_counted() -> None:
    """Two far cases among a hundred: the farther one hides the other from a cut at `clip` times the raw mean."""
    weights = sample_weights("kmm", np.array([1e6, 50.0, *np.ones(98)]), 10.0)
    np.testing.assert_allclose(weights.values[:2], 10.0)
    np.testing.assert_allclose(weights.values[2:], 80 / 98)
    assert weights.clipped == 2
    assert weights.effective_size == pytest.approx(100**2 / (200 + 98 * (80 / 98) ** 2))


def test_cases_of_ratio_zero_stay_at_zero() -> None:
    np.testing.assert_allclose(clipped_to_mean_one(np.array([0.0, 1.0, 3.0, 0.0]), 10.0), [0, 1, 3, 0])
    np.testing.assert_allclose(clipped_to_mean_one(np.array([0.0, 1.0, 3.0, 0.0]), 2.0), [0, 2, 2, 0])


@pytest.mark.parametrize("ratio", [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
def test_a_mean_that_the_clip_forbids_is_refused(ratio: list[float]) -> None:
    with pytest.raises(ObjectiveError, match="of 3 source cases look like") as caught:
        sample_weights("ulsif", np.array(ratio), 2.5)
    assert caught.value.code == "NoOverlap"
    assert caught.value.path == "objective.instances.ulsif.clip"
    assert caught.value.hint


@pytest.mark.parametrize("value", [0, 1.5, True, "2", None, float("nan"), float("inf"), [3]])
def test_what_is_no_whole_number_of_the_range_is_refused(value: object) -> None:
    with pytest.raises(ObjectiveError, match="folds = ") as caught:
        check_number("kmm", "folds", value, least=1, whole=True)
    assert caught.value.code == "BadHyperparameter"
    assert caught.value.hint == "folds is a whole number, at least 1."


def test_ranges_are_open_where_they_say_so() -> None:
    check_number("kmm", "alpha", 0, least=0, below=1)
    check_number("kmm", "ridge", 1e-9, above=0)
    with pytest.raises(ObjectiveError, match=r"alpha = 1.0"):
        check_number("kmm", "alpha", 1.0, least=0, below=1)
    with pytest.raises(ObjectiveError, match=r"ridge = 0.0"):
        check_number("kmm", "ridge", 0.0, above=0)

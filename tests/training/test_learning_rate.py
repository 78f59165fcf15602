"""The learning-rate finder: what it sweeps, where it stops, what it suggests, and when it suggests nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medtransfer.core.errors import ConfigError
from medtransfer.training.learning_rate import Curve, smoothed, suggest, sweep

RATES = np.geomspace(1e-7, 10, 100)


def quadratic(curvature: float) -> Curve:
    """Gradient descent on ½·c·x² + .1: it falls fastest near η = 1/c, and explodes beyond 2/c."""
    place, rate = 1.0, 0.0

    def set_rate(value: float) -> None:
        nonlocal rate
        rate = value

    def train_step() -> float:
        nonlocal place
        loss = 0.5 * curvature * place**2 + 0.1
        place -= rate * curvature * place
        return loss

    return sweep(train_step, set_rate)


def test_rates_grow_by_one_factor_from_the_first_to_the_last() -> None:
    seen: list[float] = []
    curve = sweep(lambda: 1.0, seen.append, low=1e-5, high=1e-1, steps=41)
    assert seen == pytest.approx([1e-5 * 10 ** (i / 10) for i in range(41)])
    np.testing.assert_array_equal(curve.rates, seen)
    np.testing.assert_array_equal(curve.losses, np.ones(41))


def test_the_smoothed_loss_is_the_weighted_mean_of_all_before() -> None:
    losses = np.random.default_rng(0).uniform(size=30)
    weights = [0.98 ** np.arange(i, -1, -1) for i in range(30)]
    expected = [np.average(losses[: i + 1], weights=w) for i, w in enumerate(weights)]
    np.testing.assert_allclose(smoothed(losses), expected, rtol=1e-12)


def test_the_sweep_stops_where_the_smoothed_loss_exceeds_four_times_its_least() -> None:
    curve = quadratic(10.0)
    smooth = smoothed(curve.losses)
    least = np.minimum.accumulate(smooth)
    assert smooth[-1] > 4 * least[-1]
    assert (smooth[:-1] <= 4 * least[:-1]).all()
    assert 0.2 < curve.rates[-1] < 10


def test_a_loss_that_is_not_finite_ends_the_sweep_and_is_left_out() -> None:
    losses = iter([1.0] * 25 + [math.nan] + [1.0] * 100)
    curve = sweep(lambda: next(losses), lambda _: None)
    assert len(curve.rates) == len(curve.losses) == 25


def test_a_loss_below_zero_does_not_stop_the_sweep() -> None:
    assert len(sweep(lambda: -1.0, lambda _: None).losses) == 100


@pytest.mark.parametrize(
    ("low", "high", "steps"),
    [(0.0, 1.0, 100), (1.0, 1.0, 100), (2.0, 1.0, 100), (1e-7, math.inf, 100), (1e-7, 1.0, 19)],
)
def test_what_is_no_sweep_is_refused(low: float, high: float, steps: int) -> None:
    with pytest.raises(ConfigError, match="a sweep from"):
        sweep(lambda: 1.0, lambda _: None, low=low, high=high, steps=steps)


@pytest.mark.parametrize("curvature", [0.3, 1.0, 10.0, 300.0, 3000.0])
def test_on_a_quadratic_the_suggestion_is_in_proportion_to_the_largest_stable_rate(curvature: float) -> None:
    """Stability ends at 2/c. A steeper loss asks for a rate smaller by as much, to the spacing of the sweep."""
    curve = quadratic(curvature)
    found = suggest(curve.rates, curve.losses)
    assert found.rate is not None
    assert found.rate == found.valley
    assert found.steepest is not None
    assert 0.04 < found.rate * curvature < 0.4
    assert 0.04 < found.steepest * curvature < 1
    still = "the loss still falls at the highest rate; sweep further" if curvature <= 1 else ""
    assert found.reason == still


def test_valley_is_halfway_down_and_steepest_where_the_slope_is_least() -> None:
    """Flat, then a cosine's descent from point 30 to 70, then an explosion; the smoothing lags, and is reproduced."""
    points = np.arange(100)
    losses = np.where(points < 30, 1.0, 0.6 + 0.4 * np.cos(np.pi * np.clip(points - 30, 0, 40) / 40))
    losses = losses + np.where(points > 80, 1.5 ** np.clip(points - 80, 0, 19) - 1, 0)
    smooth = smoothed(losses)
    found = suggest(RATES, losses)
    least = int(smooth.argmin())
    assert 70 < least < 90
    kept = smooth[10:95]
    assert (np.diff(kept[20 : least - 9]) < 0).all()
    begun = 10 + int(np.flatnonzero(kept[: least - 10] >= 1 - 0.01 * (1 - smooth.min())).max())
    assert 30 < begun < 45
    assert found.valley == pytest.approx(RATES[(begun + least) // 2])
    assert found.steepest == pytest.approx(RATES[10 + int(np.diff(smooth[10:95]).argmin())])


@pytest.mark.parametrize("seed", range(20))
def test_noise_suggests_nothing(seed: int) -> None:
    losses = np.random.default_rng(seed).normal(0.7, 0.1, 100)
    found = suggest(RATES, losses)
    assert found.rate is found.valley is found.steepest is None
    assert "does not fall" in found.reason


@pytest.mark.parametrize("losses", [np.full(100, 0.7), np.linspace(0.5, 3, 100), np.geomspace(0.5, 1e6, 100)])
def test_a_loss_that_does_not_fall_suggests_nothing(losses: np.ndarray) -> None:
    assert suggest(RATES, losses).rate is None


def test_a_descent_in_noise_is_found() -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, 100)
    points = np.arange(100)
    losses = 0.7 - 0.4 / (1 + np.exp((60 - points) / 5)) + 3.0 ** np.clip(points - 85, 0, 14) / 100 + noise
    rate = suggest(RATES, losses).rate
    assert rate is not None
    assert RATES[35] < rate < RATES[85]


def test_a_loss_that_falls_to_the_last_says_so() -> None:
    found = suggest(RATES, np.linspace(2, 1, 100))
    assert found.rate is not None
    assert "sweep further" in found.reason


def test_too_few_losses_suggest_nothing() -> None:
    losses = np.concatenate([np.linspace(1, 0.5, 15), np.full(85, np.inf)])
    found = suggest(RATES, losses)
    assert found.rate is None
    assert "only 15 losses" in found.reason


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=60))
def test_whatever_the_losses_a_suggestion_is_one_of_the_rates(values: list[float]) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        losses = np.clip(np.array(values), -1e150, 1e150)
        rates = np.geomspace(1e-7, 10, max(2, len(losses)))[: len(losses)]
        found = suggest(rates, losses)
    assert (found.rate is None) == (found.valley is None) == (found.steepest is None)
    for rate in (found.valley, found.steepest):
        assert rate is None or rate in rates
    assert found.rate is not None or found.reason


def test_a_real_network_learns_at_the_suggested_rate() -> None:
    """Logistic regression: 100 steps at the suggested rate halve the loss."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(256, 20, generator=generator)
    labels = (inputs @ torch.randn(20, generator=generator) > 0).float()

    def fresh() -> tuple[torch.nn.Parameter, torch.optim.SGD]:
        weight = torch.nn.Parameter(torch.zeros(20))
        return weight, torch.optim.SGD([weight], lr=0.0)

    def stepped(weight: torch.nn.Parameter, optimiser: torch.optim.SGD, cases: slice) -> float:
        loss = torch.nn.functional.binary_cross_entropy_with_logits(inputs[cases] @ weight, labels[cases])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    weight, optimiser = fresh()
    batches = iter(slice(32 * (i % 8), 32 * (i % 8) + 32) for i in range(100))

    def set_rate(rate: float) -> None:
        optimiser.param_groups[0]["lr"] = rate

    curve = sweep(lambda: stepped(weight, optimiser, next(batches)), set_rate, low=1e-5, high=100.0)
    rate = suggest(curve.rates, curve.losses).rate
    assert rate is not None
    weight, optimiser = fresh()
    optimiser.param_groups[0]["lr"] = rate
    losses = [stepped(weight, optimiser, slice(None)) for _ in range(100)]
    assert losses[-1] < losses[0] / 2

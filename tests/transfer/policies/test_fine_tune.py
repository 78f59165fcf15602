"""fastai's recipe, against the formulas that fastai publishes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtransfer.core.errors import ConfigError
from medtransfer.transfer.policies import fine_tune
from medtransfer.transfer.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.models.classifier import Classifier


def sched_cos(start: float, end: float, done: float) -> float:
    """SchedCos as fastai documents it."""
    return start + (1 + math.cos(math.pi * (1 - done))) * (end - start) / 2


def one_cycle(done: np.ndarray, top: float, pct_start: float, div: float) -> np.ndarray:
    """`fit_one_cycle`: up from top/div to top until pct_start, then down to top/1e5, both by SchedCos."""
    rise = [sched_cos(top / div, top, p / pct_start) for p in done[done < pct_start]]
    fall = [sched_cos(top, top / 1e5, (p - pct_start) / (1 - pct_start)) for p in done[done >= pct_start]]
    return np.array(rise + fall)


@pytest.mark.parametrize(("pct_start", "div"), [(0.3, 5.0), (0.1, 2.0), (0.9, 25.0)])
@pytest.mark.parametrize(("frozen", "epochs"), [(1.0, 5.0), (2.5, 3.0)])
def test_the_rate_is_that_of_fastai_at_every_step(
    mixed_model: Callable[[], Classifier], frozen: float, epochs: float, pct_start: float, div: float
) -> None:
    """Base rate 1: a frozen phase with top 1, then base 1/2 over slice(1/200, 1/2) for 5 parameter groups."""
    model, points = mixed_model(), np.arange(1000) / 1000
    settings = {"frozen_epochs": frozen, "pct_start": pct_start, "div": div}

    def rates(epoch: float) -> list[float]:
        progress = Progress(epoch, epochs)
        share = fine_tune.schedule(progress, **settings)
        return [share * rate for rate in fine_tune.groups(model, progress, **settings).values()]

    first = np.array([rates(point * frozen) for point in points])
    np.testing.assert_allclose(first[:, -1], one_cycle(points, 1.0, 0.99, 25.0), rtol=1e-9)
    assert (first[:, :-1] == 0).all()
    second = np.array([rates(frozen + point * (epochs - frozen)) for point in points])
    tops = np.geomspace(0.5 / 100, 0.5, 5)
    expected = np.stack([one_cycle(points, top, pct_start, div) for top in tops], axis=1)
    np.testing.assert_allclose(second, expected, rtol=1e-6)


def test_the_ends_of_the_phases() -> None:
    shares = [fine_tune.schedule(Progress(epoch, 11.0)) for epoch in (0.0, 0.99, 1.0, 4.0, 11.0)]
    assert shares == pytest.approx([1 / 25, 1.0, 0.5 / 5, 0.5, 0.5e-5])


@given(
    epochs=st.floats(0.01, 1e4),
    share=st.floats(0, 1),
    frozen=st.floats(0, 1e4),
    pct_start=st.floats(0.01, 0.99),
    div=st.floats(1, 1e4),
)
def test_a_share_is_between_0_and_1_whatever_the_settings(
    epochs: float, share: float, frozen: float, pct_start: float, div: float
) -> None:
    progress = Progress(share * epochs, epochs)
    assert 0 < fine_tune.schedule(progress, frozen_epochs=frozen, pct_start=pct_start, div=div) <= 1


@pytest.mark.parametrize(("epochs", "says"), [(0.5, True), (1.0, True), (1.5, False)])
def test_it_says_where_the_second_phase_never_comes(epochs: float, says: bool) -> None:
    assert ("frozen_epochs = 1 " in fine_tune.idle(epochs)) is says
    assert fine_tune.idle(epochs, frozen_epochs=0.0) == ""


@pytest.mark.parametrize(
    "bad",
    [
        {"spread": 0.0},
        {"spread": math.inf},
        {"div": -1.0},
        {"pct_start": 0.0},
        {"pct_start": 1.0},
        {"pct_start": math.nan},
        {"frozen_epochs": -1.0},
    ],
)
def test_settings_that_mean_nothing_are_refused(mixed_model: Callable[[], Classifier], bad: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(bad))) as caught:
        fine_tune.groups(mixed_model(), Progress(0.0, 5.0), **bad)
    assert caught.value.code == "BadValue"

"""One stage after the other, from the output side, and none goes back."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medtransfer.core.errors import ConfigError
from medtransfer.transfer.policies import full, gradual
from medtransfer.transfer.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.models.classifier import Classifier

ORDER = ["head", "last", "deep", "middle", "stem"]


def moving(model: Classifier, epoch: float, epochs_per_stage: float) -> list[str]:
    rates = gradual.groups(model, Progress(epoch, 100.0), epochs_per_stage=epochs_per_stage)
    return [name for name, rate in rates.items() if rate > 0]


@pytest.mark.parametrize(("epoch", "stages"), [(0.0, 0), (1.99, 0), (2.0, 1), (3.99, 1), (4.0, 2), (7.9, 3), (8.0, 4)])
def test_stages_are_let_go_from_the_output_side(
    mixed_model: Callable[[], Classifier], epoch: float, stages: int
) -> None:
    assert set(moving(mixed_model(), epoch, 2.0)) == set(ORDER[: stages + 1])


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(times=st.lists(st.floats(0, 100), min_size=2, max_size=20), epochs_per_stage=st.floats(0, 25))
def test_what_moves_goes_on_moving_and_in_the_end_all_does(
    mixed_model: Callable[[], Classifier], times: list[float], epochs_per_stage: float
) -> None:
    model = mixed_model()
    sets = [set(moving(model, epoch, epochs_per_stage)) for epoch in [*sorted(times), 100.0]]
    assert all(before <= after for before, after in pairwise(sets))
    assert sets[-1] == set(ORDER)


def test_without_waiting_it_is_full_fine_tuning(mixed_model: Callable[[], Classifier]) -> None:
    model, start = mixed_model(), Progress(0.0, 3.0)
    rates = gradual.groups(model, start, epochs_per_stage=0.0, backbone=0.2)
    assert rates == full.groups(model, start, backbone=0.2)


def test_it_says_where_no_stage_is_ever_let_go(mixed_model: Callable[[], Classifier]) -> None:
    assert "epochs_per_stage = 3 " in gradual.idle(3.0, epochs_per_stage=3.0)
    assert gradual.idle(3.1, epochs_per_stage=3.0) == ""
    assert moving(mixed_model(), 3.05, 3.0) == ["last", "head"]


def test_a_time_below_0_is_refused(mixed_model: Callable[[], Classifier]) -> None:
    with pytest.raises(ConfigError, match="epochs_per_stage = -1"):
        gradual.groups(mixed_model(), Progress(0.0, 3.0), epochs_per_stage=-1.0)

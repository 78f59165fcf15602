"""What may move, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from medtransfer.core.config.transfer import POLICIES
from medtransfer.transfer.policies import full, head, lp_ft

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.models.classifier import Classifier


@pytest.mark.parametrize("name", POLICIES.names())
@pytest.mark.parametrize("progress", [0.0, 3.5, 100.0])
def test_every_policy_rates_every_group_and_lets_the_head_move(
    toy_model: Callable[..., Classifier], name: str, progress: float
) -> None:
    model = toy_model(source_classes=3)
    rates = POLICIES.get(name)(model, progress)
    assert list(rates) == list(model.groups())
    assert rates["head"] == 1
    assert all(rate >= 0 for rate in rates.values())


@pytest.mark.parametrize("progress", [0.0, 5.0, 1e6])
def test_linear_probing_never_moves_a_stage(toy_model: Callable[..., Classifier], progress: float) -> None:
    assert head.groups(toy_model(), progress) == {"stem": 0, "body": 0, "head": 1}


@pytest.mark.parametrize("progress", [0.0, 5.0, 1e6])
def test_full_fine_tuning_is_the_same_at_every_time(toy_model: Callable[..., Classifier], progress: float) -> None:
    assert full.groups(toy_model(), progress) == {"stem": 1, "body": 1, "head": 1}
    assert full.groups(toy_model(), progress, backbone=0.25) == {"stem": 0.25, "body": 0.25, "head": 1}


@pytest.mark.parametrize(("progress", "rate"), [(0.0, 0.0), (1.99, 0.0), (2.0, 0.3), (2.01, 0.3), (50.0, 0.3)])
def test_lp_ft_lets_the_stages_go_once_the_head_epochs_have_passed(
    toy_model: Callable[..., Classifier], progress: float, rate: float
) -> None:
    rates = lp_ft.groups(toy_model(), progress, head_epochs=2.0, backbone=0.3)
    assert rates == {"stem": rate, "body": rate, "head": 1}


def test_lp_ft_without_head_epochs_is_full_fine_tuning(toy_model: Callable[..., Classifier]) -> None:
    for progress in (0.0, 1.0):
        rates = lp_ft.groups(toy_model(), progress, head_epochs=0.0, backbone=0.1)
        assert rates == full.groups(toy_model(), progress, backbone=0.1)

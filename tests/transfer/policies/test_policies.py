"""What may move, and when: laws that every policy keeps."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import classifier

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.config.transfer import POLICIES
from medtransfer.training.optimiser import set_frozen
from medtransfer.transfer.policies import full, head, lp_ft
from medtransfer.transfer.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from medtransfer.models.classifier import Classifier

QUICK = tuple(name for name in BACKBONES.names() if name != "timm" and not name.endswith(("_3d", "_keras")))


@cache
def shapes_of(backbone: str) -> Classifier:
    """A network without numbers in it: its groups are all that is asked for."""
    with torch.device("meta"):
        return classifier(BACKBONES.get(backbone)(in_channels=3), source_classes=3)


def at(epoch: float, epochs: float = 30.0) -> Progress:
    return Progress(epoch, epochs)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(POLICIES.names()),
    backbone=st.sampled_from(QUICK),
    epochs=st.floats(0.01, 1e6),
    share=st.floats(0, 1),
)
def test_every_policy_rates_every_group_of_every_backbone(
    name: str, backbone: str, epochs: float, share: float
) -> None:
    model = shapes_of(backbone)
    rates = POLICIES.get(name)(model, Progress(share * epochs, epochs))
    assert list(rates) == list(model.groups())
    assert rates["head"] == 1
    assert all(math.isfinite(rate) and rate >= 0 for rate in rates.values())


@pytest.mark.parametrize(
    ("policy", "epoch", "still"),
    [
        ("head", 0.0, {"stem", "middle", "deep", "last"}),
        ("lp_ft", 0.0, {"stem", "middle", "deep", "last"}),
        ("fine_tune", 0.5, {"stem", "middle", "deep", "last"}),
        ("gradual", 2.0, {"stem", "middle"}),
    ],
)
def test_frozen_stages_are_the_same_bytes_after_an_epoch_buffers_included(
    mixed_model: Callable[[], Classifier],
    pictures: torch.Tensor,
    trained: Callable[..., None],
    bytes_of: Callable[[nn.Module], dict[str, bytes]],
    policy: str,
    epoch: float,
    still: set[str],
) -> None:
    model = mixed_model()
    rates = POLICIES.get(policy)(model, at(epoch))
    assert {group for group, rate in rates.items() if rate == 0} == still
    before = bytes_of(model)
    set_frozen(model, rates)
    trained(model, pictures, rates)
    changed = {name for name, value in bytes_of(model).items() if value != before[name]}
    kept = tuple(f"backbone.network.{part}." for group in still for part in model.backbone.stages[group])
    assert not {name for name in changed if name.startswith(kept)}
    assert {name for name in before if not name.startswith(kept)} == changed


@pytest.mark.parametrize("epoch", [0.0, 5.0, 1e6])
def test_linear_probing_never_moves_a_stage(toy_model: Callable[..., Classifier], epoch: float) -> None:
    assert head.groups(toy_model(), at(epoch)) == {"stem": 0, "body": 0, "head": 1}


@pytest.mark.parametrize("epoch", [0.0, 5.0, 1e6])
def test_full_fine_tuning_is_the_same_at_every_time(toy_model: Callable[..., Classifier], epoch: float) -> None:
    assert full.groups(toy_model(), at(epoch)) == {"stem": 1, "body": 1, "head": 1}
    assert full.groups(toy_model(), at(epoch), backbone=0.25) == {"stem": 0.25, "body": 0.25, "head": 1}


@pytest.mark.parametrize(("epoch", "rate"), [(0.0, 0.0), (1.99, 0.0), (2.0, 0.3), (2.01, 0.3), (50.0, 0.3)])
def test_lp_ft_lets_the_stages_go_once_the_head_epochs_have_passed(
    toy_model: Callable[..., Classifier], epoch: float, rate: float
) -> None:
    rates = lp_ft.groups(toy_model(), at(epoch), head_epochs=2.0, backbone=0.3)
    assert rates == {"stem": rate, "body": rate, "head": 1}


def test_lp_ft_without_head_epochs_is_full_fine_tuning(toy_model: Callable[..., Classifier]) -> None:
    for epoch in (0.0, 1.0):
        rates = lp_ft.groups(toy_model(), at(epoch), head_epochs=0.0, backbone=0.1)
        assert rates == full.groups(toy_model(), at(epoch), backbone=0.1)


@pytest.mark.parametrize(("epochs", "says"), [(4.0, True), (5.0, True), (5.1, False)])
def test_lp_ft_says_where_it_never_lets_the_stages_go(epochs: float, says: bool) -> None:
    assert bool(said := lp_ft.idle(epochs)) is says
    assert ("head_epochs = 5 " in said) is says
    assert lp_ft.idle(epochs, head_epochs=2.0) == ""

"""WiSE-FT goes along a line whose ends are known to the bit."""

from __future__ import annotations

import pytest
import torch

from medtransfer.core.errors import ObjectiveError
from medtransfer.transfer.averaging import wise_ft
from medtransfer.transfer.averaging._contract import Averaging
from medtransfer.transfer.types import Progress

NEW = ("head", "pooling")


def copied(model) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def run(network, move, *, coefficient: float, head_steps: int = 3, steps: int = 8):
    """The network, the average, and the weights when the stages began to move."""
    model = network()
    averaging = wise_ft.build(model, dict(model.named_parameters()), coefficient=coefficient)
    probed = copied(model)
    for step in range(steps):
        move(model, step, *(NEW if step < head_steps else ()))
        averaging.after_step(model, Progress(step + 1, steps))
        if step < head_steps:
            probed = copied(model)
    return model, averaging, probed


def test_one_is_the_network(network, move) -> None:
    model, averaging, _ = run(network, move, coefficient=1.0)
    for name, value in averaging.average(model).items():
        assert value.numpy().tobytes() == model.state_dict()[name].numpy().tobytes()


def test_zero_is_the_pretrained_weights_under_the_linear_probe(network, move) -> None:
    model, averaging, probed = run(network, move, coefficient=0.0)
    found, pretrained = averaging.average(model), network().state_dict()
    for name, value in found.items():
        if value.is_floating_point():
            assert value.numpy().tobytes() == probed[name].numpy().tobytes()
            if name.startswith("backbone."):
                assert torch.equal(value, pretrained[name])
    assert not torch.equal(found["heads.head.weight"], pretrained["heads.head.weight"]), "not the random head"


@pytest.mark.parametrize("coefficient", [0.1, 0.5, 0.8])
def test_between_it_is_on_the_line(network, move, coefficient: float) -> None:
    model, averaging, probed = run(network, move, coefficient=coefficient)
    end = model.state_dict()
    for name, value in averaging.average(model).items():
        if value.is_floating_point():
            expected = (1 - coefficient) * probed[name].double() + coefficient * end[name].double()
            torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-6)


def test_where_no_stage_moves_it_is_the_network(network, move) -> None:
    model, averaging, _ = run(network, move, coefficient=0.3, head_steps=8)
    for name, value in averaging.average(model).items():
        assert torch.equal(value, model.state_dict()[name])


def test_the_start_it_is_given_counts_and_not_the_live_network(network, move) -> None:
    """Of parameters; an adapter, which the pretrained weights do not know, begins as it is."""
    model = network()
    given = {name: value.detach() + 1 for name, value in model.named_parameters() if "body.0" not in name}
    averaging = wise_ft.build(model, given, coefficient=0.0)
    found, began = averaging.average(model), copied(model)
    assert torch.equal(found["backbone.network.stem.0.weight"], began["backbone.network.stem.0.weight"] + 1)
    assert torch.equal(found["backbone.network.body.0.weight"], began["backbone.network.body.0.weight"])
    live = wise_ft.build(model, dict(model.named_parameters()), coefficient=0.0)
    move(model, 0, *NEW)
    live.after_step(model, Progress(1, 8))
    move(model, 1)
    live.after_step(model, Progress(2, 8))
    assert torch.equal(live.average(model)["backbone.network.body.0.weight"], began["backbone.network.body.0.weight"])


def test_random_weights_are_refused_at_build(network) -> None:
    with pytest.raises(ObjectiveError) as raised:
        wise_ft.build(network(), None)
    assert raised.value.code == "NoStart"
    assert "model.weights" in (raised.value.hint or "")


def test_stages_that_move_in_the_first_step_are_refused_and_frozen_ones_are_not() -> None:
    wise_ft.check_first_step([])
    with pytest.raises(ObjectiveError, match=r"layer3, layer4 move in the first step") as raised:
        wise_ft.check_first_step(["layer3", "layer4"])
    assert raised.value.code == "NoHeadPhase"


def test_without_a_phase_of_the_head_alone_it_is_refused_at_the_first_step(network, move) -> None:
    model = network()
    averaging: Averaging = wise_ft.build(model, dict(model.named_parameters()))
    move(model, 0)
    with pytest.raises(ObjectiveError) as raised:
        averaging.after_step(model, Progress(0.25, 8))
    assert raised.value.code == "NoHeadPhase"
    assert "lp_ft" in (raised.value.hint or "")

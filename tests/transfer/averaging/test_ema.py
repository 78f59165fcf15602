"""The exponential moving average is its closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from medtransfer.transfer.averaging import ema
from medtransfer.transfer.types import Progress

NOWHERE = Progress(0.1, 1)


def test_of_a_constant_it_is_the_constant_bit_for_bit(network) -> None:
    model = network()
    averaging = ema.build(model, None)
    for _ in range(50):
        averaging.after_step(model, NOWHERE)
    found = averaging.average(model)
    for name, value in model.state_dict().items():
        assert found[name].numpy().tobytes() == value.numpy().tobytes()


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999])
def test_it_is_the_weighted_sum_of_all_steps(network, move, decay: float) -> None:
    """θ̄ = Π d·θ⁰ + Σ_t (1 − d_t)·(Π_{s>t} d_s)·θ_t."""
    model = network()
    averaging = ema.build(model, None, decay=decay)
    path = [{name: value.double() for name, value in model.state_dict().items()}]
    for step in range(40):
        move(model, step)
        averaging.after_step(model, NOWHERE)
        path.append({name: value.double() for name, value in model.state_dict().items()})
    decays = [min(decay, (1 + t) / (10 + t)) for t in range(40)]
    shares = [math.prod(decays), *((1 - decays[t]) * math.prod(decays[t + 1 :]) for t in range(40))]
    assert sum(shares) == pytest.approx(1)
    for name, value in averaging.average(model).items():
        if value.is_floating_point():
            expected = sum(share * tensors[name] for share, tensors in zip(shares, path, strict=True))
            torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-5)


def test_once_warm_it_is_torchs_own(network, move) -> None:
    """At a decay of 0.1 the warm-up ends with the first step; torch's begins with a copy, ours at the start."""
    model = network()
    averaging = ema.build(model, None, decay=0.1)
    theirs = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.1), use_buffers=True)
    theirs.update_parameters(model)
    for step in range(20):
        move(model, step)
        averaging.after_step(model, NOWHERE)
        theirs.update_parameters(model)
    expected = theirs.module.state_dict()
    for name, value in averaging.average(model).items():
        if value.is_floating_point():
            torch.testing.assert_close(value, expected[name])

"""The diagonal Fisher information equals its definition, with labels that are the model's own."""

from __future__ import annotations

from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from medtransfer.transfer.parameters._fisher import FEW, differentiable, fisher_diagonal, label_directions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

CASES = 5


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _net(classes: int) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(12, classes)
        return nn.Sequential(*layers).double()


def _pictures() -> Tensor:
    return torch.randn(CASES, 1, 4, 4, generator=_generator(), dtype=torch.float64)


def _one_by_one(net: nn.Module, pictures: Tensor) -> Iterator[Tensor]:
    return (net(picture[None])[0] for picture in pictures)


def _by_definition(net: nn.Module, pictures: Tensor, *, exclusive: bool) -> list[Tensor]:
    """E_x Σ_y p(y | x) [∂ log p(y | x)]², every possible y in turn."""
    parameters = list(net.parameters())
    found = [torch.zeros_like(p) for p in parameters]
    classes = len(net(pictures[:1])[0])
    answers = torch.eye(classes) if exclusive else torch.tensor(list(product((0.0, 1.0), repeat=classes)))
    for picture in pictures:
        for answer in answers.double():
            logits = net(picture[None])[0]
            if exclusive:
                log_p = logits.log_softmax(dim=0) @ answer
            else:
                log_p = -functional.binary_cross_entropy_with_logits(logits, answer, reduction="sum")
            gradients = torch.autograd.grad(log_p, parameters)
            for part, gradient in zip(found, gradients, strict=True):
                part.add_(log_p.detach().exp() * gradient.square() / len(pictures))
    return found


@pytest.mark.parametrize(("classes", "exclusive"), [(2, True), (3, True), (FEW + 1, True), (1, False), (3, False)])
def test_it_is_the_definition(classes: int, exclusive: bool) -> None:
    net, pictures = _net(classes), _pictures()
    found = fisher_diagonal(
        _one_by_one(net, pictures), list(net.parameters()), exclusive=exclusive, generator=_generator()
    )
    for one, other in zip(found, _by_definition(net, pictures, exclusive=exclusive), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-14)
        assert (one >= 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_of_a_logistic_regression_it_is_p_times_one_minus_p_times_x_squared(dtype: torch.dtype) -> None:
    generator = np.random.default_rng(0)
    x, w, b = generator.normal(size=(40, 6)), generator.normal(size=6), 0.3
    p = 1 / (1 + np.exp(-(x @ w + b)))
    weight = nn.Parameter(torch.tensor(w[None], dtype=dtype))
    bias = nn.Parameter(torch.tensor([b], dtype=dtype))
    logits = (functional.linear(torch.tensor(row, dtype=dtype), weight, bias) for row in x)
    found = fisher_diagonal(logits, [weight, bias], exclusive=False, generator=_generator())
    np.testing.assert_allclose(found[0][0].numpy(), (p * (1 - p)) @ x**2 / 40, rtol=1e-6)
    np.testing.assert_allclose(found[1].numpy(), [(p * (1 - p)).mean()], rtol=1e-6)


@pytest.mark.parametrize("exclusive", [True, False])
def test_drawn_labels_are_right_on_average(exclusive: bool) -> None:
    """Many classes: the same case many times over gives the exact expectation, within four standard errors."""
    classes, draws = FEW + 4, 3000
    x = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    weight = nn.Parameter(torch.randn(classes, 3, generator=_generator(1), dtype=torch.float64))
    (found,) = fisher_diagonal(
        ((weight @ x) for _ in range(draws)), [weight], exclusive=exclusive, generator=_generator(2)
    )
    z = (weight @ x).detach()
    p = z.softmax(dim=0) if exclusive else z.sigmoid()
    expected = (p * (1 - p))[:, None] * x.square()
    deviation = (p * (1 - p)).sqrt() * (1 - 2 * p).abs()  # of (y − p)², y a coin
    slack = 4 * deviation[:, None] * x.square() / draws**0.5 + 1e-6
    assert ((found - expected).abs() <= slack).all()


@given(st.lists(st.floats(-40, 40), min_size=2, max_size=FEW + 1), st.booleans())
def test_the_directions_have_the_labels_covariance(logits: list[float], exclusive: bool) -> None:
    z = torch.tensor(logits[: FEW + exclusive], dtype=torch.float64)
    rows = label_directions(z, exclusive=exclusive, generator=_generator())
    p = z.softmax(dim=0) if exclusive else z.sigmoid()
    covariance = p.diag() - torch.outer(p, p) if exclusive else (p * (1 - p)).diag()
    assert len(rows) == len(z) - exclusive
    torch.testing.assert_close(rows.T @ rows, covariance, rtol=0, atol=1e-14)


def test_equal_seeds_draw_equal_labels() -> None:
    z = torch.randn(50, generator=_generator())
    one, other, third = (label_directions(z, exclusive=True, generator=_generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, other)
    assert not torch.equal(one, third)


def test_what_has_no_part_in_the_logits_has_no_information() -> None:
    net, idle = _net(3), nn.Parameter(torch.ones(4))
    found = fisher_diagonal(_one_by_one(net, _pictures()), [idle], exclusive=True, generator=_generator())
    assert torch.equal(found[0], torch.zeros(4))


def test_it_is_not_the_square_of_a_batchs_gradient() -> None:
    """A shortcut often taken; it is several times too small."""
    net, pictures = _net(2), _pictures()
    parameters = list(net.parameters())
    found = fisher_diagonal(_one_by_one(net, pictures), parameters, exclusive=True, generator=_generator())
    labels = torch.distributions.Categorical(logits=net(pictures)).probs.argmax(dim=1)
    gradients = torch.autograd.grad(functional.cross_entropy(net(pictures), labels), parameters)
    shortcut = sum(float(g.square().sum()) for g in gradients)
    assert sum(float(part.sum()) for part in found) > 2 * shortcut


def test_batch_statistics_are_those_that_were_learnt() -> None:
    """One case has none of its own; the modes and the buffers are as before, after an error, too."""
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2)).double()
    net[1].eval()
    net[0].weight.requires_grad_(False)
    parameters, before = list(net.parameters()), {name: value.clone() for name, value in net.state_dict().items()}
    with torch.no_grad(), suppress(ZeroDivisionError), differentiable(net, parameters):
        assert not any(module.training for module in net.modules())
        cases = _one_by_one(net, _pictures())
        found = fisher_diagonal(cases, parameters, exclusive=True, generator=_generator())
        assert all(float(part.sum()) > 0 for part in found), "frozen ones, too"
        raise ZeroDivisionError
    assert [module.training for module in net] == [True, False, True, True]
    assert [p.requires_grad for p in parameters] == [False, True, True, True, True, True]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())

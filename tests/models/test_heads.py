"""Heads and losses are those of statsmodels, scikit-learn and torch, and stay finite where formulas do not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from statsmodels.miscmodels.ordinal_model import OrderedModel
from torch import nn

from medtransfer.core.errors import ConfigError
from medtransfer.core.types import Task
from medtransfer.models.answers import probabilities
from medtransfer.models.heads import LEAST_GAP, CumulativeLink, build_head, known, losses

TASKS: tuple[Task, ...] = ("multiclass", "multilabel", "ordinal")
every = pytest.mark.parametrize("task", TASKS)
quickly = settings(deadline=None, max_examples=40)
SEEDS = st.integers(0, 10**6)


def _ordinal(classes: int, *, seed: int = 0, dim: int = 3) -> CumulativeLink:
    """A head that has been trained on something."""
    torch.manual_seed(seed)
    head = CumulativeLink(dim, classes)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(torch.randn_like(parameter))
    return head


def _targets(task: Task, cases: int, classes: int, *, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    if task != "multilabel":
        return torch.randint(classes, (cases,), generator=generator)
    labels = torch.randint(3, (cases, classes), generator=generator).float()
    return torch.where(labels == 2, math.nan, labels)


@every
def test_a_head_gives_as_many_logits_as_its_task_has(task: Task) -> None:
    logits = build_head(task, 7, 4)(torch.randn(5, 7))
    assert logits.shape == (5, 3 if task == "ordinal" else 4)


@pytest.mark.parametrize(("task", "classes"), [("multiclass", 1), ("ordinal", 1), ("multilabel", 0)])
def test_too_few_classes_are_refused(task: Task, classes: int) -> None:
    with pytest.raises(ConfigError, match=f"{classes} classes are too few for a {task} question") as caught:
        build_head(task, 7, classes)
    assert caught.value.code == "TooFewClasses"


@every
def test_losses_are_minus_the_log_of_what_predictions_give_the_truth(task: Task) -> None:
    torch.manual_seed(0)
    logits = build_head(task, 6, 4)(torch.randn(50, 6)).detach()
    targets = _targets(task, 50, 4)
    predicted = probabilities(task, logits.double().numpy())
    if task == "multilabel":
        expected = [-np.log(np.abs(1 - y - p))[~np.isnan(y)] for y, p in zip(targets.numpy(), predicted, strict=True)]
    else:
        expected = -np.log(predicted[np.arange(50), targets])[:, None]
    means = [row.mean() if row.size else 0 for row in expected]
    np.testing.assert_allclose(losses(task, logits, targets), means, rtol=1e-5)


@pytest.mark.parametrize("classes", [3, 5])
def test_ordinal_is_statsmodels_proportional_odds(classes: int) -> None:
    head = _ordinal(classes).double()
    features, grades = torch.randn(80, 3, dtype=torch.float64), _targets("ordinal", 80, classes)
    cuts = head.cuts().detach()
    model = OrderedModel(grades.numpy(), features.numpy(), distr="logit")
    parameters = torch.cat([head.score.weight.detach()[0], cuts[:1], cuts.diff().log()]).numpy()
    found = losses("ordinal", head(features), grades).detach()
    np.testing.assert_allclose(found, -model.loglikeobs(parameters), rtol=1e-9)
    logits = head(features).detach().numpy()
    np.testing.assert_allclose(probabilities("ordinal", logits), model.predict(parameters), rtol=1e-9)


def test_ordinal_fits_what_statsmodels_fits() -> None:
    torch.manual_seed(0)
    features = torch.randn(300, 2, dtype=torch.float64)
    noisy = features @ torch.tensor([1.0, -0.5], dtype=torch.float64) + 1.5 * torch.randn(300, dtype=torch.float64)
    grades = torch.bucketize(noisy, torch.tensor([-1.0, 0.2, 2.0], dtype=torch.float64))
    head = CumulativeLink(2, 4).double()
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=200, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = losses("ordinal", head(features), grades).mean()
        loss.backward()
        return loss.detach()

    optimiser.step(closure)
    fitted = OrderedModel(grades.numpy(), features.numpy(), distr="logit").fit(method="bfgs", disp=False, gtol=1e-8)
    np.testing.assert_allclose(head.score.weight.detach()[0], fitted.params[:2], rtol=1e-4)
    steps = np.exp(fitted.params[3:]).cumsum()
    np.testing.assert_allclose(head.cuts().detach(), fitted.params[2] + np.r_[0, steps], atol=1e-4)


@quickly
@given(st.integers(2, 6), SEEDS)
def test_multiclass_is_scikit_learns_log_loss(classes: int, seed: int) -> None:
    logits = torch.randn(20, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    targets = _targets("multiclass", 20, classes, seed=seed)
    expected = log_loss(targets, probabilities("multiclass", logits.numpy()), labels=range(classes))
    assert losses("multiclass", logits, targets).mean().item() == pytest.approx(expected, rel=1e-9)


@quickly
@given(st.integers(1, 6), SEEDS)
def test_unknown_labels_are_left_out_and_have_no_gradient(classes: int, seed: int) -> None:
    logits = torch.randn(9, classes, generator=torch.Generator().manual_seed(seed)).requires_grad_()
    targets = _targets("multilabel", 9, classes, seed=seed)
    found = losses("multilabel", logits, targets)
    (gradient,) = torch.autograd.grad(found.sum(), logits)
    for case in range(9):
        given_labels = ~targets[case].isnan()
        assert bool(known("multilabel", targets)[case]) == bool(given_labels.any())
        assert (gradient[case, ~given_labels] == 0).all()
        assert (gradient[case, given_labels] != 0).all()
        expected = nn.BCEWithLogitsLoss()(logits[case, given_labels], targets[case, given_labels])
        torch.testing.assert_close(found[case], expected.nan_to_num(0))  # torch's mean of nothing is NaN


@pytest.mark.parametrize("task", ["multiclass", "ordinal"])
def test_every_case_with_a_class_is_known(task: Task) -> None:
    assert known(task, torch.tensor([0, 2, 1])).tolist() == [True, True, True]


@quickly
@given(st.integers(2, 12), SEEDS, st.floats(-200, 200))
def test_cuts_rise_whatever_is_learned(classes: int, seed: int, learned: float) -> None:
    head = _ordinal(classes, seed=seed)
    with torch.no_grad():
        head.gaps.fill_(learned)
    assert (head.cuts().diff() > 0).all()
    logits = head(torch.randn(10, 3))
    assert (logits.diff(dim=1) < 0).all()
    assert (probabilities("ordinal", logits.detach().double().numpy()) > 0).all() or learned > 20


@pytest.mark.parametrize("classes", [2, 3, 4, 10, 100])
def test_all_grades_are_equally_probable_at_first(classes: int) -> None:
    head = CumulativeLink(5, classes)
    logits = head(torch.zeros(1, 5)).detach().double().numpy()
    np.testing.assert_allclose(probabilities("ordinal", logits), np.full((1, classes), 1 / classes), rtol=1e-4)


def test_a_higher_score_never_makes_a_grade_above_less_probable() -> None:
    head = _ordinal(4, dim=1)
    with torch.no_grad():
        head.score.weight.fill_(1)
    logits = head(torch.linspace(-9, 9, 50)[:, None]).detach().double().numpy()
    above = probabilities("ordinal", logits)[:, ::-1].cumsum(axis=1)[:, ::-1]
    assert (np.diff(above[:, 1:], axis=0) > 0).all()


@every
@pytest.mark.parametrize("size", [0.0, 1.0, 100.0, 1e4, 1e30])
def test_losses_and_gradients_are_finite_for_extreme_logits(task: Task, size: float) -> None:
    logits = torch.randn(30, 4, generator=torch.Generator().manual_seed(0)) * size
    if task == "ordinal":
        logits = logits.sort(dim=1, descending=True).values
    logits.requires_grad_()
    found = losses(task, logits, _targets(task, 30, 4))
    (gradient,) = torch.autograd.grad(found.sum(), logits)
    assert (found >= 0).all()
    assert found.isfinite().all()
    assert gradient.isfinite().all()


def test_a_grade_that_never_occurs_does_not_break_the_others() -> None:
    """Its cuts come as near as they may, and no nearer."""
    torch.manual_seed(0)
    features = torch.randn(64, 2)
    grades = 2 * (features[:, 0] > 0).long()
    head = CumulativeLink(2, 3)
    optimiser = torch.optim.SGD(head.parameters(), lr=1.0)
    for _ in range(500):
        optimiser.zero_grad()
        losses("ordinal", head(features), grades).mean().backward()
        optimiser.step()
    assert LEAST_GAP * 0.9 < head.cuts().diff().item() < 0.2
    assert ((head(features)[:, 0] > 0).long() * 2 == grades).all()


@every
def test_gradients_are_right_in_64_bits(task: Task) -> None:
    torch.manual_seed(0)
    head, targets = build_head(task, 3, 4).double(), _targets(task, 6, 4)
    names, parameters = zip(*head.named_parameters(), strict=True)
    features = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)

    def loss(features: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        logits = torch.func.functional_call(head, dict(zip(names, parameters, strict=True)), (features,))
        return losses(task, logits, targets)

    assert torch.autograd.gradcheck(loss, (features, *parameters))


@every
def test_half_precision_is_computed_in_full(task: Task) -> None:
    torch.manual_seed(0)
    head, targets = build_head(task, 6, 4), _targets(task, 20, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = head(torch.randn(20, 6))
        inside = losses(task, logits, targets)
    assert torch.equal(inside, losses(task, logits.float(), targets))
    assert torch.equal(losses(task, logits.bfloat16(), targets), losses(task, logits.bfloat16().float(), targets))
    if task == "ordinal":
        assert logits.dtype == torch.float32
        assert (logits.diff(dim=1) < 0).all()


@every
def test_no_cases_have_no_losses(task: Task) -> None:
    logits = build_head(task, 6, 4)(torch.randn(0, 6))
    targets = _targets(task, 0, 4)
    assert losses(task, logits, targets).shape == known(task, targets).shape == (0,)

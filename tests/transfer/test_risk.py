"""Risks are the formulas; what imbalance settings shift is a constant that can be taken off."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from medtransfer.core.types import UNKNOWN
from medtransfer.transfer.risk import Risk


def logits(n: int = 7, classes: int = 3, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, classes, generator=generator, dtype=torch.float64).requires_grad_()


LABELS = torch.tensor([0, 1, 2, 1, 0, 2, 2])


def test_the_plain_risk_is_cross_entropy() -> None:
    torch.testing.assert_close(Risk("multiclass")(logits(), LABELS), functional.cross_entropy(logits(), LABELS))


def test_cases_without_a_label_change_neither_value_nor_gradient() -> None:
    some, labels = logits(), LABELS.clone()
    labels[4:] = UNKNOWN
    Risk("multiclass")(some, labels).backward()
    known = logits()
    value = Risk("multiclass")(known[:4], LABELS[:4])
    value.backward()
    torch.testing.assert_close(Risk("multiclass")(some, labels), value)
    assert some.grad is not None
    assert known.grad is not None
    torch.testing.assert_close(some.grad, known.grad)
    assert torch.equal(some.grad[4:], torch.zeros(3, 3, dtype=torch.float64))


@pytest.mark.parametrize("task", ["multiclass", "ordinal"])
def test_a_batch_without_any_label_has_risk_0(task: str) -> None:
    falling = logits().detach().sort(dim=1, descending=True).values.requires_grad_()
    value = Risk(task)(falling, torch.full((7,), UNKNOWN))  # pyright: ignore[reportArgumentType]
    value.backward()
    assert value.item() == 0
    assert falling.grad is not None
    assert torch.equal(falling.grad, torch.zeros_like(falling))


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_the_focal_loss_is_its_formula(gamma: float) -> None:
    p = torch.softmax(logits(), dim=1)[torch.arange(7), LABELS]
    expected = (-((1 - p) ** gamma) * p.log()).mean()
    torch.testing.assert_close(Risk("multiclass", focusing=gamma)(logits(), LABELS), expected)


def test_the_focal_loss_of_a_sure_case_has_a_finite_gradient() -> None:
    sure = torch.tensor([[200.0, -200.0]], requires_grad=True)
    Risk("multiclass", focusing=0.5)(sure, torch.tensor([0])).backward()
    assert sure.grad is not None
    assert bool(sure.grad.isfinite().all())


def test_logit_adjustment_is_cross_entropy_of_shifted_logits() -> None:
    shift = np.log(np.array([0.7, 0.2, 0.1]))
    expected = functional.cross_entropy(logits() + torch.from_numpy(shift), LABELS)
    found = Risk("multiclass", adjustment=shift)(logits(), LABELS)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)


def test_class_weights_and_instance_weights_multiply() -> None:
    classes, cases = np.array([0.5, 1.0, 2.0]), torch.linspace(0.2, 2.0, 7)
    each = functional.cross_entropy(logits(), LABELS, reduction="none")
    expected = (each * torch.from_numpy(classes)[LABELS] * cases).sum() / 7
    found = Risk("multiclass", class_weights=classes)(logits(), LABELS, cases)
    torch.testing.assert_close(found, expected, check_dtype=False)

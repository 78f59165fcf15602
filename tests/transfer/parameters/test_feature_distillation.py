"""Feature distillation is the mean squared distance of features."""

from __future__ import annotations

import numpy as np
import torch
from functional_terms import moved, pictures, studies, toy, value

from medtransfer.transfer.parameters.feature_distillation import build


def test_it_is_the_squared_distance_over_items_and_features() -> None:
    model, batch = toy(), pictures(6, seed=1)
    term = build(model, dict(model.named_parameters()), studies(4))
    with torch.no_grad():
        before = model.backbone(model.normalised(batch)).numpy()
        now = moved(model).backbone(model.normalised(batch)).numpy()
    expected = np.mean([np.linalg.norm(a - b) ** 2 / before.shape[1] for a, b in zip(now, before, strict=True)])
    np.testing.assert_allclose(value(model, term, batch).item(), expected, rtol=1e-5)


def test_its_gradient_is_that_of_a_plain_double_forward_pass() -> None:
    model, batch = toy(chunk=2), pictures(6, seed=1)
    term = build(model, dict(model.named_parameters()), studies(4))
    with torch.no_grad():
        before = model.backbone(model.normalised(batch))
    moved(model)
    value(model, term, batch).backward()
    found = [p.grad.clone() for p in model.backbone.parameters() if p.grad is not None]
    model.zero_grad()
    torch.nn.functional.mse_loss(model.backbone(model.normalised(batch)), before).backward()
    expected = [p.grad for p in model.backbone.parameters()]
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)

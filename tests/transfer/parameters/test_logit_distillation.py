"""Logit distillation is Hinton's softened divergence, on the pretrained weights' own head."""

from __future__ import annotations

import math
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from functional_terms import FEATURES, SOURCE_CLASSES, moved, pictures, step_of, studies, toy, value

from medtransfer.core.config.models import BACKBONES, ModelConfig
from medtransfer.core.errors import ObjectiveError
from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.assemble import new_classifier
from medtransfer.models.classifier import Classifier, Question
from medtransfer.models.weights.load import _pretrained_head
from medtransfer.transfer.parameters._source_head import WITH_HEAD, learnable
from medtransfer.transfer.parameters.logit_distillation import LogitDistillation, build


def _start(model: Classifier) -> dict[str, torch.Tensor]:
    return dict(model.named_parameters())


def _built(model: Classifier, temperature: float = 2.0) -> LogitDistillation:
    term = build(model, _start(model), studies(4), temperature=temperature)
    assert isinstance(term, LogitDistillation)
    return term


def _softened(logits: np.ndarray, temperature: float) -> np.ndarray:
    powers = np.exp(logits / temperature - (logits / temperature).max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 5.0])
def test_it_is_the_divergence_by_hand_times_the_squared_temperature(temperature: float) -> None:
    model, batch = toy(), pictures(6, seed=1)
    term = _built(model, temperature)
    head = model.weights.head
    assert head is not None
    weight, bias = head.weight.double().numpy(), head.bias.double().numpy()
    with torch.no_grad():
        before = model.backbone(model.normalised(batch)).double().numpy()
        now = moved(model).backbone(model.normalised(batch)).double().numpy()
    p, q = (_softened(features @ weight.T + bias, temperature) for features in (before, now))
    expected = temperature**2 * (p * np.log(p / q)).sum(axis=1).mean()
    assert value(model, term, batch).item() == pytest.approx(expected, rel=1e-4)


def test_it_is_torchs_kl_div() -> None:
    model, batch = toy(), pictures(6, seed=1)
    term = _built(model, 3.0)
    head = model.weights.head
    assert head is not None
    with torch.no_grad():
        before = model.backbone(model.normalised(batch)) @ head.weight.T + head.bias
        now = moved(model).backbone(model.normalised(batch)) @ head.weight.T + head.bias
    expected = 9 * torch.nn.functional.kl_div((now / 3).log_softmax(1), (before / 3).softmax(1), reduction="batchmean")
    torch.testing.assert_close(value(model, term, batch), expected, rtol=1e-4, atol=1e-7, check_dtype=False)


def _gradient(temperature: float) -> torch.Tensor:
    """Of the encoder's last layer, from a network far from its start."""
    model = toy()
    term = _built(model, temperature)
    value(moved(model), term, pictures(6, seed=1)).backward()
    gradient = dict(model.backbone.named_parameters())["network.top.1.weight"].grad
    assert gradient is not None
    return gradient


def test_the_factor_keeps_the_gradients_size_at_high_temperatures() -> None:
    """In the limit T² · (q − p)/T → (z − z⁰, centred)/K: without the factor it would fall by 4 at every doubling."""
    norms = [float(_gradient(temperature).norm()) for temperature in (8.0, 16.0, 32.0, 64.0)]
    ratios = [after / before for before, after in pairwise(norms)]
    assert ratios == pytest.approx([1, 1, 1], abs=0.12)
    assert abs(ratios[2] - 1) < abs(ratios[0] - 1)
    sizes = [float(_gradient(temperature).norm()) for temperature in (1.0, 2.0, 4.0, 8.0)]
    assert max(sizes) < 4 * min(sizes), "over T = 1 … 8 plain divergences would differ by 64"


def test_the_gradient_at_the_logits_is_the_formulas() -> None:
    """∂Ω/∂z = T · (softmax(z/T) − softmax(z⁰/T)) / n, which tends to (z − z⁰ − mean)/(n·K)."""
    temperature, model, batch = 50.0, toy(), pictures(6, seed=1)
    term = _built(model, temperature)
    step = step_of(moved(model), term, batch)
    term.loss(step).backward()
    assert step.target is not None
    ours, before = (half.double() for half in step.target.watched[step.name].detach().chunk(2, dim=1))
    weight = term.weight.double()
    now, then = ours @ weight.T + term.bias, before @ weight.T + term.bias
    slopes = temperature * ((now / temperature).softmax(1) - (then / temperature).softmax(1)) / len(batch)
    assert term.head.weight.grad is not None
    torch.testing.assert_close(term.head.weight.grad.double(), slopes.T @ ours, rtol=1e-3, atol=1e-6)
    difference = now - then
    limit = (difference - difference.mean(dim=1, keepdim=True)) / (SOURCE_CLASSES * len(batch))
    assert (slopes - limit).norm() < 0.05 * limit.norm()


def test_the_students_head_is_a_copy_that_learns_and_the_teachers_stays() -> None:
    model = toy()
    head = model.weights.head
    assert head is not None
    term = _built(model)
    assert sorted(name for name, _ in term.named_parameters()) == ["head.bias", "head.weight"]
    assert sorted(term.state_dict()) == ["head.bias", "head.weight"]
    assert torch.equal(term.head.weight, head.weight)
    assert term.head.weight.shape == (SOURCE_CLASSES, FEATURES)
    kept = head.weight.clone()
    optimiser = torch.optim.SGD(term.parameters(), lr=0.1)
    value(moved(model), term, pictures(6, seed=1)).backward()
    optimiser.step()
    assert not torch.equal(term.head.weight, kept)
    assert torch.equal(term.weight, kept)
    assert torch.equal(head.weight, kept)


def test_a_head_that_learns_can_make_up_for_the_encoder() -> None:
    """Turned features and a head turned back answer the same."""
    model, batch = toy(), pictures(6, seed=1)
    term = _built(model)
    step = step_of(model, term, batch)
    turn, _ = torch.linalg.qr(torch.randn(FEATURES, FEATURES, generator=torch.Generator().manual_seed(0)))
    assert step.target is not None
    seen = step.target.watched[step.name].detach()
    turned = torch.cat([seen[:, :FEATURES] @ turn, seen[:, FEATURES:]], dim=1)
    step.target.watched[step.name] = turned  # pyright: ignore[reportIndexIssue]
    assert term.loss(step).item() > 0.01
    with torch.no_grad():
        term.head.weight.copy_(term.head.weight @ turn)
    assert term.loss(step).item() == pytest.approx(0, abs=1e-6)


# What is missing


def test_weights_without_a_head_are_refused_and_backbones_with_one_are_named() -> None:
    with pytest.raises(ObjectiveError) as caught:
        build(toy(head=False), _start(toy()), studies(4))
    assert caught.value.code == "NoSourceHead"
    assert caught.value.path == "objective.parameters.logit_distillation"
    assert all(name in (caught.value.hint or "") for name in ("resnet50", "mobilenet_v2"))
    assert "squeezenet1_1" not in (caught.value.hint or "")


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, math.nan])
def test_a_temperature_that_is_none_is_refused(temperature: float) -> None:
    with pytest.raises(ObjectiveError) as caught:
        _built(toy(), temperature)
    assert caught.value.path == "objective.parameters.logit_distillation.temperature"


def test_the_named_backbones_are_those_whose_imagenet_weights_end_in_one_linear_layer() -> None:
    models = import_torchvision().models
    found = []
    for name in BACKBONES.names():
        if name not in models.list_models():
            continue
        with torch.device("meta"):
            how = {"init_weights": False} if name == "inception_v3" else {}
            state, backbone = models.get_model(name, **how).state_dict(), BACKBONES.get(name)()
            if _pretrained_head(backbone, state) is not None:
                found.append(name)
    assert tuple(found) == WITH_HEAD


# The real head


@pytest.mark.real_data
def test_the_real_networks_source_head_answers_as_torchvisions_own(tmp_path: Path) -> None:
    if "MEDTRANSFER_DATA" not in os.environ:
        pytest.skip("MEDTRANSFER_DATA does not point to the real data")
    path = Path(os.environ["MEDTRANSFER_DATA"]) / "weights/mobilenet_v2_imagenet.pth"
    config = ModelConfig(backbone="mobilenet_v2", weights=str(path))
    model = new_classifier(config, question=Question("multiclass", 2), seed=0).eval()
    head = model.weights.head
    assert head is not None
    theirs = import_torchvision().models.mobilenet_v2()
    theirs.load_state_dict(torch.load(path, weights_only=True))
    batch = pictures(4, seed=1, size=96)
    with torch.no_grad():
        expected = theirs.eval()(model.normalised(batch))
        found = learnable(head)(model.backbone(model.normalised(batch)))
    assert found.shape == (4, 1000)
    assert torch.equal(found.argmax(dim=1), expected.argmax(dim=1))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    term = build(model, _start(model), studies(4))
    assert value(model, term, batch).item() == 0
    moved(model, by=1e-3)
    loss = value(model, term, batch)
    loss.backward()
    assert loss.item() > 0

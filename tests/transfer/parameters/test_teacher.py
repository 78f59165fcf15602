"""The teacher sees what the student sees, and costs one forward pass."""

from __future__ import annotations

import pytest
import torch
from functional_terms import moved, pictures, studies, toy, value

from medtransfer.core.config.data import AugmentConfig
from medtransfer.transfer.parameters._teacher import Teacher
from medtransfer.transfer.parameters.feature_distillation import build


def test_the_teacher_is_what_the_network_was_in_evaluation_mode() -> None:
    model = toy()
    batch = model.normalised(pictures(4, seed=1))
    with torch.no_grad():
        before = model.backbone(batch)
    teacher = Teacher(model.backbone.train())
    moved(model)
    found = teacher.features(batch)
    assert torch.equal(found, before)
    assert not found.requires_grad
    assert model.backbone.training, "the student's mode is its own"


def test_its_gradients_reach_the_inputs_where_they_are_asked_for() -> None:
    teacher = Teacher(toy().backbone)
    batch = pictures(2, seed=1).requires_grad_()
    features, passed = teacher.tapped(batch, ["body"], gradients=True)
    (gradient,) = torch.autograd.grad(features.sum(), passed["body"])
    assert gradient.shape == passed["body"].shape
    assert not teacher.tapped(batch, ["body"])[0].requires_grad


def test_activations_that_are_computed_again_are_the_students_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of features, the teacher's forward pass comes last and leaves nothing for the backward pass to look for."""
    calls = []
    plain = Teacher.features
    monkeypatch.setattr(Teacher, "features", lambda self, inputs: calls.append(len(inputs)) or plain(self, inputs))
    model = toy(chunk=2)
    term = build(model, dict(model.named_parameters()), studies(4))
    loss = value(moved(model), term, pictures(6, seed=1))
    assert calls == [2, 2, 2]
    loss.backward()
    assert calls == [2, 2, 2]
    assert all(parameter.grad is not None for parameter in model.backbone.parameters())


def test_both_see_the_augmented_pictures() -> None:
    """At the start the term is 0 on pictures that were changed at random; an encoder given others would differ."""
    model = toy()
    term = build(model, dict(model.named_parameters()), studies(4))
    studies_ = studies(6).target
    batch, truths = studies_.batch(torch.arange(6).numpy(), augmentation=AugmentConfig(), seed=1, epoch=2)
    plain, _ = studies_.batch(torch.arange(6).numpy())
    assert not torch.equal(batch.load(torch.arange(6).numpy()), plain.load(torch.arange(6).numpy()))
    assert value(model, term, batch, truths).item() == 0

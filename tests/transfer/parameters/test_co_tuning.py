"""Co-tuning relates the classes of the pretrained head to the target's, and trains on what that says."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from functional_terms import SOURCE_CLASSES, labels, moved, pictures, step_of, studies, toy, value
from tiny import bags_of

from medtransfer.core.config.models import POOLINGS
from medtransfer.core.errors import ObjectiveError
from medtransfer.models.classifier import Question
from medtransfer.transfer.parameters import _label_relation
from medtransfer.transfer.parameters._label_relation import (
    TEMPERATURES,
    calibrated_temperature,
    log_loss,
    relation,
    softmax,
)
from medtransfer.transfer.parameters.co_tuning import CoTuning, build
from medtransfer.transfer.types import POOLED, Domain, Step, TransferData

if TYPE_CHECKING:
    from medtransfer.models.classifier import Classifier


def _built(model: Classifier, data: TransferData, **settings: Any) -> CoTuning:
    term = build(model, dict(model.named_parameters()), data, **settings)
    assert isinstance(term, CoTuning)
    return term


# The relation


def test_the_relation_is_the_empirical_conditional() -> None:
    """Where the source's class is certain, p(s | y) are the shares of y's cases in each s."""
    source = np.array([0, 0, 1, 2, 2, 2, 1, 0])
    target = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    found = relation(np.eye(4)[source], target, classes=2)
    np.testing.assert_allclose(found, [[2 / 3, 1 / 3, 0, 0], [1 / 5, 1 / 5, 3 / 5, 0]], atol=1e-12)


def test_the_relation_approaches_the_true_conditional() -> None:
    truth = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    generator = np.random.default_rng(0)
    target = generator.integers(0, 2, 20_000)
    source = (generator.random(len(target))[:, None] > truth[target].cumsum(axis=1)).sum(axis=1)
    np.testing.assert_allclose(relation(np.eye(3)[source], target, classes=2), truth, atol=0.015)


def test_the_terms_relation_is_the_mean_of_the_pretrained_answers() -> None:
    model, data = toy(classes=3), studies(9, classes=3)
    term = _built(model, data, temperature=1.5)
    head = model.weights.head
    assert head is not None
    batch, truths = data.target.batch(np.arange(9))
    with torch.no_grad():
        answers = ((model(batch).features @ head.weight.T + head.bias) / 1.5).softmax(dim=1)
    expected = torch.stack([answers[truths == k].mean(dim=0) for k in range(3)])
    torch.testing.assert_close(term.relation, expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(term.relation.sum(dim=1), torch.ones(3))


def test_unlabelled_cases_say_nothing_of_the_relation() -> None:
    model, data = toy(), studies(10)
    truths = data.target.labels.copy()
    truths[[2, 3, 9]] = -1
    partly = TransferData(target=dataclasses.replace(data.target, labels=truths))
    known = np.flatnonzero(truths >= 0)
    alone = dataclasses.replace(
        data.target,
        rows=tuple(data.target.rows[case] for case in known),
        labels=data.target.labels[known],
        patients=data.target.patients[known],
        names=tuple(data.target.names[case] for case in known),
    )
    found, expected = (_built(model, each, temperature=1.0) for each in (partly, TransferData(target=alone)))
    torch.testing.assert_close(found.relation, expected.relation)


# Calibration


def _domain(sharpness: float, *, cases: int = 1500, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits of a source head that is `sharpness` times too sure; labels depend on the source's class alone."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(scale=2.0, size=(cases, 6))
    source = (generator.random(cases)[:, None] > softmax(logits).cumsum(axis=1)).sum(axis=1).clip(max=5)
    chance = np.array([0.05, 0.95, 0.1, 0.9, 0.05, 0.95])[source]
    return logits * sharpness, (generator.random(cases) < chance).astype(np.int64), np.arange(cases)


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.0, 4.0])
def test_the_temperature_undoes_how_much_too_sure_the_head_is(sharpness: float) -> None:
    """Within a step of the grid, a factor of √2."""
    found = calibrated_temperature(*_domain(sharpness), classes=2)
    assert 1 / 1.42 <= found / sharpness <= 1.42


def test_calibrated_probabilities_tell_the_label_best() -> None:
    logits, truths, patients = _domain(4.0)
    losses = [log_loss(softmax(logits / t), truths, patients % 5, 2) for t in (0.5, 1.0, 4.0, 8.0)]
    assert min(losses) == losses[2]
    uninformed = len(truths) * float(np.log(2))
    assert losses[2] < 0.8 * uninformed


def test_the_temperature_is_chosen_across_patients(monkeypatch: pytest.MonkeyPatch) -> None:
    """All cases of a patient stand in one fold, and patients in several."""
    logits, truths, _ = _domain(2.0, cases=120)
    patients = np.random.default_rng(0).integers(0, 11, 120) * 7
    seen = []

    def kept(probabilities: np.ndarray, labels: np.ndarray, folds: np.ndarray, classes: int) -> float:
        seen.append(folds)
        return log_loss(probabilities, labels, folds, classes)

    monkeypatch.setattr(_label_relation, "log_loss", kept)
    calibrated_temperature(logits, truths, patients, classes=2)
    assert len(seen) == len(TEMPERATURES)
    assert all(len(np.unique(seen[0][patients == patient])) == 1 for patient in np.unique(patients))
    assert len(np.unique(seen[0])) == 5


def test_what_a_source_class_says_of_one_patient_is_no_evidence() -> None:
    """Every patient has a source class of their own: across cases all is told, across patients nothing."""
    patients = np.repeat(np.arange(12), 10)
    truths = np.random.default_rng(0).permutation(np.arange(12) % 2)[patients]
    probabilities = softmax(6.0 * np.eye(12)[patients])
    uninformed = 120 * float(np.log(2))
    assert log_loss(probabilities, truths, patients % 5, 2) >= uninformed
    assert log_loss(probabilities, truths, np.arange(120) % 5, 2) < uninformed / 4


def test_extreme_logits_leave_the_temperature_finite() -> None:
    logits = np.array([[2000.0, -2000.0], [-2000.0, 2000.0]] * 10)
    assert calibrated_temperature(logits, np.arange(20) % 2, np.arange(20), classes=2) in TEMPERATURES


# The term


def test_it_is_the_cross_entropy_of_the_relation_by_hand() -> None:
    model, data, batch = toy(classes=3), studies(9, classes=3), pictures(5, seed=1)
    term = _built(model, data)
    head = model.weights.head
    assert head is not None
    truths = torch.tensor([2, -1, 0, 1, -1])
    with torch.no_grad():
        answers = (moved(model).backbone(model.normalised(batch)) @ head.weight.T + head.bias).softmax(dim=1)
    by_hand = [-(term.relation[y] * answers[i].log()).sum().item() for i, y in [(0, 2), (2, 0), (3, 1)]]
    assert value(model, term, batch, truths).item() == pytest.approx(np.mean(by_hand), rel=1e-4)


def test_a_batch_without_labels_adds_nothing() -> None:
    model = toy()
    term = _built(model, studies(8))
    loss = value(model, term, pictures(4, seed=1), torch.full((4,), -1))
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is None or not p.grad.any() for p in model.backbone.parameters())


def test_an_unlabelled_case_has_no_gradient() -> None:
    model = toy()
    term = _built(model, studies(8))
    features = torch.randn(3, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    domain = Domain(features={POOLED: features}, logits=torch.zeros(3, 2), labels=torch.tensor([0, -1, 1]))
    term.loss(Step(target=domain)).backward()
    assert features.grad is not None
    assert not features.grad[1].any()
    assert features.grad[0].any()


def test_the_answers_of_a_study_are_the_mean_of_its_planes() -> None:
    model, planes = toy(), pictures(6, seed=1)
    term = _built(model, studies(8))
    step = step_of(model, term, bags_of([planes[:2], planes[2:]]), labels(2))
    assert step.target is not None
    with torch.no_grad():
        each = term.head(model.backbone(model.normalised(planes)))
        expected = torch.stack([each[:2].mean(dim=0), each[2:].mean(dim=0)])
        found = term.head(step.target.features[POOLED])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_training_on_it_lowers_it_towards_the_relations_entropy() -> None:
    model, data = toy(), studies(8)
    term = _built(model, data, temperature=1.0)
    batch, truths = data.target.batch(np.arange(8))
    optimiser = torch.optim.AdamW([*model.parameters(), *term.parameters()], lr=0.02)
    values = []
    for _ in range(60):
        loss = value(model, term, batch, truths)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(loss.item())
    entropy = -(term.relation * term.relation.log()).sum(dim=1).mean().item()
    assert entropy < values[-1] < values[0]
    assert values[-1] - entropy < 0.5 * (values[0] - entropy)
    assert term.relation.shape == (2, SOURCE_CLASSES)


# What is missing


@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_poolings_that_are_means_are_taken(pooling: str) -> None:
    model = toy()
    with torch.random.fork_rng():
        model.pooling = POOLINGS.get(pooling)(model.backbone.feature_dim)
    _built(model, studies(8))


@pytest.mark.parametrize(("pooling", "settings"), [("max", {}), ("transformer", {"width": 4, "heads": 2})])
def test_poolings_that_are_none_are_refused(pooling: str, settings: dict[str, int]) -> None:
    model = toy()
    with torch.random.fork_rng():
        model.pooling = POOLINGS.get(pooling)(model.backbone.feature_dim, **settings)
    model.feature_dim = model.pooling.feature_dim
    with pytest.raises(ObjectiveError) as caught:
        _built(model, studies(8))
    assert caught.value.code == "PoolingDoesNotFit"


@pytest.mark.parametrize("task", ["multilabel", "ordinal"])
def test_other_questions_are_refused(task: Any) -> None:
    model = toy(classes=3)
    model.task, model.classes = Question(task, 3)
    with pytest.raises(ObjectiveError) as caught:
        _built(model, studies(9, classes=3))
    assert caught.value.code == "TaskDoesNotFit"


def test_a_class_that_no_case_has_is_refused() -> None:
    with pytest.raises(ObjectiveError) as caught:
        _built(toy(classes=3), studies(8, classes=2))
    assert caught.value.code == "ClassMissing"
    assert "2" in caught.value.message


def test_a_lone_patient_is_refused_unless_the_temperature_is_given() -> None:
    data = studies(8)
    lone = TransferData(target=dataclasses.replace(data.target, patients=np.zeros(8, dtype=np.int64)))
    with pytest.raises(ObjectiveError) as caught:
        _built(toy(), lone)
    assert caught.value.code == "TooFewPatients"
    _built(toy(), lone, temperature=1.0)


@pytest.mark.parametrize("temperature", [0.0, -2.0, float("inf")])
def test_a_temperature_that_is_none_is_refused(temperature: float) -> None:
    with pytest.raises(ObjectiveError) as caught:
        _built(toy(), studies(8), temperature=temperature)
    assert caught.value.path == "objective.parameters.co_tuning.temperature"


def test_weights_without_a_head_are_refused() -> None:
    with pytest.raises(ObjectiveError) as caught:
        _built(toy(head=False), studies(8))
    assert caught.value.code == "NoSourceHead"


@pytest.mark.parametrize("labelled", [True, False])
def test_a_step_without_the_targets_labels_is_refused(labelled: bool) -> None:
    term = _built(toy(), studies(8))
    domain = Domain(features={POOLED: torch.zeros(2, 5)}, logits=torch.zeros(2, 2), labels=None)
    step = Step(target=None, sources={"north": domain}) if labelled else Step(target=domain)
    with pytest.raises(ValueError, match="target's labels"):
        term.loss(step)


def test_the_target_is_asked_for_even_where_lambda_is_0() -> None:
    assert _built(toy(), studies(8)).needs_target

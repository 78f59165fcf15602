"""CDAN's discriminator sees features times answers, of any kind of question."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import entropy

from medtransfer.core.config.transfer import FEATURES
from medtransfer.core.errors import ObjectiveError
from medtransfer.core.types import Task
from medtransfer.models.answers import probabilities
from medtransfer.models.heads import build_head
from medtransfer.transfer.features._discriminator import domain_loss, in_own_unit
from medtransfer.transfer.features._multilinear import OuterProduct, RandomMap
from medtransfer.transfer.features._reversal import reversal
from medtransfer.transfer.features.cdan import LARGEST_PRODUCT, Cdan, answers, build
from medtransfer.transfer.types import POOLED, Domain

TASKS: tuple[Task, ...] = ("multiclass", "multilabel", "ordinal")


def _term(feature_dim: int = 4, n_classes: int = 3, *, seed: int = 0, **settings: Any) -> Cdan:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build(feature_dim, n_classes, hidden=16, **settings)


def _domain(n: int, *, width: int = 3, dimension: int = 4, seed: int = 0, share: float = 0.5) -> Domain:
    generator = torch.Generator().manual_seed(seed)
    return Domain(
        features={POOLED: torch.randn(n, dimension, generator=generator)},
        logits=torch.randn(n, width, generator=generator).sort(dim=1, descending=True).values * 2,
        labels=None,
        share=share,
    )


def _by_hand(term: Cdan, source: Domain, target: Domain, *, weigh: bool) -> float:
    """Products, weights and cross-entropies in numpy's 64 bits; only the discriminator is the term's."""
    everyone = torch.cat([source.features[POOLED], target.features[POOLED]]).double().numpy()
    unit, parts = math.sqrt((everyone**2).mean()), []
    for domain, sign in ((source, 1), (target, -1)):
        given_answers = probabilities("multiclass", domain.logits.double().numpy())
        features = domain.features[POOLED].double().numpy() / unit
        products = np.stack([np.outer(f, g).ravel() for f, g in zip(features, given_answers, strict=True)])
        logits = term.discriminator(torch.from_numpy(products).float()).detach().double().numpy()
        weights = 1 + np.exp(-entropy(given_answers, axis=1)) if weigh else np.ones(len(logits))
        parts.append(np.average(-np.log(expit(-sign * logits)), weights=weights))
    return float(np.mean(parts))


@pytest.mark.parametrize("weigh", [False, True])
def test_it_is_the_formula_by_hand(weigh: bool) -> None:
    term = _term(entropy=weigh)
    source, target = _domain(6, seed=1), _domain(9, seed=2)
    assert float(term(source, target).detach()) == pytest.approx(_by_hand(term, source, target, weigh=weigh), rel=1e-6)
    assert _by_hand(term, source, target, weigh=True) != pytest.approx(
        _by_hand(term, source, target, weigh=False), rel=1e-4
    )


def test_with_one_sure_answer_for_all_it_is_dann() -> None:
    """Then f ⊗ g is f beside zeros."""
    cdan = _term()
    sure = torch.tensor([1000.0, 0.0, 0.0])
    source, target = (_domain(n, seed=n) for n in (6, 9))
    certain = [
        Domain(features=d.features, logits=sure.expand(len(d.logits), 3), labels=None, share=0.5)
        for d in (source, target)
    ]
    with torch.random.fork_rng():
        dann = FEATURES.get("dann")(4, 3, hidden=16)
    learnt = cdan.discriminator.state_dict()
    learnt["layers.0.weight"] = learnt["layers.0.weight"].reshape(16, 4, 3)[:, :, 0]
    dann.discriminator.load_state_dict(learnt)
    torch.testing.assert_close(cdan(*certain), dann(source, target))


@pytest.mark.parametrize("share", [0.0, 0.03, 1.0])
def test_the_features_gradient_is_reversed_and_none_reaches_the_head(share: float) -> None:
    term, domains = _term(), (_domain(6, seed=1, share=share), _domain(9, seed=2, share=share))
    leaves = [domain.features[POOLED].requires_grad_() for domain in domains]
    logits = [domain.logits.requires_grad_() for domain in domains]
    learnt = list(term.parameters())
    products = (
        term.joint(features, answers("multiclass", domain.logits.detach()))
        for features, domain in zip(in_own_unit(*leaves), domains, strict=True)
    )
    plain = torch.autograd.grad(domain_loss(*map(term.discriminator, products)), leaves + learnt)
    found = torch.autograd.grad(term(*domains), leaves + learnt + logits, allow_unused=True)
    coefficient = reversal(share, gamma=10.0)
    expected = [*(-coefficient * gradient for gradient in plain[:2]), *plain[2:], None, None]
    for one, other in zip(found, expected, strict=True):
        assert one is other is None or torch.equal(one, other)


@pytest.mark.parametrize("task", TASKS)
def test_answers_are_the_probabilities_of_the_head(task: Task) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        logits = build_head(task, 4, 3)(torch.randn(7, 4)).detach()
    expected = probabilities(task, logits.double().numpy())
    found = answers(task, logits).double().numpy()
    if task == "multilabel":
        expected = np.hstack([expected, 1 - expected]) / 3
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("weigh", [False, True])
def test_every_kind_of_question_works(task: Task, weigh: bool) -> None:
    width = 2 if task == "ordinal" else 3
    source, target = _domain(6, width=width, seed=1), _domain(9, width=width, seed=2)
    leaf = source.features[POOLED].requires_grad_()
    value = _term(task=task, entropy=weigh)(source, target)
    (gradient,) = torch.autograd.grad(value, leaf)
    assert gradient.isfinite().all()
    assert gradient.abs().sum() > 0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-60, 60, width=32), min_size=1, max_size=6), st.booleans())
def test_one_label_is_a_question_of_two_classes(values: list[float], weigh: bool) -> None:
    one = torch.tensor(values)[:, None]
    two = torch.cat([one, torch.zeros_like(one)], dim=1)
    label, classes = _term(n_classes=1, task="multilabel", entropy=weigh), _term(n_classes=2, entropy=weigh)
    features = {POOLED: torch.arange(4.0 * len(values)).reshape(-1, 4)}
    target = _domain(5, width=1, seed=3)
    target_of_two = Domain(
        features=target.features, logits=torch.cat([target.logits, target.logits * 0], dim=1), labels=None, share=0.5
    )
    found = label(Domain(features=features, logits=one, labels=None, share=0.5), target)
    torch.testing.assert_close(
        found, classes(Domain(features=features, logits=two, labels=None, share=0.5), target_of_two)
    )


@pytest.mark.parametrize(("task", "least"), [("multiclass", 4 / 3), ("ordinal", 4 / 3), ("multilabel", 3 / 2)])
def test_weights_lie_between_those_of_even_and_of_sure_answers(task: Task, least: float) -> None:
    """exp(−H) of K even classes is 1/K; of labels, each of which is even, ½."""
    term = _term(task=task, entropy=True)
    sure = torch.tensor([[200.0, 100.0]]) if task == "ordinal" else torch.tensor([[200.0, 100.0, 100.0]])
    even = torch.tensor([[math.log(2), -math.log(2)]]) if task == "ordinal" else torch.zeros(1, 3)
    found = term._weights(term._answers(torch.cat([even, sure])))
    assert found.tolist() == pytest.approx([least, 2])


@pytest.mark.parametrize(("dimension", "n_classes", "task"), [(2048, 3, "multiclass"), (2048, 2, "multilabel")])
def test_large_products_are_mapped_at_random(dimension: int, n_classes: int, task: Task) -> None:
    term = _term(dimension, n_classes, task=task)
    assert isinstance(term.joint, RandomMap)
    assert set(term.state_dict()) >= {"joint.of_features", "joint.of_answers"}
    assert not any("joint" in name for name, _ in term.named_parameters())
    value = term(*(_domain(4, width=n_classes, dimension=dimension, seed=seed) for seed in (0, 1)))
    assert value.isfinite()
    assert isinstance(_term(LARGEST_PRODUCT // 2, 2).joint, OuterProduct)


def test_the_random_map_keeps_scalar_products_in_expectation() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        random = RandomMap(6, 3, 200_000)
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(5, 6, generator=generator)
    given_answers = torch.rand(5, 3, generator=generator)
    found, exact = (joint(features, given_answers) for joint in (random, OuterProduct()))
    scale = float((exact @ exact.T).diagonal().max())
    torch.testing.assert_close(found @ found.T, exact @ exact.T, rtol=0, atol=0.03 * scale)


@pytest.mark.parametrize(("task", "width"), [("multiclass", 2), ("multilabel", 4), ("ordinal", 3)])
def test_logits_of_another_question_are_refused(task: Task, width: int) -> None:
    with pytest.raises(ObjectiveError, match=f"{width} logits") as raised:
        _term(task=task)(_domain(4, width=width), _domain(4, width=width))
    assert raised.value.code == "LogitsDoNotFit"


@pytest.mark.parametrize(("key", "value"), [("hidden", 0), ("projected", 0), ("gamma", 0.0)])
def test_hyperparameters_out_of_range_are_refused(key: str, value: Any) -> None:
    with pytest.raises(ObjectiveError, match=key) as raised:
        build(4, 2, **{key: value})
    assert raised.value.path == f"objective.features.cdan.{key}"


def test_it_stands_in_the_catalogue_with_its_hyperparameters() -> None:
    expected = ("tap", "task", "entropy", "hidden", "projected", "gamma")
    assert FEATURES.hyperparameters("cdan") == expected

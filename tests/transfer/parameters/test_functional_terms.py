"""Laws that all terms on outputs obey: the start is where they are 0, and nothing but the pictures changes them."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
import torch
from functional_terms import NAME, labels, moved, pictures, step_of, studies, toy, value
from tiny import bags_of, classifier

from medtransfer.core.catalogue import Catalogue
from medtransfer.core.errors import ObjectiveError
from medtransfer.models.backbones import resnet18
from medtransfer.models.weights.load import PretrainedHead
from medtransfer.transfer.parameters import bss, co_tuning, delta, feature_distillation, logit_distillation
from medtransfer.transfer.types import Domain, Step, Term

if TYPE_CHECKING:
    from medtransfer.models.classifier import Classifier

Build = Callable[["Classifier"], Term]


def _start(model: Classifier) -> dict[str, torch.Tensor]:
    return dict(model.named_parameters())


DISTANCES: dict[str, Build] = {
    "delta": lambda m: delta.build(m, _start(m), studies(8)),
    "delta with attention": lambda m: delta.build(m, _start(m), studies(8), attention=True),
    "feature_distillation": lambda m: feature_distillation.build(m, _start(m), studies(8)),
    "logit_distillation": lambda m: logit_distillation.build(m, _start(m), studies(8)),
}
"""0 at the start, means over items."""

TERMS: dict[str, Build] = {
    **DISTANCES,
    "co_tuning": lambda m: co_tuning.build(m, _start(m), studies(8)),
    "bss": lambda m: bss.build(m, None, studies(8)),
}

each_distance = pytest.mark.parametrize("build", DISTANCES.values(), ids=DISTANCES)
each_term = pytest.mark.parametrize("build", TERMS.values(), ids=TERMS)
each_mean = pytest.mark.parametrize("build", [TERMS[name] for name in TERMS if name != "bss"], ids=[*TERMS][:-1])


def _gradients(model: Classifier, term: Term, batch: torch.Tensor) -> list[torch.Tensor]:
    model.zero_grad()
    value(model, term, batch).backward()
    return [p.grad.clone() for p in model.backbone.parameters() if p.grad is not None]


# The start


@each_distance
def test_it_is_exactly_0_at_the_start_and_so_is_its_gradient(build: Build) -> None:
    model = toy()
    term = build(model)
    assert value(model, term, pictures(6, seed=1)).item() == 0
    gradients = _gradients(model, term, pictures(6, seed=1))
    assert len(gradients) == len(list(model.backbone.parameters()))
    assert all(gradient.abs().max() < 1e-7 for gradient in gradients)


@each_distance
def test_it_is_exactly_0_at_the_start_whatever_the_memory_format(build: Build) -> None:
    model = toy()
    term = build(model)
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    assert value(model, term, pictures(6, seed=1)).item() == 0


@each_distance
def test_it_is_above_0_wherever_the_outputs_are_others(build: Build) -> None:
    term, batch = build(toy()), pictures(6, seed=1)
    near, far = (value(moved(toy(), by=by), term, batch).item() for by in (0.01, 0.1))
    assert 0 < near < far


@each_term
def test_it_is_never_below_0(build: Build) -> None:
    model = toy()
    term = build(model)
    for seed in range(5):
        assert value(moved(model, seed=seed), term, pictures(6, seed=seed)).item() >= 0


# The batch


@each_term
def test_the_order_of_cases_does_not_matter(build: Build) -> None:
    model = toy()
    term = build(model)
    moved(model)
    batch, order = pictures(6, seed=1), torch.tensor([3, 0, 5, 1, 4, 2])
    shuffled = value(model, term, batch[order], labels(6)[order])
    torch.testing.assert_close(shuffled, value(model, term, batch, labels(6)), rtol=1e-5, atol=1e-9)


@each_mean
def test_a_batch_taken_twice_counts_as_much_as_once(build: Build) -> None:
    model = toy()
    term = build(model)
    moved(model)
    batch = pictures(6, seed=1)
    twice = value(model, term, torch.cat([batch, batch]), labels(6).repeat(2))
    torch.testing.assert_close(twice, value(model, term, batch, labels(6)), rtol=1e-5, atol=1e-9)


@each_term
@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_pieces_make_no_difference(build: Build, chunk: int) -> None:
    """Neither to the value nor to any gradient, while activations are computed again for the backward pass."""
    whole, parts = toy(), toy(chunk=chunk)
    terms = build(whole), build(parts)
    batch = pictures(7, seed=1)
    values = [value(moved(model), term, batch) for model, term in zip((whole, parts), terms, strict=True)]
    torch.testing.assert_close(values[1], values[0], rtol=1e-6, atol=1e-6)
    expected, found = (_gradients(model, term, batch) for model, term in zip((whole, parts), terms, strict=True))
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@each_mean
def test_volumes_and_their_pictures_weigh_alike(build: Build) -> None:
    """Studies of as many planes each: the mean over studies is the mean over planes."""
    model = toy()
    term = build(model)
    moved(model)
    planes = pictures(6, seed=1)
    bags = value(model, term, bags_of([planes[:3], planes[3:]]), torch.tensor([0, 1]))
    if term.watcher is None:  # on studies: the pretrained head's answers, averaged over planes
        assert torch.isfinite(bags)
    else:
        torch.testing.assert_close(bags, value(model, term, planes), rtol=1e-5, atol=1e-9)


# What is trained, and what is kept


@each_term
def test_the_teacher_is_no_part_of_anything_that_is_saved_or_trained(build: Build) -> None:
    model = toy()
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    term = build(model)
    assert list(model.state_dict()) == list(before)
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
    theirs = {id(tensor) for tensor in (*model.parameters(), *model.buffers())}
    assert not theirs & {id(tensor) for tensor in (*term.parameters(), *term.buffers())}
    ours = {key.partition(".")[0].partition("_")[0] for key in term.state_dict()}
    assert ours <= {"head", "attention", "relation"}
    assert all(parameter.requires_grad for parameter in term.parameters())
    assert all(parameter.requires_grad for parameter in model.parameters())


@each_distance
def test_the_teacher_stays_as_it_is_while_the_student_learns(build: Build) -> None:
    model = toy(chunk=2)
    term = build(model)
    before = [tensor.clone() for tensor in _teachers_tensors(term)]
    student = [tensor.clone() for tensor in model.backbone.state_dict().values()]
    _train(model, term, steps=4)
    assert all(torch.equal(a, b) for a, b in zip(_teachers_tensors(term), before, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(model.backbone.state_dict().values(), student, strict=True))
    assert len(before) == len(student)


def _teachers_tensors(term: Term) -> list[torch.Tensor]:
    network = term.watcher._teacher._network  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    return list(network.state_dict().values())


def _train(model: Classifier, term: Term, *, steps: int, first: int = 0, state: dict | None = None) -> dict:
    """Some steps of AdamW on cross-entropy plus Ω, batch norm learning; returns the optimiser's state."""
    optimiser = torch.optim.AdamW([*model.parameters(), *term.parameters()], lr=0.01)
    if state is not None:
        optimiser.load_state_dict(state)
    model.train()
    for index in range(first, first + steps):
        step = step_of(model, term, pictures(6, seed=index))
        assert step.target is not None
        risk = torch.nn.functional.cross_entropy(step.target.logits, labels(6))
        optimiser.zero_grad()
        (risk + 0.5 * term.loss(step)).backward()
        optimiser.step()
    return optimiser.state_dict()


@each_term
def test_a_run_that_is_resumed_has_the_same_bits(build: Build) -> None:
    """From the tensors that a checkpoint holds: the term is built anew on the pretrained network, then loaded."""
    whole = toy(chunk=4)
    whole_term = build(whole)
    _train(whole, whole_term, steps=5)

    half = toy(chunk=4)
    half_term = build(half)
    state = _train(half, half_term, steps=2)
    again = toy(chunk=4)
    again_term = build(again)
    again.load_state_dict(half.state_dict())
    again_term.load_state_dict(half_term.state_dict())
    _train(again, again_term, steps=3, first=2, state=state)
    for ours, theirs in ((again, whole), (again_term, whole_term)):
        assert all(
            torch.equal(a, b) for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
        )


@each_term
def test_building_it_twice_gives_the_same_and_draws_nothing(build: Build) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, second = build(toy()), build(toy())
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


# What is missing


@pytest.mark.parametrize("entry", [delta, feature_distillation, logit_distillation, co_tuning])
def test_random_weights_are_refused(entry: ModuleType) -> None:
    with pytest.raises(ObjectiveError) as caught:
        entry.build(toy(), None, studies(8))
    assert caught.value.code == "NoStart"
    assert caught.value.path == f"objective.parameters.{entry.__name__.rpartition('.')[2]}"
    assert caught.value.hint


@each_distance
def test_a_step_in_which_nothing_was_encoded_is_refused(build: Build) -> None:
    term = build(toy())
    domain = Domain(features={}, logits=torch.zeros(2, 2), labels=None)
    with pytest.raises(ObjectiveError) as caught:
        term.loss(Step(name=NAME, target=domain))
    assert caught.value.code == "NothingSeen"


@each_distance
def test_source_only_runs_are_held_by_the_first_sources_pictures(build: Build) -> None:
    model = toy()
    term = build(model)
    moved(model)
    step = step_of(model, term, pictures(6, seed=1))
    assert step.target is not None
    other = Domain(features={}, logits=torch.zeros(2, 2), labels=None)
    source_only = Step(name=NAME, target=None, sources={"north": step.target, "south": other})
    assert torch.equal(term.loss(source_only), term.loss(step))


def test_every_entry_is_found_by_name_with_its_settings() -> None:
    catalogue = Catalogue("medtransfer.transfer.parameters", "build", "parameter term")
    expected = {
        "delta": ("stages", "attention", "planes"),
        "bss": ("k",),
        "feature_distillation": (),
        "logit_distillation": ("temperature",),
        "co_tuning": ("temperature",),
    }
    assert {name: catalogue.hyperparameters(name) for name in expected} == expected


# A real network


@each_term
def test_a_real_network_goes_forward_and_backward(build: Build) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = classifier(resnet18.build(in_channels=3)).eval()
        head = PretrainedHead(torch.randn(11, 512) / 20, torch.zeros(11))
    model.weights = model.weights._replace(head=head)
    term = build(model)
    batch = pictures(3, seed=1, size=64)
    if term.watcher is not None:
        assert value(model, term, batch).item() == 0
    moved(model, by=1e-3)
    loss = value(model, term, batch)
    loss.backward()
    assert loss.item() > 0
    gradient = dict(model.backbone.named_parameters())["network.layer4.1.conv2.weight"].grad
    assert gradient is not None
    assert torch.isfinite(gradient).all()
    assert gradient.abs().max() > 0

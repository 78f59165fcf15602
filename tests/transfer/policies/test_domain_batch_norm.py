"""Statistics, scales and shifts of each domain's own."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tiny import batch_of, classifier

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import ConfigError
from medtransfer.data.dataset import StudySet
from medtransfer.training.optimiser import set_frozen
from medtransfer.transfer.parameters import ewc, l2_sp
from medtransfer.transfer.parameters._anchor import Anchored
from medtransfer.transfer.policies import domain_batch_norm
from medtransfer.transfer.policies.domain_batch_norm import DomainBatchNorm, before_forward, copies, finish, prepare
from medtransfer.transfer.types import Progress, Step, TransferData

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from medtransfer.models.classifier import Classifier


_SET = StudySet.of_pictures(
    np.random.default_rng(0).integers(0, 60_000, (6, 1, 16, 16)).astype(np.uint16),
    labels=np.arange(6) % 2,
    patients=np.arange(6),
    names=tuple("abcdef"),
)
CASES = TransferData(target=_SET, sources={"source": _SET}, tasks={"source": "multiclass"})


def prepared(model: Classifier, *sources: str) -> Classifier:
    model.source_names = sources
    prepare(model)
    return model.train()


def sets(model: Classifier, number: int, bytes_of: Callable[[nn.Module], dict[str, bytes]]) -> dict[str, bytes]:
    return {name: value for name, value in bytes_of(model).items() if f".norms.{number}." in name}


def test_a_domains_pass_leaves_the_other_domains_statistics_as_they_are(
    mixed_model: Callable[[], Classifier],
    pictures: torch.Tensor,
    bytes_of: Callable[[nn.Module], dict[str, bytes]],
) -> None:
    model = prepared(mixed_model(), "hospital.a", "values")
    for number, domain in enumerate(("target", "hospital.a", "values")):
        before = [sets(model, other, bytes_of) for other in range(3)]
        before_forward(model, domain)
        model(batch_of(pictures * (number + 1)))
        after = [sets(model, other, bytes_of) for other in range(3)]
        assert [old != new for old, new in zip(before, after, strict=True)] == [n == number for n in range(3)]


def test_gradients_reach_the_sets_of_the_domain_that_passed_alone(
    mixed_model: Callable[[], Classifier], pictures: torch.Tensor
) -> None:
    model = prepared(mixed_model(), "other")
    before_forward(model, "other")
    model(batch_of(pictures)).logits.sum().backward()
    with_gradient = {name for name, p in model.named_parameters() if p.grad is not None}
    assert with_gradient == {name for name, _ in model.named_parameters() if ".norms.0." not in name}


def test_every_domain_begins_with_the_pretrained_set(
    mixed_model: Callable[[], Classifier], pictures: torch.Tensor
) -> None:
    plain = mixed_model().eval()
    model = prepared(mixed_model(), "other").eval()
    for domain in ("target", "other"):
        before_forward(model, domain)
        torch.testing.assert_close(model(batch_of(pictures)).logits, plain(batch_of(pictures)).logits, rtol=0, atol=0)


def _start(model: Classifier) -> dict[str, torch.Tensor]:
    """The pretrained values, as a fit hands them to terms."""
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    return start | {copied: start[origin] for copied, origin in copies(model).items()}


def test_what_is_new_are_copies_of_what_was_there(mixed_model: Callable[[], Classifier]) -> None:
    model = mixed_model()
    before = {id(p) for p in model.parameters()}
    prepared(model, "north", "south")
    parameters = dict(model.named_parameters())
    found = copies(model)
    assert set(found) == {name for name, p in parameters.items() if id(p) not in before}
    assert len(found) == 2 * 4  # two sources, scale and shift of two norms
    assert all(torch.equal(parameters[one], parameters[origin]) for one, origin in found.items())


def test_l2_sp_holds_every_domains_set_at_the_pretrained_one(mixed_model: Callable[[], Classifier]) -> None:
    model = prepared(mixed_model(), "other")
    start = _start(model)
    term = l2_sp.build(model, start, CASES, head=0.0)
    assert set(copies(model)) <= term.anchored
    assert float(term.loss(Step()).detach()) == 0
    with torch.no_grad():
        for name in copies(model):
            model.get_parameter(name).add_(2)
            model.get_parameter(name).grad = torch.zeros_like(model.get_parameter(name))
    assert float(term.loss(Step()).detach()) == 2 * (8 + 16 + 8 + 16)  # ½·2² each
    term.post_step(torch.optim.SGD(model.parameters(), lr=0.1), strength=1e9)
    for name in copies(model):
        torch.testing.assert_close(model.get_parameter(name).detach(), start[name], rtol=0, atol=1e-6)


def test_to_ewc_every_domains_set_matters_as_much_as_the_pretrained_one(mixed_model: Callable[[], Classifier]) -> None:
    plain, model = mixed_model(), prepared(mixed_model(), "source")
    found = {}
    for network in (plain, model):
        term = ewc.build(network, _start(network), CASES, normalise=False)
        assert isinstance(term, Anchored)
        for name, parameter in network.named_parameters():
            if name in term.anchored:
                found[name, network is model] = term._anchors([parameter])[0].diagonal
    for copied, origin in copies(model).items():
        expected = found[origin.replace(".norms.0", ""), False]
        assert expected is not None
        assert expected.sum() > 0
        for name in (copied, origin):
            torch.testing.assert_close(found[name, True], expected, rtol=0, atol=0)


def test_a_domain_that_was_not_there_when_the_network_was_prepared_is_refused(
    mixed_model: Callable[[], Classifier],
) -> None:
    model = prepared(mixed_model(), "source")
    with pytest.raises(ConfigError, match="no domain 'hospital'") as caught:
        before_forward(model, "hospital")
    assert caught.value.code == "UnknownDomain"
    assert "target, source" in str(caught.value.hint)


def test_a_target_alone_is_refused(mixed_model: Callable[[], Classifier]) -> None:
    with pytest.raises(ConfigError, match="the only domain") as caught:
        prepared(mixed_model())
    assert caught.value.code == "NoSource"


def test_the_finished_network_is_a_plain_one_that_says_what_the_target_path_said(
    mixed_model: Callable[[], Classifier], pictures: torch.Tensor, trained: Callable[..., None]
) -> None:
    model, plain = prepared(mixed_model(), "other"), mixed_model()
    kept = dict(model.named_parameters())
    rates = domain_batch_norm.groups(model, Progress(0.0, 1.0))
    set_frozen(model, rates)
    for domain, brightness in (("target", 1.0), ("other", 3.0), ("target", 1.0)):
        before_forward(model, domain)
        trained(model, pictures * brightness, rates)
    before_forward(model, "target")
    model.eval()
    expected = model(batch_of(pictures)).logits
    before_forward(model, "other")
    assert not torch.equal(model(batch_of(pictures)).logits, expected)
    finish(model)
    torch.testing.assert_close(model(batch_of(pictures)).logits, expected, rtol=0, atol=0)
    assert list(model.state_dict()) == list(plain.state_dict())
    assert not any(isinstance(module, DomainBatchNorm) for module in model.modules())
    assert model.get_parameter("backbone.network.norm1.weight") is kept["backbone.network.norm1.norms.0.weight"]
    plain.load_state_dict(model.state_dict())
    torch.testing.assert_close(plain.eval()(batch_of(pictures)).logits, expected, rtol=0, atol=0)


def test_a_checkpoint_fits_a_network_prepared_anew_and_copies_are_their_own(
    mixed_model: Callable[[], Classifier], pictures: torch.Tensor, trained: Callable[..., None]
) -> None:
    model = prepared(mixed_model(), "other")
    rates = domain_batch_norm.groups(model, Progress(0.0, 1.0))
    before_forward(model, "other")
    trained(model, pictures, rates)
    again = prepared(mixed_model(), "other")
    again.load_state_dict(model.state_dict())
    twin = copy.deepcopy(model)
    finish(twin)
    for domain in ("target", "other"):
        for one in (model, again):
            before_forward(one.eval(), domain)
        torch.testing.assert_close(again(batch_of(pictures)).logits, model(batch_of(pictures)).logits, rtol=0, atol=0)


def test_pieces_that_are_computed_again_are_their_own_domains(
    mixed_model: Callable[[], Classifier], pictures: torch.Tensor
) -> None:
    """Source and target pass one after the other and go back together: a source's piece must not meet target norms."""

    def gradients(chunk: int) -> dict[str, torch.Tensor]:
        model = prepared(mixed_model(), "other")
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()  # pieces would have statistics of their own
        for norm in model.modules():
            if isinstance(norm, DomainBatchNorm):
                torch.nn.init.constant_(norm.norms[1].weight, 3.0)  # pyright: ignore[reportArgumentType]
        model.chunk = chunk
        before_forward(model, "other")
        source = model(batch_of(pictures)).logits.square().sum()
        before_forward(model, "target")
        target = model(batch_of(pictures * 2)).logits.square().sum()
        (source + target).backward()
        return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}

    whole, pieces = gradients(24), gradients(8)
    assert whole.keys() == pieces.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(pieces[name], gradient, rtol=1e-4, atol=1e-5 * float(gradient.abs().max()), msg=name)


def test_a_network_without_batch_normalisation_is_refused() -> None:
    for name in ("squeezenet1_1", "vit_b_16"):
        with torch.device("meta"):
            model = classifier(BACKBONES.get(name)(in_channels=3), source_classes=2)
        with pytest.raises(ConfigError, match="no batch normalisation") as caught:
            prepare(model)
        assert caught.value.code == "NothingToMove"


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet121"])
def test_backbones_of_the_catalogue_are_prepared_and_finished(name: str) -> None:
    with torch.device("meta"):
        model = classifier(BACKBONES.get(name)(in_channels=3), source_classes=2)
    keys = list(model.state_dict())
    prepare(model)
    assert list(model.groups()) == list(domain_batch_norm.groups(model, Progress(0.0, 1.0)))
    assert sum(".norms.1." in key for key in model.state_dict()) == sum("running" in key for key in keys) / 2 * 5
    finish(model)
    assert list(model.state_dict()) == keys

"""Statistics, scales and shifts of each domain's own."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
import torch
from tiny import batch_of, classifier

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import ConfigError
from medtransfer.training.optimiser import set_frozen
from medtransfer.transfer.policies import domain_batch_norm
from medtransfer.transfer.policies.domain_batch_norm import DomainBatchNorm, before_forward, finish, prepare
from medtransfer.transfer.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from medtransfer.models.classifier import Classifier


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

"""Normalisation is the origin's; grey is repeated; groups hold every parameter once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from tiny import batch_of, classifier

from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.classifier import HEAD, Classifier
from medtransfer.models.weights.sidecar import InputSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.models.backbone import Backbone

MEAN, STD = (0.1, 0.4, 0.7), (0.2, 0.3, 0.5)


def _pictures(channels: int) -> torch.Tensor:
    return torch.rand(3, channels, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model(toy: Callable[[], Backbone]) -> Classifier:
    return classifier(toy(), classes=2, spec=InputSpec(mean=MEAN, std=STD)).eval()


def test_normalisation_is_torchvisions(model: Classifier) -> None:
    import_torchvision()
    from torchvision.transforms import Normalize

    expected = Normalize(list(MEAN), list(STD))(_pictures(3))
    torch.testing.assert_close(model.normalised(_pictures(3)), expected)


def test_grey_is_the_same_as_the_repeated_channel(model: Classifier) -> None:
    grey = _pictures(1)
    assert torch.equal(model(batch_of(grey)).logits, model(batch_of(grey.repeat(1, 3, 1, 1))).logits)


def test_blue_first_weights_see_blue_first(toy: Callable[[], Backbone]) -> None:
    spec = InputSpec(colour="BGR", mean=MEAN, std=STD)
    seen = classifier(toy(), classes=2, spec=spec).normalised(_pictures(3))
    red, green, blue = _pictures(3).unbind(dim=1)
    torch.testing.assert_close(seen[:, 0], (blue - 0.1) / 0.2)
    torch.testing.assert_close(seen[:, 1], (green - 0.4) / 0.3)
    torch.testing.assert_close(seen[:, 2], (red - 0.7) / 0.5)


def test_blue_first_makes_no_difference_to_grey(toy: Callable[[], Backbone]) -> None:
    spec = InputSpec(colour="BGR", mean=MEAN, std=STD)
    seen = classifier(toy(), classes=2, spec=spec).normalised(_pictures(1))
    torch.testing.assert_close(seen[:, 2], (_pictures(1)[:, 0] - 0.7) / 0.5)


@pytest.mark.parametrize("span", [(-1.0, 1.0), (0.0, 255.0), (-1024.0, 1024.0)])
def test_other_ranges_are_reached_before_mean_and_deviation(
    toy: Callable[[], Backbone], span: tuple[float, float]
) -> None:
    low, high = span
    mean, std = low + 0.3 * (high - low), 0.2 * (high - low)
    spec = InputSpec(range=span, mean=(mean, mean, mean), std=(std, std, std))
    model = classifier(toy(), classes=2, spec=spec)
    expected = (low + _pictures(3) * (high - low) - mean) / std
    torch.testing.assert_close(model.normalised(_pictures(3)), expected, rtol=1e-5, atol=1e-5)


def test_plus_minus_one_without_normalisation(toy: Callable[[], Backbone]) -> None:
    spec = InputSpec(range=(-1.0, 1.0), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    seen = classifier(toy(), classes=2, spec=spec).normalised(_pictures(3))
    torch.testing.assert_close(seen, 2 * _pictures(3) - 1)


def test_normalisation_is_no_part_of_the_state_dict(model: Classifier) -> None:
    assert not {"mean", "std"} & set(model.state_dict()), "the bundle's input specification says it"


@pytest.mark.parametrize("source_classes", [None, 4])
def test_groups_hold_every_parameter_once(toy: Callable[[], Backbone], source_classes: int | None) -> None:
    model = classifier(toy(), classes=2, source_classes=source_classes, spec=InputSpec())
    grouped = [entry for members in model.groups().values() for entry in members]
    named = dict(model.named_parameters())
    assert sorted(name for name, _ in grouped) == sorted(named)
    assert all(named[name] is parameter for name, parameter in grouped)
    assert list(model.groups()) == ["stem", "body", HEAD]


def test_group_modules_hold_the_groups_parameters(model: Classifier) -> None:
    for group, members in model.groups().items():
        inside = {id(p) for module in model.group_modules(group) for p in module.parameters()}
        assert inside == {id(parameter) for _, parameter in members}


def test_two_questions_have_two_heads_on_the_same_features(toy: Callable[[], Backbone]) -> None:
    model = classifier(toy(), classes=2, source_classes=4, spec=InputSpec()).eval()
    target, source = model(batch_of(_pictures(3))), model(batch_of(_pictures(3)), head=model.head_of("source"))
    assert model.head_of("source") == "source_head"
    assert target.logits.shape == (3, 2)
    assert source.logits.shape == (3, 4)
    assert torch.equal(target.features, source.features)


def test_one_question_has_one_head(model: Classifier) -> None:
    assert model.head_of("source") == HEAD
    assert list(model.heads) == [HEAD]


def test_logits_are_the_head_of_the_features(model: Classifier) -> None:
    output = model(batch_of(_pictures(3)))
    head = model.heads[HEAD]
    torch.testing.assert_close(output.logits, output.features @ head.weight.T + head.bias)

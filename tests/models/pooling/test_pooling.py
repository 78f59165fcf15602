"""What every pooling of the catalogue keeps to."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bags import FEATURES, Bags, bags, padded, planes, study, trained

from medtransfer.core.config.models import POOLINGS, PoolingConfig
from medtransfer.core.errors import CatalogueError, ConfigError
from medtransfer.models.pooling._contract import Place, Pooled

NAMES = ("attention", "max", "mean", "transformer")
LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=4)
SEEDS = st.integers(0, 10**6)

every = pytest.mark.parametrize("name", NAMES)
quickly = settings(deadline=None, max_examples=20)


def _equal(ours: Pooled, theirs: Pooled) -> None:
    torch.testing.assert_close(ours.features, theirs.features, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ours.weights, theirs.weights, rtol=1e-5, atol=1e-6)


def _gradients(module: torch.nn.Module, bag: Bags) -> list[torch.Tensor]:
    """Of a sum of squares in which no part cancels, by features and parameters."""
    features = bag.features.clone().requires_grad_()
    pooled = module(features, bag.present, bag.place)
    loss = pooled.features.square().sum() + pooled.weights.square().sum()
    parameters = list(module.parameters())
    return list(torch.autograd.grad(loss, [features, *parameters]))


def test_the_catalogue_is_tested_whole() -> None:
    assert POOLINGS.names() == NAMES


@every
@quickly
@given(lengths=LENGTHS, seed=SEEDS)
def test_weights_are_shares_of_the_planes(name: str, lengths: list[int], seed: int) -> None:
    bag = bags(*lengths, seed=seed)
    pooled = trained(name)(*bag)
    assert (pooled.weights >= 0).all()
    assert (pooled.weights[~bag.present] == 0).all()
    torch.testing.assert_close(pooled.weights.sum(dim=1), torch.ones(len(lengths)))


@every
@quickly
@given(lengths=LENGTHS, seed=SEEDS)
def test_the_order_of_planes_with_their_places_does_not_matter(name: str, lengths: list[int], seed: int) -> None:
    bag, module = bags(*lengths, seed=seed), trained(name)
    shuffled = torch.randperm(max(lengths), generator=torch.Generator().manual_seed(seed))
    expected = module(*bag)
    _equal(module(*planes(bag, shuffled)), Pooled(expected.features, expected.weights[:, shuffled]))


@every
@pytest.mark.parametrize("garbage", [1e9, math.nan, math.inf, -math.inf])
def test_padding_changes_nothing_whatever_stands_there(name: str, garbage: float) -> None:
    bag, module = bags(3, 5, 1), trained(name)
    more = padded(bag, 4, garbage)
    ours, expected = module(*more), module(*bag)
    _equal(Pooled(ours.features, ours.weights[:, 4:]), expected)
    assert (ours.weights[:, :4] == 0).all()
    (by_more, *by_ours), (by_planes, *by_theirs) = _gradients(module, more), _gradients(module, bag)
    torch.testing.assert_close(by_more[:, 4:], by_planes, rtol=1e-4, atol=1e-6)
    assert (by_more[~more.present] == 0).all()
    torch.testing.assert_close(by_ours, by_theirs, rtol=1e-4, atol=1e-5)


@every
def test_a_study_is_pooled_alone_as_in_a_batch(name: str) -> None:
    bag, module = bags(2, 9, 1, 5), trained(name)
    together = module(*bag)
    for row, length in enumerate((2, 9, 1, 5)):
        _equal(module(*study(bag, row)), Pooled(together.features[[row]], together.weights[[row], :length]))


@every
@pytest.mark.parametrize("count", [1, 2, 30, 1000])
def test_gradients_are_finite_and_reach_every_plane_and_parameter(name: str, count: int) -> None:
    module = POOLINGS.get(name)(FEATURES)
    bag = bags(count, max(1, count // 3))
    by_planes, *by_parameters = _gradients(module, bag)
    assert all(gradient.isfinite().all() for gradient in (by_planes, *by_parameters))
    if name != "max":  # of a thousand planes most are nowhere the largest
        assert by_planes[bag.present].any(dim=1).all()
    if count > 1:
        assert all(gradient.any() for gradient in by_parameters)


@every
def test_gradients_are_right_in_64_bits(name: str) -> None:
    module, bag = trained(name).double(), bags(3, 2)

    def pooled(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return module(features, bag.present, bag.place)

    features = bag.features.double().requires_grad_()
    if name == "max":
        assert torch.autograd.gradcheck(lambda x: pooled(x)[0], (features,))  # its weights are counts
    else:
        assert torch.autograd.gradcheck(pooled, (features,))


@every
def test_the_output_has_the_length_it_says(name: str) -> None:
    module = POOLINGS.get(name)(5)
    assert module(*bags(3, 2, dim=5)).features.shape == (2, module.feature_dim)


@pytest.mark.parametrize("name", ["attention", "max", "mean"])
@quickly
@given(seed=SEEDS)
def test_a_picture_is_pooled_to_itself(name: str, seed: int) -> None:
    bag = bags(1, 1, 1, seed=seed)
    pooled = trained(name)(*bag)
    assert torch.equal(pooled.features, bag.features[:, 0])
    assert (pooled.weights == 1).all()


@pytest.mark.parametrize("name", ["max", "mean"])
def test_where_planes_lie_does_not_matter_to(name: str) -> None:
    bag, module = bags(4, 6), trained(name)
    elsewhere = Place(1 - bag.place.position, (bag.place.axis + 1) % 4)
    _equal(module(bag.features, bag.present, elsewhere), module(*bag))


@pytest.mark.parametrize("name", ["attention", "transformer"])
def test_where_planes_lie_matters_unless_it_is_not_to(name: str) -> None:
    bag = bags(4, 6)
    position, axis = bag.place
    aware, blind = trained(name), trained(name, position=False)
    for elsewhere in (Place(1 - position, axis), Place(position, (axis + 1) % 4)):
        before, after = aware(*bag), aware(bag.features, bag.present, elsewhere)
        assert (before.features - after.features).abs().amax(dim=1).min() > 1e-3
        _equal(blind(bag.features, bag.present, elsewhere), blind(*bag))


@every
def test_a_study_without_planes_is_refused(name: str) -> None:
    bag = bags(2, 3)
    bag.present[1] = False
    with pytest.raises(ValueError, match=r"studies \[1\] of the batch have no planes"):
        trained(name)(*bag)


@every
def test_sixteen_bits_outside_are_thirty_two_inside(name: str) -> None:
    bag, module = bags(1000, 3), trained(name)
    half = Bags(bag.features.bfloat16(), bag.present, bag.place)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = module(*half)
    assert inside.features.dtype == inside.weights.dtype == torch.float32
    outside = module(half.features.float(), half.present, half.place)
    assert torch.equal(inside.features, outside.features)
    assert torch.equal(inside.weights, outside.weights)


@every
def test_training_and_evaluation_give_the_same_bits_each_time(name: str) -> None:
    bag, module = bags(40, 7), trained(name)
    torch.use_deterministic_algorithms(True)
    try:
        first, second = _gradients(module, bag), _gradients(module.train(), bag)
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(first, second, strict=True))
    with torch.no_grad():
        assert torch.equal(module.eval()(*bag).features, module.train()(*bag).features)


@every
def test_it_can_be_exported_for_any_number_of_studies_and_planes(name: str) -> None:
    module, bag = trained(name), bags(4, 6)
    some = {0: torch.export.Dim("study", min=1, max=64), 1: torch.export.Dim("plane", min=1, max=2000)}
    shapes = (some, some, type(bag.place)._make([some, some]))
    program = torch.export.export(module, tuple(bag), dynamic_shapes=shapes, strict=False)
    other = bags(9, 2, 3, seed=1)
    _equal(Pooled(*program.module()(*other)), module(*other))


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("attention", "hidden", 0),
        ("attention", "dropout", 1.0),
        ("transformer", "width", -1),
        ("transformer", "layers", 0),
        ("transformer", "heads", 5),
        ("transformer", "dropout", math.nan),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(name: str, setting: str, value: float) -> None:
    with pytest.raises(ConfigError) as caught:
        POOLINGS.get(name)(FEATURES, **{setting: value})
    assert caught.value.code == "BadValue"
    assert caught.value.path == f"model.pooling.settings.{setting}"


def test_settings_stand_in_the_catalogue() -> None:
    assert POOLINGS.hyperparameters("mean") == POOLINGS.hyperparameters("max") == ()
    assert POOLINGS.hyperparameters("attention") == ("hidden", "position", "dropout")
    assert POOLINGS.hyperparameters("transformer") == ("width", "layers", "heads", "position", "dropout")
    with pytest.raises(CatalogueError, match=r"'hiden'.*'hidden'"):
        PoolingConfig(name="attention", settings={"hiden": 3})

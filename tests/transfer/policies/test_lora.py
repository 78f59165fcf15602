"""LoRA: nothing at first, a low-rank update of the weight later, a plain network in the end."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

import pytest
import torch
from tiny import bags_of, batch_of, classifier
from torch import nn
from torch.nn.utils import parametrize

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import ConfigError
from medtransfer.models.backbone import Backbone
from medtransfer.training.optimiser import set_frozen
from medtransfer.transfer.policies import lora
from medtransfer.transfer.policies.lora import LowRank, finish, movable, prepare
from medtransfer.transfer.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.models.classifier import Classifier

BACKBONE_LAYERS = {"resnet18": 20, "mobilenet_v2": 52, "convnext_tiny": 58, "squeezenet1_1": 25}
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("vit_b_16", "swin_t", "densenet121", "resnet10_3d")]


def adapted(model: Classifier, *, rank: int = 4, alpha: float = 8.0, targets: str = "both") -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        prepare(model, rank=rank, alpha=alpha, targets=targets)
    return model


def stirred(model: Classifier) -> Classifier:
    """As after some training: B is no longer 0."""
    generator = torch.Generator().manual_seed(4)
    for adapter in adapters(model):
        with torch.no_grad():
            adapter.B.copy_(0.1 * torch.randn(adapter.B.shape, generator=generator))
    return model


def adapters(model: Classifier) -> list[LowRank]:
    return [module for module in model.modules() if isinstance(module, LowRank)]


def says(model: Classifier, pictures: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        batch = bags_of(list(pictures)) if model.backbone.dimensions == 3 else batch_of(pictures)
        return model.eval()(batch).features.clone()


def of_catalogue(name: str) -> tuple[Classifier, torch.Tensor]:
    torch.manual_seed(0)
    model = classifier(BACKBONES.get(name)(in_channels=3))
    return model, torch.rand(1, 32, 1, 32, 32) if model.backbone.dimensions == 3 else torch.rand(2, 3, 64, 64)


@pytest.mark.parametrize("targets", ["linear", "convolution", "both"])
def test_at_step_0_it_says_what_the_base_says_bit_for_bit(
    mixed_model: Callable[[], Classifier], pictures: torch.Tensor, targets: str
) -> None:
    base, model = mixed_model(), adapted(mixed_model(), targets=targets)
    torch.testing.assert_close(says(model, pictures), says(base, pictures), rtol=0, atol=0)
    assert not torch.equal(says(stirred(model), pictures), says(base, pictures))


@pytest.mark.parametrize(("targets", "layers"), [("linear", 3), ("convolution", 4), ("both", 7)])
def test_targets_say_which_layers_are_adapted(mixed_model: Callable[[], Classifier], targets: str, layers: int) -> None:
    """Attention's input and output projection and one linear layer; four convolutions."""
    assert len(adapters(adapted(mixed_model(), targets=targets))) == layers


def test_every_weight_is_the_formulas(mixed_model: Callable[[], Classifier]) -> None:
    """W + (α/r)·B·A in 64 bits, whatever the layer's groups and kernel."""
    model, base = stirred(adapted(mixed_model())), dict(mixed_model().named_parameters())
    seen = []
    for path, layer in model.named_modules():
        if not parametrize.is_parametrized(layer):
            continue
        for name in lora.WEIGHTS:
            if not parametrize.is_parametrized(layer, name):
                continue
            weight, adapter = base[f"{path}.{name}"], layer.get_submodule(f"parametrizations.{name}.0")
            assert isinstance(adapter, LowRank)
            update = (adapter.B.double() @ adapter.A.double()).reshape(weight.shape)
            torch.testing.assert_close(getattr(layer, name).double(), weight.double() + 2.0 * update)
            assert torch.linalg.matrix_rank(update.flatten(1)) == min(4, *update.flatten(1).shape)
            seen.append(name)
    assert seen.count("weight") == 6
    assert seen.count("in_proj_weight") == 1


def test_a_is_drawn_kaiming_uniform_and_b_is_0(mixed_model: Callable[[], Classifier]) -> None:
    """Within ±1/√n, with variance 1/(3n), and the same for the same seed."""
    model, again = adapted(mixed_model(), rank=4), adapted(mixed_model(), rank=4)
    scaled = torch.cat([adapter.A.detach().flatten() * math.sqrt(adapter.A.shape[1]) for adapter in adapters(model)])
    assert scaled.abs().max() <= 1
    assert float(scaled.square().mean()) == pytest.approx(1 / 3, rel=0.1)
    assert all((adapter.B == 0).all() for adapter in adapters(model))
    for one, other in zip(adapters(model), adapters(again), strict=True):
        assert torch.equal(one.A, other.A)


def test_a_rank_beyond_the_matrix_is_cut_down(mixed_model: Callable[[], Classifier]) -> None:
    for adapter in adapters(adapted(mixed_model(), rank=64)):
        assert adapter.A.shape[0] == adapter.B.shape[1] == min(adapter.A.shape[1], adapter.B.shape[0])
        assert adapter.scale == 8 / 64


def test_adapters_and_head_alone_have_gradients_and_the_base_is_the_same_bytes_after_steps(
    mixed_model: Callable[[], Classifier],
    pictures: torch.Tensor,
    trained: Callable[..., None],
    bytes_of: Callable[[nn.Module], dict[str, bytes]],
) -> None:
    model = adapted(mixed_model())
    rates = lora.groups(model, Progress(0.0, 3.0), rank=4)
    set_frozen(model, rates, movable(model))
    before = bytes_of(model)
    trained(model, pictures, rates)
    changed = {name for name, value in bytes_of(model).items() if value != before[name]}
    moves = {name for name in before if name.endswith((".0.A", ".0.B")) or name.startswith("heads.")}
    assert changed == moves == movable(model).names
    assert {name for name, p in model.named_parameters() if p.grad is not None} == moves
    assert set(base_of(before)) == set(bytes_of(mixed_model()))
    assert all(value == base_of(before)[name] for name, value in bytes_of(mixed_model()).items() if "heads" not in name)


def base_of(values: dict[str, bytes]) -> dict[str, bytes]:
    """Under the plain network's names."""
    kept = {name: value for name, value in values.items() if not name.endswith((".0.A", ".0.B"))}
    return {name.replace("parametrizations.", "").replace(".original", ""): value for name, value in kept.items()}


def merged_says_what_adapted_said(model: Classifier, pictures: torch.Tensor) -> None:
    state = {name: (value.dtype, value.shape) for name, value in model.state_dict().items()}
    parameters = dict(model.named_parameters())
    base = says(model, pictures)
    adapted(model)
    torch.testing.assert_close(says(model, pictures), base, rtol=1e-6, atol=1e-7)
    expected = says(stirred(model), pictures)
    assert float((expected - base).abs().max()) > 1e-2 * float(base.abs().max())
    finish(model)
    scale = float(expected.abs().max())
    torch.testing.assert_close(says(model, pictures) / scale, expected / scale, rtol=0, atol=1e-5)
    assert {name: (value.dtype, value.shape) for name, value in model.state_dict().items()} == state
    assert list(model.state_dict()) == list(state)
    assert all(p is parameters[name] for name, p in model.named_parameters())
    assert not any(parametrize.is_parametrized(module) for module in model.modules())
    assert not any("Parametrized" in type(module).__name__ for module in model.modules())


def test_the_merged_network_is_plain_and_says_what_the_adapted_one_said(
    mixed_model: Callable[[], Classifier], pictures: torch.Tensor
) -> None:
    merged_says_what_adapted_said(mixed_model(), pictures)


@pytest.mark.parametrize("name", [*BACKBONE_LAYERS, *SLOW])
def test_the_same_of_the_catalogues_networks(name: str) -> None:
    merged_says_what_adapted_said(*of_catalogue(name))


@pytest.mark.parametrize(("name", "layers"), BACKBONE_LAYERS.items())
def test_of_known_networks_it_adapts_every_layer(name: str, layers: int) -> None:
    model = adapted(of_catalogue(name)[0])
    assert len(adapters(model)) == layers
    assert list(lora.groups(model, Progress(0.0, 1.0))) == list(model.groups())
    trainable = sum(p.numel() for adapter in adapters(model) for p in adapter.parameters())
    assert trainable < 0.2 * sum(p.numel() for p in model.backbone.parameters())


class Volume(nn.Module):
    """1-D and 3-D convolutions, and attention whose keys and values are shorter than its queries."""

    def __init__(self) -> None:
        super().__init__()
        self.cube = nn.Conv3d(3, 6, 3, stride=2, dilation=2, padding=2, groups=3)
        self.line = nn.Conv1d(6, 6, 3, padding=1, groups=2)
        self.cross = nn.MultiheadAttention(6, 2, kdim=4, vdim=4, batch_first=True)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        passed = self.line(self.cube(pictures).flatten(2)).transpose(1, 2)
        attended, _ = self.cross(passed, passed[..., :4], passed[..., 1:5], need_weights=False)
        return attended.mean(dim=1)


def test_other_dimensions_and_unequal_projections() -> None:
    torch.manual_seed(0)
    stages = {"cube": ("cube",), "line": ("line",), "cross": ("cross",)}
    backbone = Backbone(Volume(), stages=stages, feature_dim=6, head_keys=(), dimensions=3)
    model = classifier(backbone)
    merged_says_what_adapted_said(model, torch.rand(2, 8, 1, 8, 8))
    assert len(adapters(adapted(model))) == 6


def test_training_and_inference_paths_of_attention_see_the_same_weight(
    mixed_model: Callable[[], Classifier], pictures: torch.Tensor
) -> None:
    """In evaluation torch takes a fused path; with gradients it does not."""
    model = stirred(adapted(mixed_model(), targets="linear")).eval()
    plain = model(batch_of(pictures)).features.detach()
    torch.testing.assert_close(says(model, pictures), plain, rtol=1e-5, atol=1e-6)


def test_a_checkpoint_fits_a_network_prepared_anew(
    mixed_model: Callable[[], Classifier], pictures: torch.Tensor
) -> None:
    model = stirred(adapted(mixed_model()))
    again = mixed_model()
    prepare(again, rank=4)
    again.load_state_dict(model.state_dict())
    torch.testing.assert_close(says(again, pictures), says(model, pictures), rtol=0, atol=0)


def test_a_copy_is_its_own_and_finishing_one_leaves_the_other(
    mixed_model: Callable[[], Classifier], pictures: torch.Tensor
) -> None:
    model = stirred(adapted(mixed_model()))
    before = says(model, pictures)
    twin = copy.deepcopy(model)
    finish(twin)
    torch.testing.assert_close(says(model, pictures), before, rtol=0, atol=0)
    torch.testing.assert_close(says(twin, pictures), before, rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        adapters(model)[0].B.zero_()
    torch.testing.assert_close(says(twin, pictures), before, rtol=1e-5, atol=1e-6)
    finish(model)
    assert list(model.state_dict()) == list(twin.state_dict())


def test_memory_formats_and_autocast_leave_the_update_exact(
    mixed_model: Callable[[], Classifier], pictures: torch.Tensor
) -> None:
    model = stirred(adapted(mixed_model()))
    expected = says(model, pictures)
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    torch.testing.assert_close(says(model, pictures), expected, rtol=1e-4, atol=1e-5)
    layer = model.backbone.network.get_submodule("dilated")
    outside = layer.weight
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = layer.weight
    assert isinstance(inside, torch.Tensor)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, outside, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("bad", "setting"), [({"rank": 0}, "rank"), ({"alpha": 0.0}, "alpha"), ({"alpha": math.inf}, "alpha")]
)
def test_settings_that_mean_nothing_are_refused(
    mixed_model: Callable[[], Classifier], bad: dict[str, float], setting: str
) -> None:
    with pytest.raises(ConfigError, match=f"{setting} = ") as caught:
        prepare(mixed_model(), **bad)  # pyright: ignore[reportArgumentType]
    assert caught.value.code == "BadValue"


def test_a_target_that_is_none_or_that_the_network_lacks_is_refused(toy_model: Callable[..., Classifier]) -> None:
    with pytest.raises(ConfigError, match="targets = 'attention'") as caught:
        prepare(toy_model(), targets="attention")
    assert "linear, convolution, both" in str(caught.value.hint)
    with pytest.raises(ConfigError, match="no layers of the kind 'linear'") as caught:
        prepare(toy_model(), targets="linear")
    assert caught.value.code == "NothingToMove"

"""Any network of timm, as `timm/NAME`: `timm/convnext_nano`, `timm/vit_small_patch16_224` and so on.

Parameters, work and reference are those that timm states; features are timm's own below its classifier. NAME may carry
a tag (`resnet50.a1_in1k`), which tells timm's weights apart; none are loaded here, and nothing is fetched.

Stages follow timm's `feature_info`: a stage ends with each module that timm can tap, in the order in which timm
registers them. Networks that timm can give other sizes (position embeddings are interpolated) take any multiple of
their patch; other networks of fixed size take that size alone.

Reference: Wightman 2019, PyTorch image models, https://github.com/huggingface/pytorch-image-models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medtransfer.core.catalogue import did_you_mean
from medtransfer.core.errors import CatalogueError
from medtransfer.models.backbone import ANY_SIZE, Backbone, Sizes
from medtransfer.models.backbones._blocks import stages_by_blocks
from medtransfer.models.backbones._origin import origin

if TYPE_CHECKING:
    from types import ModuleType

    from torch import nn

STANDARDISED = ("StdConv2d", "StdConv2dSame", "ScaledStdConv2d", "ScaledStdConv2dSame")
"""Convolutions of timm that rescale their kernels, so that a sum over channels is not what it was."""


def build(*, in_channels: int = 3, variant: str = "") -> Backbone:
    """Build timm's network of that name with random weights, classifier removed.

    Raises:
        CatalogueError: timm is not installed, it has no such network, or the network cannot be given one channel.
    """
    timm = origin("timm", "timm")
    _check_name(timm, variant)
    net, sizes = _network(timm, variant)
    config: dict[str, Any] = net.pretrained_cfg
    stems = _names(config.get("first_conv"))
    if in_channels != 3:
        _check_stem(timm, net, stems, variant)
    return Backbone(
        net,
        stages=stages_by_blocks(net, [found["module"] for found in getattr(net, "feature_info", ())]),
        feature_dim=net.head_hidden_size,
        head_keys=tuple(_outermost(name, net) for name in _names(config.get("classifier"))),
        stem=stems[0] if stems else "",
        in_channels=in_channels,
        sizes=sizes,
    )


def _check_name(timm: ModuleType, variant: str) -> None:
    names = timm.list_models()
    if variant.partition(".")[0] not in names:
        said = f"timm has no network '{variant}'.{did_you_mean(variant, names)}" if variant else "timm needs a NAME."
        raise CatalogueError(
            said,
            code="UnknownEntry",
            hint=f"Write timm/NAME, with one of the {len(names):,} names that timm.list_models() gives.",
        )


def _network(timm: ModuleType, variant: str) -> tuple[Any, Sizes]:
    """The network, able to take other sizes than its own where timm can do that."""
    try:
        config = timm.get_pretrained_cfg(variant)
    except RuntimeError as error:
        raise CatalogueError(
            f"timm does not know these weights: {error}",
            code="UnknownEntry",
            hint=f"Write timm/{variant.partition('.')[0]}, without a tag.",
        ) from error
    rows, columns = config.input_size[1:]
    if not config.fixed_input_size:
        net = timm.create_model(variant, num_classes=0)
        return net, Sizes(smallest=min(config.min_input_size[1:])) if config.min_input_size else ANY_SIZE
    try:
        net = timm.create_model(variant, num_classes=0, dynamic_img_size=True)
    except TypeError:  # this network knows no such argument
        return timm.create_model(variant, num_classes=0), Sizes(fixed=(rows, columns))
    patch = max(net.patch_embed.patch_size)
    return net, Sizes(smallest=patch, multiple=patch)


def _check_stem(timm: ModuleType, net: nn.Module, stems: tuple[str, ...], variant: str) -> None:
    """Refuse networks whose input enters in several places, or through kernels that are rescaled."""
    rescaled = tuple(getattr(timm.layers, name) for name in STANDARDISED)
    if len(stems) != 1 or isinstance(net.get_submodule(stems[0]), rescaled):
        raise CatalogueError(
            f"{variant} does not begin with one plain convolution, so that it cannot be given one channel",
            code="BadHyperparameter",
            hint="Leave model.in_channels at 3: grey pictures are repeated.",
        )


def _outermost(classifier: str, net: nn.Module) -> str:
    """The shortest prefix of the classifier's name that nothing begins with in the network without it.

    Timm names the last linear layer alone, and takes away with it a normalisation or a hidden layer beside it.
    """
    parts = classifier.split(".")
    prefixes = [".".join(parts[:depth]) + "." for depth in range(1, len(parts) + 1)]
    kept = tuple(net.state_dict())
    return next((prefix for prefix in prefixes if not any(key.startswith(prefix) for key in kept)), prefixes[-1])


def _names(named: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    """Timm gives one name, several, or none."""
    return (named,) if isinstance(named, str) else tuple(named or ())

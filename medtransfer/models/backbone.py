"""A network without its head: ordered, named stages, and pooled features out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Literal, NamedTuple

from torch import Tensor, nn

from medtransfer.core.catalogue import did_you_mean
from medtransfer.core.errors import CatalogueError, ConfigError
from medtransfer.data.tensors import Features, NetworkInput
from medtransfer.models.stem import fit_stem


class Sizes(NamedTuple):
    """Which pictures or volumes a network can look at, in pixels and slices.

    Attributes:
        smallest: Fewest along any axis.
        multiple: What every axis is a multiple of; otherwise the network would leave out a border.
        fixed: The only rows and columns it takes, or None.
    """

    smallest: int = 1
    multiple: int = 1
    fixed: tuple[int, int] | None = None

    def check(self, space: Sequence[int]) -> None:
        """Refuse what the network cannot look at.

        Raises:
            ConfigError: `SizeDoesNotFit`, with the size that would.
        """
        if self.fixed is not None and tuple(space) != self.fixed:
            wanted, cure = f"{self.fixed[0]} × {self.fixed[1]} alone", self.fixed[0]
        elif min(space) < self.smallest:
            wanted, cure = f"at least {self.smallest} along every axis", self.smallest
        elif any(length % self.multiple for length in space):
            wanted = f"multiples of {self.multiple}"
            cure = self.multiple * max(1, round(min(space) / self.multiple))
        else:
            return
        key = "preprocess.planes" if len(space) == 3 and space[0] < self.smallest else "preprocess.size"
        raise ConfigError(
            f"this network takes {wanted}, not {' × '.join(map(str, space))}",
            code="SizeDoesNotFit",
            path=key,
            hint=f"Prepare the images again with --set {key}={cure}, or take another backbone.",
        )


ANY_SIZE = Sizes()


class Backbone(nn.Module):
    """A network whose last layer has been taken off.

    Attributes:
        network: The origin's own module, its parameter names unchanged, its head replaced by an identity.
        stages: Stage name → names of the modules, or lone parameters and buffers, that it consists of, input side
            first. Every parameter and buffer belongs to exactly one stage; freezing, rates and taps count in stages.
        feature_dim: Length of a feature vector.
        head_keys: Prefixes of the origin's head in its state dict, which weight files may hold and we leave out.
        stem: Name of the first convolution in `network`; empty where it begins with something else.
        in_channels: 1 or 3.
        dimensions: 2 for networks that look at planes, 3 for those that look at volumes.
        sizes: What they can look at.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        stages: Mapping[str, tuple[str, ...]],
        feature_dim: int,
        head_keys: tuple[str, ...],
        stem: str = "conv1",
        in_channels: int = 3,
        dimensions: Literal[2, 3] = 2,
        sizes: Sizes = ANY_SIZE,
    ) -> None:
        """Take a network of three input channels; with `in_channels=1` its stem is fitted to one.

        Raises:
            CatalogueError: The stages leave something out or hold it twice, or the stem cannot be fitted.
        """
        super().__init__()
        fit_stem(network, stem, in_channels=in_channels)
        self.network = network
        self.stages = dict(stages)
        self.feature_dim = feature_dim
        self.head_keys = head_keys
        self.stem = stem
        self.in_channels = in_channels
        self.dimensions = dimensions
        self.sizes = sizes
        _check_stages(network, self.stages)

    def forward(self, images: NetworkInput) -> Features:
        """`case channel row column` → `case feature`, pooled over the plane; `case channel slice row column` in 3-D.

        Raises:
            ConfigError: Images of a size that the network cannot look at.
        """
        self.sizes.check(images.shape[2:])
        features: Tensor = self.network(images)
        return features.flatten(1)

    def tapped(self, images: NetworkInput, stages: Sequence[str]) -> tuple[Features, dict[str, Tensor]]:
        """Features, and what the named stages pass on, as the network shapes it (`case channel *space` in most).

        A ReLU that works in place at the beginning of the next stage is in it.

        Raises:
            CatalogueError: There is no such stage.
            ConfigError: Images of a size that the network cannot look at.
        """
        passed: dict[str, Tensor] = {}

        def keep(stage: str, _module: nn.Module, _inputs: object, output: Tensor) -> None:
            passed[stage] = output

        ends = {stage: self._last_module(stage) for stage in stages}
        hooks = [module.register_forward_hook(partial(keep, stage)) for stage, module in ends.items()]
        try:
            features = self(images)
        finally:
            for hook in hooks:
                hook.remove()
        return features, passed

    def stage_modules(self, stage: str) -> list[nn.Module]:
        """The modules of one stage, without its lone parameters."""
        return [part for _, part in self._parts(stage) if isinstance(part, nn.Module)]

    def stage_parameters(self, stage: str) -> Iterator[tuple[str, nn.Parameter]]:
        """Names (as in `self.named_parameters()`) and parameters of one stage."""
        for name, part in self._parts(stage):
            if isinstance(part, nn.Parameter):
                yield f"network.{name}", part
            elif isinstance(part, nn.Module):
                for inner, parameter in part.named_parameters():
                    yield f"network.{name}.{inner}", parameter

    def _parts(self, stage: str) -> Iterator[tuple[str, nn.Module | Tensor]]:
        for name in self.stages[stage]:
            yield name, attrgetter(name)(self.network)

    def _last_module(self, stage: str) -> nn.Module:
        if stage not in self.stages:
            raise CatalogueError(
                f"the network has no stage '{stage}'.{did_you_mean(stage, self.stages)}",
                code="UnknownStage",
                hint=f"Stages: {', '.join(self.stages)}.",
            )
        return self.stage_modules(stage)[-1]


def _check_stages(network: nn.Module, stages: Mapping[str, tuple[str, ...]]) -> None:
    """Every parameter and buffer in exactly one stage: otherwise one would be frozen by no stage, or by two."""
    staged: Counter[int] = Counter()
    for name in (name for names in stages.values() for name in names):
        part = attrgetter(name)(network)
        staged.update(map(id, _tensors(part).values() if isinstance(part, nn.Module) else [part]))
    wrong = [name for name, tensor in _tensors(network).items() if staged[id(tensor)] != 1]
    if wrong:
        raise CatalogueError(
            f"{len(wrong)} parameters or buffers are not in exactly one stage: {', '.join(wrong[:8])}",
            code="BadStages",
            hint="Name every part of the network once in the backbone's stages. A network that uses one module in two "
            "places (as timm's CoaT) cannot be a backbone.",
        )


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}

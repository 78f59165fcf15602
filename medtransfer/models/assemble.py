"""From names to a network: by the catalogue for training, from a bundle for predicting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import BundleError
from medtransfer.models.classifier import SOURCE_HEAD, Classifier
from medtransfer.models.weights import load_weights

if TYPE_CHECKING:
    from medtransfer.core.config.models import ModelConfig
    from medtransfer.models.bundle import Bundle, Member


def new_classifier(config: ModelConfig, *, classes: int, source_classes: int | None, seed: int) -> Classifier:
    """A network with the weights that the config names, and fresh heads; random parts follow the seed.

    Raises:
        CatalogueError: There is no such backbone.
        WeightsError: The weights do not fit it.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        backbone = BACKBONES.get(config.backbone)(in_channels=3)
        spec = load_weights(backbone, config.weights, name=config.backbone, download=config.download)
        return Classifier(backbone, classes=classes, source_classes=source_classes, spec=spec)


def classifier_from(bundle: Bundle, member: Member) -> Classifier:
    """The network of a bundle's member.

    Raises:
        BundleError: Its parameters do not fit the backbone it names.
    """
    backbone = BACKBONES.get(member.backbone)(in_channels=3)
    model = Classifier(backbone, classes=len(bundle.manifest.classes), source_classes=None, spec=member.input)
    tensors = {key: torch.from_numpy(value) for key, value in bundle.tensors(member).items()}
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise BundleError(
            f"parameters do not fit {member.backbone}: {error}",
            code="KeysDoNotFit",
            path=bundle.folder / member.file,
            hint="Make the bundle again with this version.",
        ) from error
    return model


def deployable(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Without the source's head, which answers a question that nobody asks of the bundle."""
    return {key: value for key, value in tensors.items() if not key.startswith(f"heads.{SOURCE_HEAD}.")}

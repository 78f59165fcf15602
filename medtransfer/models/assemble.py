"""From names to a network: by the catalogue for training, from a bundle for predicting."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch

from medtransfer.core.catalogue import OWN_CODE, is_trusted
from medtransfer.core.config.models import BACKBONES, POOLINGS
from medtransfer.core.errors import BundleError
from medtransfer.models.classifier import HEAD, Classifier, Question
from medtransfer.models.weights.load import Loaded, load_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medtransfer.core.config.models import ModelConfig
    from medtransfer.models.bundle import Bundle, Member

Values = TypeVar("Values")


def new_classifier(
    config: ModelConfig,
    *,
    question: Question,
    sources: Mapping[str, Question | None] | None = None,
    seed: int,
) -> Classifier:
    """A network with the weights that the config names, and fresh heads; random parts follow the seed.

    Args:
        config: Which network.
        question: The target's.
        sources: Each source's by its name; None where it asks the target's.
        seed: Of everything that is random at first.

    Raises:
        CatalogueError: There is no such backbone.
        WeightsError: The weights do not fit it.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        backbone = BACKBONES.get(config.backbone)(in_channels=config.in_channels)
        loaded = load_weights(backbone, config.weights, name=config.backbone, download=config.download)
        return Classifier(
            backbone,
            pooling=POOLINGS.get(config.pooling.name)(backbone.feature_dim, **config.pooling.settings),
            question=question,
            sources=sources,
            weights=loaded,
            neighbours=config.grey == "neighbours",
            chunk=config.chunk,
        )


def classifier_from(bundle: Bundle, member: Member) -> Classifier:
    """The network of a bundle's member.

    Raises:
        BundleError: `OwnCode`: it names a callable that the user has not; its parameters do not fit the backbone.
    """
    for name in (member.backbone, member.pooling.name):
        if not is_trusted(name):
            raise BundleError(
                f"names code to run, {name}, which is no part of this package",
                code="OwnCode",
                path=bundle.folder / member.file,
                hint=f"Where you know that code and whose bundle it is: {OWN_CODE}={name}.",
            )
    backbone = BACKBONES.get(member.backbone)(in_channels=member.in_channels)
    model = Classifier(
        backbone,
        pooling=POOLINGS.get(member.pooling.name)(backbone.feature_dim, **member.pooling.settings),
        question=Question(bundle.manifest.task, len(bundle.manifest.classes)),
        weights=Loaded(spec=member.input),
        neighbours=member.grey == "neighbours",
        chunk=_chunk(bundle.manifest.preprocess.size),
    )
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


def _chunk(size: int) -> int:
    """Planes of this side that are encoded at once when predicting: what 32 of 224 × 224 take, but never more than 32.

    It does not follow `model.chunk`, which is as small as training's memory asks for: predicting keeps no activations.
    """
    return max(1, min(32, 32 * 224**2 // size**2))


def deployable(tensors: Mapping[str, Values]) -> dict[str, Values]:
    """Without the sources' heads, which answer questions that nobody asks of the bundle."""
    return {k: value for k, value in tensors.items() if not k.startswith("heads.") or k.startswith(f"heads.{HEAD}.")}

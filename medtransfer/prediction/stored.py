"""What `predict` keeps of a study beside its probabilities, on request: embeddings, thumbnails."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Final

import numpy as np

from medtransfer.core.catalogue import did_you_mean
from medtransfer.core.errors import ConfigError
from medtransfer.prediction.pictures import border, thumbnail
from medtransfer.prediction.types import FeatureRuntime, Runtime, StudyScans

EMBEDDINGS, THUMBNAILS = "embeddings", "thumbnails"

COLUMNS: Final = {EMBEDDINGS: ("embedding",), THUMBNAILS: ("thumbnail", "border")}
"""What can be stored, and the columns it makes (`FEATURE_COLUMNS`)."""


def stored_kinds(words: Sequence[str]) -> tuple[str, ...]:
    """The kinds that are named, in one order.

    Raises:
        ConfigError: `UnknownKind`.
    """
    for word in words:
        if word not in COLUMNS:
            raise ConfigError(
                f"'{word}' is nothing that is stored.{did_you_mean(word, COLUMNS)}",
                code="UnknownKind",
                path="--store",
                hint=f"Name some of {', '.join(COLUMNS)}, with commas between.",
            )
    return tuple(kind for kind in COLUMNS if kind in words)


class Listening:
    """A runtime that keeps the features of the studies it was asked about since `heard` was last emptied."""

    def __init__(self, runtime: FeatureRuntime) -> None:
        self._runtime = runtime
        self.heard: list[np.ndarray] = []

    def __call__(self, studies: Sequence[StudyScans]) -> np.ndarray:
        """Logits of each study."""
        answer = self._runtime.answer(studies)
        self.heard += list(answer.features)
        return answer.logits


def listening(runtime: Runtime, name: str) -> Listening:
    """The runtime as one that keeps features.

    Raises:
        ConfigError: `NoFeatures`: it cannot tell them.
    """
    if not isinstance(runtime, FeatureRuntime):
        raise ConfigError(
            f"runtime '{name}' tells no features", code="NoFeatures", path="--store", hint="Store no embeddings."
        )
    return Listening(runtime)


def pictured(scans: StudyScans) -> dict[str, list[int]]:
    """The cells that thumbnails make."""
    small = thumbnail(list(scans))
    return {"thumbnail": small, "border": border(small)}


def packed(features: np.ndarray) -> str:
    """Features as text that gives back every bit."""
    return base64.b64encode(features.astype("<f4").tobytes()).decode("ascii")


def unpacked(text: str) -> np.ndarray:
    """What `packed` was given."""
    return np.frombuffer(base64.b64decode(text), dtype="<f4").astype(np.float32)

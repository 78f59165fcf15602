"""What executes a network, seen from the room that predicts with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float
from numpy import ndarray

from medtransfer.data.preprocess import Prepared

StudyScans = Sequence[Prepared]
"""Every prepared row (series, view) of one study."""


class Answer(NamedTuple):
    """What a network says of some studies.

    Attributes:
        logits: One a class, or one a cut between classes where the task is ordinal.
        features: Pooled features below the head; those of several members one after the other.
    """

    logits: Float[ndarray, "case logit"]
    features: Float[ndarray, "case feature"]


@runtime_checkable
class Runtime(Protocol):
    """A loaded bundle: prepared studies in, logits out."""

    def __call__(self, studies: Sequence[StudyScans]) -> Float[ndarray, "case logit"]:
        """Logits of each study: one a class, or one a cut between classes where the task is ordinal."""
        ...


@runtime_checkable
class AttentiveRuntime(Runtime, Protocol):
    """A runtime that can tell how much each plane had to do with its answer."""

    def attend(self, study: StudyScans) -> tuple[Float[ndarray, " logit"], Float[ndarray, " plane"] | None]:
        """Logits of one study, and the weights of its planes, row after row, 1 in sum.

        There are none where the pooling has learned no weights, or where planes are not what is pooled.
        """
        ...


@runtime_checkable
class FeatureRuntime(Runtime, Protocol):
    """A runtime that can tell the features, too."""

    def answer(self, studies: Sequence[StudyScans]) -> Answer:
        """Logits and features of each study."""
        ...

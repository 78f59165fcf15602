"""What executes a network, seen from the room that predicts with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from numpy import ndarray

from medtransfer.data.preprocess import Prepared

StudyScans = Sequence[Prepared]
"""Every prepared row (series, view) of one study."""


@runtime_checkable
class Runtime(Protocol):
    """A loaded bundle: prepared studies in, logits out."""

    def __call__(self, studies: Sequence[StudyScans]) -> Float[ndarray, "case logit"]:
        """Logits of each study: one a class, or one a cut between classes where the task is ordinal."""
        ...

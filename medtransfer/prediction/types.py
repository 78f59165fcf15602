"""What executes a network, seen from the room that predicts with it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from numpy import ndarray


@runtime_checkable
class Runtime(Protocol):
    """A loaded bundle: prepared pictures in, logits out."""

    def __call__(self, pictures: Float[ndarray, "case channel row column"]) -> Float[ndarray, "case class"]:
        """`case channel row column` in [0, 1], one or three channels → logits, `case class`."""
        ...

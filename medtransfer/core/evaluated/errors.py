"""The most confident errors. The one part that names studies: it is made only when asked for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from medtransfer.core.records import Record


class ErrorCase(Record):
    """One study that the model is sure about, and wrong."""

    study_id: str
    kind: Literal["false negative", "false positive"]
    probability: float
    """Of the finding."""
    truth: str
    """As the table says it."""
    flags: tuple[str, ...] = ()
    attributes: dict[str, str] = Field(default={})
    path: str = ""
    """Of the image, relative, where the table says it."""
    thumbnail: tuple[int, ...] = ()
    """8 × 8 greys, row by row, where they were stored."""


class ErrorGallery(Record):
    """The worst errors of one finding, the most confident ones first."""

    of: str
    threshold: float | None
    """From which on a study is called positive; None where there is none, and the rank alone counts."""
    false_negatives: tuple[ErrorCase, ...]
    false_positives: tuple[ErrorCase, ...]
    n_false_negatives: int
    """Of all, with or without a place in the gallery."""
    n_false_positives: int

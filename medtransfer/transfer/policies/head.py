"""Linear probing: only the head moves; the stages stay as they are, batch statistics included.

Reference: Alain & Bengio 2017, Understanding intermediate layers using linear classifier probes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.models.classifier import HEAD

if TYPE_CHECKING:
    from medtransfer.models.classifier import Classifier


def groups(model: Classifier, progress: float) -> dict[str, float]:
    """1 for the head, 0 (frozen) for every stage."""
    del progress
    return {group: float(group == HEAD) for group in model.groups()}

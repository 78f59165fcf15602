"""Linear probing: only the head moves, and the pooling where it has parameters.

The stages stay as they are, batch statistics included.

Reference: Alain & Bengio 2017, Understanding intermediate layers using linear classifier probes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.models.classifier import NEW

if TYPE_CHECKING:
    from medtransfer.models.classifier import Classifier
    from medtransfer.transfer.types import Progress


def groups(model: Classifier, progress: Progress) -> dict[str, float]:
    """1 for pooling and head, 0 (frozen) for every stage."""
    del progress
    return {group: float(group in NEW) for group in model.groups()}

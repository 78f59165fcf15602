"""Full fine-tuning: everything moves from the first step on.

The stages may move more slowly than the head: pretrained features are near where they should be, a new head is not.

Reference: Yosinski et al. 2014, How transferable are features in deep neural networks?
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.models.classifier import NEW

if TYPE_CHECKING:
    from medtransfer.models.classifier import Classifier
    from medtransfer.transfer.types import Progress


def groups(model: Classifier, progress: Progress, *, backbone: float = 1.0) -> dict[str, float]:
    """Rate of each group relative to the learning rate; `backbone` is that of every stage; pooling and head have 1."""
    del progress
    return {group: 1.0 if group in NEW else backbone for group in model.groups()}

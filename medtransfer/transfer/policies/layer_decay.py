"""Layer-wise rate decay: the nearer to the input, the slower.

    rate of stage k = decay^k,    k = 1 for the stage next to the head; pooling and head: 1

Early stages see edges and textures, which need the least change. The rates stand in the optimiser's groups, so that
any schedule multiplies them. They count in stages of the network, where the references count transformer blocks: for
stages of b blocks, `decay` is theirs to the power of b.

Reference: Clark et al. 2020, ELECTRA: pre-training text encoders as discriminators rather than generators, appendix A;
Bao et al. 2022, BEiT: BERT pre-training of image transformers. The default is that of timm 1.0's
`param_groups_layer_decay`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.models.classifier import NEW

if TYPE_CHECKING:
    from medtransfer.models.classifier import Classifier
    from medtransfer.transfer.types import Progress


def groups(model: Classifier, progress: Progress, *, decay: float = 0.75) -> dict[str, float]:
    """Rate of each group relative to the learning rate; `decay` is the ratio of neighbouring stages' rates."""
    del progress
    stages = [group for group in model.groups() if group not in NEW]
    rates = {stage: decay**k for k, stage in zip(range(len(stages), 0, -1), stages, strict=True)}
    return {group: rates.get(group, 1.0) for group in model.groups()}

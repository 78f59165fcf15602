"""Features of frozen networks: every plane encoded once."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from medtransfer.core.progress import progress_bar
from medtransfer.core.types import FeatureRows
from medtransfer.data.dataset import Encodings, StudySet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medtransfer.models.classifier import Classifier

_STUDIES = 64
"""Studies a batch; memory depends on the network's chunk alone."""


def frozen_features(model: Classifier, studies: StudySet, *, batch_size: int = _STUDIES) -> FeatureRows:
    """Pooled features of every study, `case feature`, with the network as it stands, in evaluation mode."""
    rows = []
    with _evaluating(model):
        for start in range(0, len(studies), batch_size):
            batch, _ = studies.batch(np.arange(start, min(start + batch_size, len(studies))))
            rows.append(model(batch).features.float().cpu().numpy())
    return np.concatenate(rows)


def encoded_once(model: Classifier, studies: StudySet, *, quiet: bool = True) -> StudySet:
    """The set with the features of each of its planes (or volumes, in 3-D), in evaluation mode and not augmented.

    Args:
        model: Its encoder must not change afterwards, or the features would be another network's.
        studies: The set.
        quiet: Show no progress bar.
    """
    rows, counts = [], []
    with _evaluating(model), progress_bar("encoding studies", len(studies), quiet=quiet) as advance:
        for start in range(0, len(studies), _STUDIES):
            cases = np.arange(start, min(start + _STUDIES, len(studies)))
            batch, _ = studies.batch(cases)
            items = model.items(batch)
            rows.append(model.encode(batch, items).features.float().cpu().numpy())
            counts.append(np.bincount(items.study, minlength=len(cases)))
            advance(len(cases))
    starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
    return replace(studies, encoded=Encodings(values=np.concatenate(rows), starts=starts))


@contextmanager
def _evaluating(model: Classifier) -> Iterator[None]:
    """Evaluation mode and no gradients inside; afterwards every module is in the mode it was in."""
    was_training = [(module, module.training) for module in model.modules()]  # frozen ones in another than the others
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module, training in was_training:
            module.training = training

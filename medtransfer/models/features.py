"""Frozen features of many pictures, in batches and without gradients."""

from __future__ import annotations

import numpy as np
import torch

from medtransfer.core.types import FeatureRows
from medtransfer.data.dataset import PictureSet
from medtransfer.models.classifier import Classifier


def frozen_features(model: Classifier, pictures: PictureSet, *, batch_size: int = 64) -> FeatureRows:
    """Pooled features of every case, `case feature`, with the network as it stands, in evaluation mode."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    rows = []
    with torch.inference_mode():
        for start in range(0, len(pictures), batch_size):
            batch, _ = pictures.batch(np.arange(start, min(start + batch_size, len(pictures))))
            rows.append(model(batch.to(device)).features.float().cpu().numpy())
    model.train(was_training)
    return np.concatenate(rows)

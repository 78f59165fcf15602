"""A network that is looked at and not changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def still(model: nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradients inside; the mode is what it was afterwards."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)

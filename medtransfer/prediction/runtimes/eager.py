"""PyTorch as it is: the reference that other runtimes are compared with."""

from __future__ import annotations

import numpy as np
import torch

from medtransfer.models.assemble import classifier_from
from medtransfer.models.bundle import Bundle
from medtransfer.prediction.types import Runtime


def load(bundle: Bundle, *, device: str = "cpu") -> Runtime:
    """A bundle's network in evaluation mode, 32 bits; the mean of the logits where it has several members."""
    members = [
        classifier_from(bundle, member).eval().requires_grad_(requires_grad=False).to(device)
        for member in bundle.manifest.members
    ]

    def run(pictures: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            batch = torch.from_numpy(pictures).to(device)
            return torch.stack([member(batch).logits for member in members]).mean(dim=0).cpu().numpy()

    return run

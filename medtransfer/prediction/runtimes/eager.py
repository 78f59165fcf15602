"""PyTorch as it is: the reference that other runtimes are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np
import torch

from medtransfer.data.bags import HeldPlanes, Layout
from medtransfer.data.dataset import StudyBatch
from medtransfer.models.assemble import classifier_from
from medtransfer.models.bundle import Bundle
from medtransfer.prediction.types import Runtime, StudyScans


def load(bundle: Bundle, *, device: str = "cpu") -> Runtime:
    """A bundle's network in evaluation mode, 32 bits; the mean of the logits where it has several members."""
    members = [
        classifier_from(bundle, member).eval().requires_grad_(requires_grad=False).to(device)
        for member in bundle.manifest.members
    ]

    def run(studies: Sequence[StudyScans]) -> np.ndarray:
        scans = HeldPlanes.of_scans([scan for study in studies for scan in study])
        number = count()
        rows = [[next(number) for _ in study] for study in studies]
        names = tuple(f"study {number}" for number in range(1, len(studies) + 1))
        batch = StudyBatch(scans, Layout.of(scans, rows), names)
        with torch.inference_mode():
            return torch.stack([member(batch).logits for member in members]).mean(dim=0).cpu().numpy()

    return run

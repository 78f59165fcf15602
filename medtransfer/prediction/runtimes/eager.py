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
from medtransfer.models.classifier import Classifier, Output
from medtransfer.prediction.types import Answer, FeatureRuntime, StudyScans


def load(bundle: Bundle, *, device: str = "cpu") -> FeatureRuntime:
    """A bundle's network in evaluation mode, 32 bits; the mean of the logits where it has several members."""
    members = [
        classifier_from(bundle, member).eval().requires_grad_(requires_grad=False).to(device)
        for member in bundle.manifest.members
    ]
    return Eager(members)


class Eager:
    """Loaded members."""

    def __init__(self, members: Sequence[Classifier]) -> None:
        self._members = tuple(members)

    def __call__(self, studies: Sequence[StudyScans]) -> np.ndarray:
        """Logits of each study."""
        return self.answer(studies).logits

    def attend(self, study: StudyScans) -> tuple[np.ndarray, np.ndarray | None]:
        """Logits of one study, and the weights of its planes: the mean over the members that have learned any."""
        logits, said = self._said([study])
        planes = sum(len(scan.planes) for scan in study)
        weights = [
            output.weights[0].float().cpu().numpy()
            for member, output in zip(self._members, said, strict=True)
            if any(True for _ in member.pooling.parameters()) and output.weights.shape[1] == planes
        ]
        return logits.cpu().numpy()[0], np.mean(weights, axis=0) if weights else None

    def answer(self, studies: Sequence[StudyScans]) -> Answer:
        """Logits and features of each study."""
        logits, said = self._said(studies)
        features = torch.cat([output.features for output in said], dim=1).float()
        return Answer(logits.cpu().numpy(), features.cpu().numpy())

    def _said(self, studies: Sequence[StudyScans]) -> tuple[torch.Tensor, list[Output]]:
        """Mean logits of each study, and what each member said."""
        scans = HeldPlanes.of_scans([scan for study in studies for scan in study])
        number = count()
        rows = [[next(number) for _ in study] for study in studies]
        names = tuple(f"study {number}" for number in range(1, len(studies) + 1))
        batch = StudyBatch(scans, Layout.of(scans, rows), names)
        with torch.inference_mode():
            said = [member(batch) for member in self._members]
            return torch.stack([output.logits for output in said]).mean(dim=0), said

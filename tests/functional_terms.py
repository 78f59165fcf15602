"""A toy network with all that makes terms on outputs difficult, and steps as training takes them."""

from __future__ import annotations

import numpy as np
import torch
from tiny import batch_of, classifier
from torch import nn

from medtransfer.data.dataset import StudyBatch, StudySet
from medtransfer.models.backbone import Backbone
from medtransfer.models.classifier import Classifier
from medtransfer.models.weights.load import PretrainedHead
from medtransfer.transfer.types import POOLED, Domain, Step, Term, TransferData

NAME = "the_term"
SOURCE_CLASSES = 7
FEATURES = 5


class ToyNetwork(nn.Module):
    """Batch norm; a ReLU in place at the end of a stage, another at the beginning of the next; linear at the top."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.body = nn.Conv2d(4, 6, 3)
        self.top = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(6, FEATURES, 3))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.top(self.body(self.stem(pictures))).mean(dim=(2, 3))


def toy(*, classes: int = 2, chunk: int = 32, head: bool = True) -> Classifier:
    """The same network at every call, in evaluation mode; its batch norms have seen data."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        stages = {"stem": ("stem",), "body": ("body",), "top": ("top",)}
        network = ToyNetwork()
        network(pictures(16, seed=9))
        model = classifier(
            Backbone(network, stages=stages, feature_dim=FEATURES, head_keys=(), stem="stem.0"), classes=classes
        )
        if head:
            pretrained = PretrainedHead(torch.randn(SOURCE_CLASSES, FEATURES), torch.randn(SOURCE_CLASSES))
            model.weights = model.weights._replace(head=pretrained)
    model.chunk = chunk
    return model.eval()


def pictures(count: int, *, seed: int, size: int = 12) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def labels(count: int, *, classes: int = 2) -> torch.Tensor:
    return torch.arange(count) % classes


def studies(count: int, *, seed: int = 1, classes: int = 2) -> TransferData:
    """Pictures of random noise, their classes in turn, each of a patient of its own."""
    kept = (pictures(count, seed=seed).numpy() * 65535).astype(np.uint16)
    names = tuple(f"picture {index}" for index in range(count))
    target = StudySet.of_pictures(
        kept, labels=labels(count, classes=classes).numpy(), patients=np.arange(count), names=names
    )
    return TransferData(target=target)


def moved(model: Classifier, *, by: float = 0.1, seed: int = 3) -> Classifier:
    """The network, every parameter of its encoder changed, in place."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.backbone.parameters():
            parameter.add_(by * torch.randn(parameter.shape, generator=generator))
    return model


def step_of(
    model: Classifier, term: Term, batch: StudyBatch | torch.Tensor, truths: torch.Tensor | None = None
) -> Step:
    """What a step of training hands to a term: the batch goes through the network while the term's watcher looks on."""
    if isinstance(batch, torch.Tensor):
        batch = batch_of(batch)
    watchers = {} if term.watcher is None else {NAME: term.watcher}
    output = model(batch, watchers=watchers)
    truths = labels(len(batch), classes=model.classes) if truths is None else truths
    domain = Domain(
        features={POOLED: output.features}, logits=output.logits, labels=truths, watched=output.watched, share=0.0
    )
    return Step(name=NAME, target=domain)


def value(
    model: Classifier, term: Term, batch: StudyBatch | torch.Tensor, truths: torch.Tensor | None = None
) -> torch.Tensor:
    """Ω of a batch."""
    return term.loss(step_of(model, term, batch, truths))

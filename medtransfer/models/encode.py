"""Planes (or whole volumes, in 3-D) through the backbone, in pieces.

A batch of studies may hold thousands of planes. Only a piece of them is loaded and encoded at a time; while training,
its activations are thrown away and computed again in the backward pass (gradient checkpointing), so that memory depends
on the piece alone. In evaluation mode the pieces change nothing. While batch statistics are learnt they do: each piece
has statistics of its own, so that its planes are taken from all over the batch rather than from neighbouring slices of
one patient.

Reference: Chen, Xu, Zhang, Guestrin 2016, Training deep nets with sublinear memory cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from itertools import count as numbers
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from medtransfer.core.errors import TrainingError
from medtransfer.core.memory import hand_back
from medtransfer.data.bags import Indices, Layout
from medtransfer.data.dataset import StudyBatch
from medtransfer.data.tensors import ItemFeatures, ItemValues, NetworkInput, VolumeBatch
from medtransfer.models.backbone import Backbone
from medtransfer.models.watch import Watcher

_BETWEEN = 8
"""Pieces between which freed memory is handed back: it costs a page fault for every page that is used again."""

Normalise = Callable[[VolumeBatch], NetworkInput]


class Items(NamedTuple):
    """What the backbone looks at, one item after the other: a plane, or in 3-D a view with all its planes.

    Attributes:
        study: Number of the study of each item.
        first: Number of each item's first plane.
        planes: How many planes it has.
        position: Its place within its view, 0 to 1.
        axis: Index into `data/places.AXES`.
    """

    study: Indices
    first: Indices
    planes: Indices
    position: np.ndarray
    axis: Indices


def items_of(layout: Layout, dimensions: int) -> Items:
    """The items of some studies, study after study."""
    if dimensions == 2:
        every = np.arange(len(layout.study))
        return Items(layout.study, every, np.ones_like(every), layout.position, layout.axis)
    _, first, planes = np.unique(layout.view, return_index=True, return_counts=True)
    middle = np.full(len(first), 0.5, dtype=np.float32)
    return Items(layout.study[first], first, planes, middle, layout.axis[first])


def pieces(items: Items, chunk: int) -> list[Indices]:
    """Items that go through the backbone together: about `chunk` planes, items of equal length alone."""
    found = []
    for length in np.unique(items.planes).tolist():
        members = np.flatnonzero(items.planes == length)
        count = math.ceil(len(members) / max(1, chunk // length))
        found += [members[start::count] for start in range(count)]
    return found


class Encoded(NamedTuple):
    """What the encoder makes of a batch.

    Attributes:
        features: Of every item.
        watched: What each watcher said of every item, by the name it goes by.
    """

    features: ItemFeatures
    watched: dict[str, ItemValues]


def encode(
    backbone: Backbone,
    batch: StudyBatch,
    items: Items,
    *,
    normalise: Normalise,
    neighbours: bool,
    chunk: int,
    watchers: Mapping[str, Watcher] | None = None,
) -> Encoded:
    """Features of every item, `item feature`, and what watchers say of them.

    Args:
        backbone: The encoder.
        batch: Where the planes come from.
        items: What `items_of` says of it.
        normalise: From pictures in [0, 1] to what the weights expect.
        neighbours: Let grey planes come between their neighbours as three channels.
        chunk: Planes that are encoded at once.
        watchers: Who looks on, by name.

    Raises:
        TrainingError: `OutOfMemory`, naming the largest study and a smaller chunk.
    """
    device = next(backbone.parameters()).device
    learns = torch.is_grad_enabled() and any(parameter.requires_grad for parameter in backbone.parameters())

    calls = numbers()
    watching = dict(watchers or {})
    stages = sorted({stage for watcher in watching.values() for stage in watcher.stages})

    def encoded(piece: Indices) -> tuple[ItemFeatures, ...]:
        if next(calls) % _BETWEEN == _BETWEEN - 1:
            hand_back()
        length = int(items.planes[piece[0]])
        chosen = (items.first[piece][:, None] + np.arange(length)).ravel()
        pictures = batch.load(chosen, neighbours=neighbours).to(device)
        if backbone.dimensions == 3:
            pictures = pictures.unflatten(0, (len(piece), length)).transpose(1, 2)
        inputs = normalise(pictures)
        if not watching:
            return (backbone(inputs),)
        features, passed = backbone.tapped(inputs, stages)
        return features, *(watcher(inputs, features, passed) for watcher in watching.values())

    found = pieces(items, chunk)
    with named_failures(batch, chunk), nullcontext() if learns else torch.no_grad():
        if len(found) == 1:
            return _by_name(encoded(found[0]), watching)
        if learns:
            again = partial(_first_and_again, backbone)
            parts = [checkpoint(encoded, piece, use_reentrant=False, context_fn=again) for piece in found]
        else:
            parts = [encoded(piece) for piece in found]
    back = np.argsort(np.concatenate(found), kind="stable")
    order = torch.from_numpy(back).to(device)
    return _by_name([torch.cat(column).index_select(0, order) for column in zip(*parts, strict=True)], watching)


def _by_name(columns: Sequence[Tensor], watching: Mapping[str, Watcher]) -> Encoded:
    return Encoded(columns[0], dict(zip(watching, columns[1:], strict=True)))


def _first_and_again(backbone: Backbone) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """What surrounds a piece when it is computed, and whenever it is computed again."""
    return nullcontext(), StatisticsKept(backbone)


class StatisticsKept(AbstractContextManager[None]):
    """Batch statistics are used but not learnt: a piece that is computed a second time must not count twice.

    Modules that depend on the domain, and have a method `as_now` for that, find the domain of the time when this was
    made. It can be entered again and again, since terms whose gradients are measured one by one each compute a piece
    again.
    """

    def __init__(self, module: nn.Module) -> None:
        as_now = [getattr(inner, "as_now", None) for inner in module.modules()]
        self._domains: list[AbstractContextManager[None]] = [make() for make in as_now if make is not None]
        self._norms = [inner for inner in module.modules() if isinstance(inner, _BatchNorm)]
        self._before: list[tuple[float | None, torch.Tensor | None]] = []

    def __enter__(self) -> None:
        for domain in self._domains:
            domain.__enter__()
        self._before = [(norm.momentum, norm.num_batches_tracked) for norm in self._norms]
        for norm in self._norms:
            norm.momentum, norm.num_batches_tracked = 0.0, None

    def __exit__(self, *_: object) -> None:
        for domain in reversed(self._domains):
            domain.__exit__(None, None, None)
        for norm, (momentum, tracked) in zip(self._norms, self._before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, tracked


@contextmanager
def named_failures(batch: StudyBatch, chunk: int) -> Iterator[None]:
    """Turn a failed allocation into an error that names the largest study and proposes a smaller chunk.

    Raises:
        TrainingError: `OutOfMemory`; `TooSmall`: batch statistics of a single value.
    """
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise TrainingError(
            "what is left of these volumes or pictures in the deepest layers is a single value, of which batch "
            "normalisation learns nothing",
            code="TooSmall",
            path=batch.names[0],
            hint="Make them larger (preprocess.size, preprocess.planes), give training.batch_size or model.chunk room "
            "for several, or freeze the encoder (policy.name = head).",
        ) from error
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError; CPUs raise a plain one
        if not _is_shortage(error):
            raise
        counts = np.diff(batch.layout.starts)
        largest = int(counts.argmax())
        smaller = max(1, min(chunk, int(counts.sum())) // 2)
        raise TrainingError(
            f"memory does not suffice for a batch of {counts.sum()} planes; the largest study is "
            f"{batch.names[largest]} with {counts[largest]}",
            code="OutOfMemory",
            path=batch.names[largest],
            hint=f"Encode fewer planes at once: --set model.chunk={smaller}; or make pictures smaller "
            "(preprocess.size), or resample volumes to fewer planes (preprocess.planes).",
        ) from error


def _is_shortage(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in ("allocate memory", "out of memory"))

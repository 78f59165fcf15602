"""In pieces or at once: the same features, the same gradients, and batch statistics that count every plane once."""

from __future__ import annotations

import copy
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import FloatPlanes, bags_of, classifier
from torch import nn

from medtransfer.core.errors import ConfigError, TrainingError
from medtransfer.data.bags import Layout
from medtransfer.data.dataset import StudyBatch
from medtransfer.models.backbone import Backbone
from medtransfer.models.classifier import Classifier, Question
from medtransfer.models.encode import Items, items_of, named_failures, pieces
from medtransfer.models.pooling import attention
from medtransfer.models.weights.load import Loaded
from medtransfer.models.weights.sidecar import InputSpec

if TYPE_CHECKING:
    from collections.abc import Callable


def studies(*counts: int, channels: int = 1, size: int = 12) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(count, channels, size, size, generator=generator) for count in counts]


def attending(backbone: Backbone, *, chunk: int = 32, neighbours: bool = False) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Classifier(
            backbone,
            pooling=attention.build(backbone.feature_dim),
            question=Question("multiclass", 2),
            weights=Loaded(spec=InputSpec()),
            chunk=chunk,
            neighbours=neighbours,
        )


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=30), st.integers(1, 50))
def test_every_item_is_in_one_piece_and_pieces_are_small(lengths: list[int], chunk: int) -> None:
    every = np.arange(len(lengths))
    found = pieces(Items(every, every, np.array(lengths), np.zeros(len(lengths), dtype=np.float32), every), chunk)
    assert sorted(np.concatenate(found).tolist()) == every.tolist()
    for piece in found:
        assert len({lengths[item] for item in piece}) == 1
        assert sum(lengths[item] for item in piece) <= max(chunk, lengths[piece[0]])


@pytest.mark.parametrize(
    ("counts", "chunk"),
    [
        *((counts, chunk) for counts in [(1,), (3,), (1, 4, 2)] for chunk in (1, 2, 5, 1000)),
        ((1000,), 7),
        ((1000,), 300),
    ],
)
def test_in_pieces_as_at_once(toy: Callable[[], Backbone], counts: tuple[int, ...], chunk: int) -> None:
    model = attending(toy(), chunk=10_000).eval()
    bags = bags_of(studies(*counts), "axial")
    with torch.inference_mode():
        whole = model(bags)
        model.chunk = chunk
        cut = model(bags)
    torch.testing.assert_close(cut.logits, whole.logits, rtol=0, atol=1e-6)
    torch.testing.assert_close(cut.weights, whole.weights, rtol=0, atol=1e-6)


def test_gradients_in_pieces_are_those_of_all_at_once(toy: Callable[[], Backbone]) -> None:
    model, bags = attending(toy()).eval(), bags_of(studies(5, 9, 1), "axial")
    found = []
    for chunk in (1000, 4):
        model.chunk = chunk
        model.zero_grad()
        model(bags).logits.square().sum().backward()
        found.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    assert set(found[0]) == set(found[1]) == {name for name, _ in model.named_parameters()}
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-4, atol=1e-6)


def test_batch_statistics_count_a_piece_once_though_it_is_computed_twice(toy: Callable[[], Backbone]) -> None:
    bags = bags_of(studies(6, 6), "axial")
    once, twice = attending(toy(), chunk=4).train(), None
    twice = copy.deepcopy(once)
    with torch.no_grad():  # nothing is computed again without gradients
        once(bags)
    twice(bags).logits.sum().backward()
    for name, buffer in once.named_buffers():
        assert torch.equal(buffer, dict(twice.named_buffers())[name]), name
    assert {"running_mean", "num_batches_tracked"} <= {name.rpartition(".")[2] for name, _ in once.named_buffers()}


def test_pieces_can_be_computed_again_for_each_of_several_terms(toy: Callable[[], Backbone]) -> None:
    """Gradients measured one by one add up to that of the sum, and batch statistics count once all the same."""
    bags = bags_of(studies(6, 6), "axial")
    model = attending(toy(), chunk=4).train()
    apart, at_once = copy.deepcopy(model), copy.deepcopy(model)
    logits = apart(bags).logits
    for term in (logits.square().sum(), logits.sum(), logits[0, 0]):
        term.backward(retain_graph=True)
    logits = at_once(bags).logits
    (logits.square().sum() + logits.sum() + logits[0, 0]).backward()
    for (name, one), other in zip(apart.named_parameters(), at_once.parameters(), strict=True):
        assert one.grad is not None
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6, msg=name)
    for name, buffer in apart.named_buffers():
        assert torch.equal(buffer, dict(at_once.named_buffers())[name]), name


def test_a_study_alone_is_the_study_in_a_batch(toy: Callable[[], Backbone]) -> None:
    model, parts = attending(toy()).eval(), studies(4, 1, 7)
    with torch.inference_mode():
        together = model(bags_of(parts, "axial")).logits
        alone = torch.cat([model(bags_of([part], "axial")).logits for part in parts])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


def test_a_frozen_encoder_keeps_no_activations_and_passes_no_gradient(toy: Callable[[], Backbone]) -> None:
    model = attending(toy(), chunk=3)
    model.backbone.requires_grad_(requires_grad=False)
    output = model(bags_of(studies(8), "axial"))
    output.logits.sum().backward()
    assert all(p.grad is None for p in model.backbone.parameters())
    assert all(p.grad is not None for p in model.heads.parameters())


def test_neighbours_are_the_slices_beside_within_the_view() -> None:
    planes = torch.arange(5.0)[:, None, None, None].expand(5, 1, 2, 2)
    batch = bags_of([planes[:3], planes[3:]], "axial")
    seen = batch.load(np.arange(5), neighbours=True)[:, :, 0, 0]
    assert seen.tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 2], [3, 3, 4], [3, 4, 4]]


def test_neighbours_need_grey_planes(toy: Callable[[], Backbone]) -> None:
    with pytest.raises(ConfigError) as caught:
        attending(toy(), neighbours=True)(bags_of(studies(2, channels=3)))
    assert caught.value.code == "ChannelsDoNotFit"


class Volumes(nn.Module):
    """One 3-D convolution and a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 4, 3, padding=1)

    def forward(self, volumes: torch.Tensor) -> torch.Tensor:
        return self.conv1(volumes).relu().mean(dim=(2, 3, 4))


def in_three_dimensions() -> Backbone:
    stages = {"stem": ("conv1",)}
    return Backbone(Volumes(), stages=stages, feature_dim=4, head_keys=(), in_channels=1, dimensions=3)


def test_volumes_of_different_lengths_go_through_3d_networks_view_by_view() -> None:
    backbone, parts = in_three_dimensions(), studies(3, 6, 3, 1)
    weights = Loaded(spec=InputSpec(channels=1, mean=(0.5,), std=(0.2,)))
    model = Classifier(
        backbone, pooling=attention.build(4), question=Question("multiclass", 2), weights=weights, chunk=6
    ).eval()
    batch = bags_of(parts, "axial")
    with torch.inference_mode():
        features = model.encode(batch, model.items(batch)).features
        expected = torch.cat([backbone((part.transpose(0, 1)[None] - 0.5) / 0.2) for part in parts])
    torch.testing.assert_close(features, expected, rtol=1e-5, atol=1e-6)


def test_the_views_of_a_row_are_items_of_their_own_in_3d() -> None:
    arrays = FloatPlanes(studies(4, 2), "sagittal")
    items = items_of(Layout.of(arrays, [[0, 1]]), 3)
    assert items.planes.tolist() == [4, 2]
    assert items.first.tolist() == [0, 4]
    assert items.study.tolist() == [0, 0]
    assert items.position.tolist() == [0.5, 0.5]
    assert items.axis.tolist() == [3, 3]


@pytest.mark.parametrize(
    "shortage",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ],
)
def test_too_little_memory_names_the_largest_study_and_a_smaller_chunk(shortage: Exception) -> None:
    with pytest.raises(TrainingError) as caught, named_failures(bags_of(studies(2, 9, 4)), 12):
        raise shortage
    assert caught.value.code == "OutOfMemory"
    assert caught.value.path == "study 1"
    assert "model.chunk=6" in (caught.value.hint or "")


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="something else"), named_failures(bags_of(studies(2)), 4):
        raise RuntimeError("something else")


def test_a_real_shortage_is_told_as_one(toy: Callable[[], Backbone], monkeypatch: pytest.MonkeyPatch) -> None:
    class Greedy(StudyBatch):
        def load(self, chosen: np.ndarray, *, neighbours: bool = False) -> torch.Tensor:
            del chosen, neighbours
            return torch.empty(2**55)

    monkeypatch.setattr("medtransfer.models.encode.StudyBatch", Greedy)
    arrays = FloatPlanes(studies(3))
    batch = Greedy(arrays, Layout.of(arrays, [[0]]), ("big.nii",))
    with pytest.raises(TrainingError) as caught:
        classifier(toy())(batch)
    assert caught.value.code == "OutOfMemory"
    assert "big.nii with 3" in caught.value.message


def test_statistics_of_a_single_value_are_refused_by_name() -> None:
    network = nn.Sequential(nn.Conv3d(3, 2, 3, padding=1), nn.AdaptiveAvgPool3d(1), nn.BatchNorm3d(2), nn.Flatten())
    backbone = Backbone(
        network, stages={"all": ("0", "2")}, feature_dim=2, head_keys=(), in_channels=1, dimensions=3, stem="0"
    )
    weights = Loaded(spec=InputSpec(channels=1, mean=(0.5,), std=(0.2,)))
    model = Classifier(backbone, pooling=attention.build(2), question=Question("multiclass", 2), weights=weights)
    with pytest.raises(TrainingError) as caught:
        model.train()(bags_of(studies(1)))
    assert caught.value.code == "TooSmall"


GROWTH = """
import resource, sys
import numpy as np
from medtransfer.core.config.models import ModelConfig
from medtransfer.data.bags import HeldPlanes
from medtransfer.data.dataset import StudySet
from medtransfer.data.places import View
from medtransfer.models.assemble import new_classifier
from medtransfer.models.classifier import Question

studies = int(sys.argv[1])
scan = np.broadcast_to(np.zeros((1, 1, 64, 64), np.uint16), (1000, 1, 64, 64))
held = HeldPlanes([scan] * studies, [(View("axial", 1000),)] * studies)
numbers = np.arange(studies)
names = tuple(map(str, numbers))
cases = StudySet(arrays=held, rows=tuple((n,) for n in numbers.tolist()), labels=numbers, patients=numbers, names=names)
model = new_classifier(ModelConfig(backbone="squeezenet1_1"), question=Question("multiclass", 2), seed=0).train()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model(cases.batch(numbers)[0]).logits.sum().backward()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_studies_of_a_batch() -> None:
    """Mebibytes of one training step on 1,000 and on 6,000 slices; what survives a piece are its features."""
    one, six = (
        float(subprocess.run([sys.executable, "-c", GROWTH, n], capture_output=True, check=True, timeout=500).stdout)
        for n in ("1", "6")
    )
    features = 5000 * 512 * 4 / 2**20
    assert six - one < 8 * features, "65 KiB a slice stayed before freed memory was handed back: 320 MiB more"

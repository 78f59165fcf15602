"""DELTA is the squared distance of maps, its attention what switching channels off would say."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import torch
from functional_terms import ToyNetwork, labels, moved, pictures, studies, toy, value
from PIL import Image
from tiny import classifier
from torch import nn

from medtransfer.core.config.models import ModelConfig
from medtransfer.core.errors import ObjectiveError
from medtransfer.data.dataset import StudySet
from medtransfer.models.assemble import new_classifier
from medtransfer.models.backbone import Backbone
from medtransfer.models.backbones import swin_t, vit_b_16
from medtransfer.models.classifier import Question
from medtransfer.models.heads import losses
from medtransfer.models.watch import by_channel
from medtransfer.transfer.parameters import _channel_attention as attention_module
from medtransfer.transfer.parameters._channel_attention import attended, channel_attention, loss_increases
from medtransfer.transfer.parameters._linear_head import fitted_head
from medtransfer.transfer.parameters._teacher import Teacher
from medtransfer.transfer.parameters.delta import Delta, build
from medtransfer.transfer.types import TransferData

if TYPE_CHECKING:
    from medtransfer.models.classifier import Classifier

STAGES = ("stem", "body", "top")


def _start(model: Classifier) -> dict[str, torch.Tensor]:
    return dict(model.named_parameters())


def _maps(model: Classifier, batch: torch.Tensor) -> dict[str, torch.Tensor]:
    """Maps as stages leave them once the whole network has run, in-place ReLUs included; by hooks of the test's own."""
    network, found = model.backbone.network, {}
    hooks = [
        getattr(network, stage).register_forward_hook(lambda _m, _i, out, stage=stage: found.update({stage: out}))
        for stage in STAGES
    ]
    model.backbone(model.normalised(batch))
    for hook in hooks:
        hook.remove()
    return found


def _by_hand(
    now: dict[str, torch.Tensor], before: dict[str, torch.Tensor], shares: dict[str, torch.Tensor]
) -> torch.Tensor:
    """The authors' sum over the batch with attention, ½·C·Σ_c W_c·‖…‖²/(hw), divided by the batch's size."""
    total = torch.zeros(())
    for stage, weights in shares.items():
        ours, theirs = now[stage], before[stage].detach()
        cases, channels, rows, columns = ours.shape
        for case in range(cases):
            for channel in range(channels):
                distance = torch.linalg.norm(ours[case, channel] - theirs[case, channel]) ** 2
                total = total + 0.5 * channels * weights[channel] * distance / (rows * columns) / cases
    return total


@pytest.mark.parametrize("stages", [(), ("stem",), ("body", "top")])
@pytest.mark.parametrize("attention", [False, True])
def test_it_is_the_authors_term_over_the_batchs_size(stages: tuple[str, ...], attention: bool) -> None:
    model, batch = toy(chunk=4), pictures(6, seed=1)
    term = build(model, _start(model), studies(8), stages=stages, attention=attention)
    assert isinstance(term, Delta)
    before = _maps(model, batch)
    moved(model)
    found = value(model, term, batch)
    found.backward()
    gradients = [p.grad.clone() for p in model.backbone.parameters() if p.grad is not None]
    model.zero_grad()
    now = _maps(model, batch)
    equal = {stage: torch.full((maps.shape[1],), 1 / maps.shape[1]) for stage, maps in before.items()}
    shares = {stage: term.attention(stage) if attention else equal[stage] for stage in stages or STAGES[1:]}
    expected = _by_hand(now, before, shares)  # pyright: ignore[reportArgumentType]
    expected.backward()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-8)
    theirs = [p.grad for p in model.backbone.parameters() if p.grad is not None]
    assert len(gradients) == len(theirs)
    for ours, wanted in zip(gradients, theirs, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-7)


# Attention


def _labelled_by_a_channel(channel: int, *, count: int = 40) -> TransferData:
    """Noise of one colour, brighter in the second class; the others are noise alone."""
    kept = pictures(count, seed=4)
    kept[:, channel] *= 0.4
    kept[1::2, channel] += 0.5
    target = StudySet.of_pictures(
        (kept.clamp(0, 1).numpy() * 65535).astype(np.uint16),
        labels=labels(count).numpy(),
        patients=np.arange(count),
        names=tuple(str(index) for index in range(count)),
    )
    return TransferData(target=target)


class ColourNetwork(nn.Module):
    """Two stages that keep the three colours apart: maps, then their means."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1, groups=3, bias=False)
        self.second = nn.Conv2d(3, 3, 1, groups=3, bias=False)
        nn.init.ones_(self.first.weight)
        nn.init.ones_(self.second.weight)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(batch).relu()).mean(dim=(2, 3))


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_the_channel_that_carries_the_label_counts_most(channel: int) -> None:
    stages = {"first": ("first",), "second": ("second",)}
    model = classifier(Backbone(ColourNetwork(), stages=stages, feature_dim=3, head_keys=(), stem="first"))
    term = build(model, _start(model), _labelled_by_a_channel(channel), stages=["first", "second"], attention=True)
    assert isinstance(term, Delta)
    for stage in ("first", "second"):
        shares = term.attention(stage)
        assert shares is not None
        assert shares.sum().item() == pytest.approx(1, abs=1e-6)
        assert int(shares.argmax()) == channel
        assert shares.max() > 1.2 * shares.median()


def test_attention_is_1_in_sum_over_each_stage_and_above_0() -> None:
    model = toy()
    shares = channel_attention(model, Teacher(model.backbone), studies(12).target, STAGES, planes=12)
    assert {stage: len(each) for stage, each in shares.items()} == {"stem": 4, "body": 6, "top": 5}
    for each in shares.values():
        assert each.sum().item() == pytest.approx(1, abs=1e-6)
        assert each.min() > 0


def test_channels_that_matter_alike_count_alike() -> None:
    assert torch.equal(attended(torch.full((4,), 0.3, dtype=torch.float64)), torch.full((4,), 0.25).double())


def test_standardised_increases_over_5_are_the_logits_of_attention() -> None:
    increases = np.random.default_rng(0).normal(size=9)
    standardised = np.exp((increases - increases.mean()) / increases.std() / 5)
    found = attended(torch.from_numpy(increases)).numpy()
    np.testing.assert_allclose(found, standardised / standardised.sum(), rtol=1e-12)


def _switched_off(model: Classifier, data: TransferData, stage: str, few: int | None = None) -> torch.Tensor:
    """How much the fitted head's loss grows when a channel's maps are set to 0, one forward pass for each."""
    batch = torch.from_numpy(data.target.arrays.load(*_all(data)).astype(np.float32))
    inputs, truths = model.normalised(batch), torch.from_numpy(data.target.labels)
    with torch.no_grad():
        features = model.backbone(inputs).double()
        head = fitted_head("multiclass", 2, features, truths)
        found = []
        part = model.backbone.stage_modules(stage)[-1]
        for channel in range(few or model.backbone.tapped(inputs, [stage])[1][stage].shape[1]):

            def off(_module: nn.Module, _inputs: Any, out: torch.Tensor, channel: int = channel) -> torch.Tensor:
                return out.index_fill(1, torch.tensor([channel]), 0)

            hook = part.register_forward_hook(off)
            logits = head(model.backbone(inputs).double())
            hook.remove()
            found.append(losses("multiclass", logits, truths).mean())
    return torch.stack(found) - losses("multiclass", head(features), truths).mean()


def _all(data: TransferData) -> tuple[np.ndarray, np.ndarray]:
    rows = np.arange(len(data.target))
    return rows, np.zeros_like(rows)


def _estimated(
    model: Classifier, data: TransferData, monkeypatch: pytest.MonkeyPatch, stages: tuple[str, ...] = STAGES
) -> dict[str, torch.Tensor]:
    """The increases that attention is made of, by stage."""
    found: list[torch.Tensor] = []

    def kept(*said: Any) -> torch.Tensor:
        found.append(loss_increases(*said))
        return found[-1]

    monkeypatch.setattr(attention_module, "loss_increases", kept)
    channel_attention(model, Teacher(model.backbone), data.target, stages, planes=1000)
    return dict(zip(stages, found, strict=True))


@pytest.mark.parametrize("stage", ["body", "top"])
def test_the_estimate_is_what_switching_off_does_where_the_rest_is_linear(
    monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """The ReLU behind the body's convolution works in place, on what the body passes on."""
    model, data = toy(chunk=7), _labelled_by_a_channel(1)
    found, exact = _estimated(model, data, monkeypatch)[stage], _switched_off(model, data, stage)
    assert exact.abs().max() > 0.01
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=1e-6)


@pytest.mark.real_data
def test_on_a_real_network_the_estimate_tells_which_channels_matter() -> None:
    """ImageNet's SqueezeNet on chest films, behind the second of its stages: two more follow, ten convolutions deep."""
    if "MEDTRANSFER_DATA" not in os.environ:
        pytest.skip("MEDTRANSFER_DATA does not point to the real data")
    root, stage, few = Path(os.environ["MEDTRANSFER_DATA"]), "fire2", 24
    config = ModelConfig(backbone="squeezenet1_1", weights=str(root / "weights/squeezenet1_1_imagenet.pth"))
    model = new_classifier(config, question=Question("multiclass", 2), seed=0).eval()
    data = _chest_films(root / "cohorts/kermany_cxr", each=12, size=96)
    with pytest.MonkeyPatch.context() as patch:
        estimated = _estimated(model, data, patch, (stage,))[stage]
    found, exact = estimated[:few].numpy(), _switched_off(model, data, stage, few).numpy()
    assert np.corrcoef(found, exact)[0, 1] > 0.9


def _chest_films(folder: Path, *, each: int, size: int) -> TransferData:
    table = pd.read_csv(folder / "cohort.csv")
    classes = sorted(table["label"].unique())[:2]
    rows = pd.concat([table[table["label"] == name].head(each) for name in classes])
    films = [Image.open(folder / path).convert("L").resize((size, size)) for path in rows["path"]]
    target = StudySet.of_pictures(
        np.stack([np.asarray(film, dtype=np.uint16) * 257 for film in films])[:, None],
        labels=np.repeat([0, 1], each),
        patients=np.arange(2 * each),
        names=tuple(rows["path"]),
    )
    return TransferData(target=target)


def test_planes_bound_what_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = toy(), studies(20)
    seen = []
    plain = StudySet.batch
    monkeypatch.setattr(
        StudySet, "batch", lambda self, cases, **how: seen.append(len(cases)) or plain(self, cases, **how)
    )
    build(model, _start(model), data, attention=True, planes=9)
    assert seen == [9, 9]


def test_cases_without_a_label_say_nothing() -> None:
    model, data = toy(), studies(12)
    known = [0, 1, 4, 5, 6, 7]
    truths = np.full(12, -1)
    truths[known] = data.target.labels[known]
    partly = StudySet(**{**_fields(data.target), "labels": truths})
    alone = StudySet(
        **{
            **_fields(data.target),
            "rows": tuple(data.target.rows[case] for case in known),
            "labels": data.target.labels[known],
            "patients": data.target.patients[known],
            "names": tuple(data.target.names[case] for case in known),
        }
    )
    teacher = Teacher(model.backbone)
    found, expected = (channel_attention(model, teacher, each, STAGES, planes=99) for each in (partly, alone))
    for stage in STAGES:
        torch.testing.assert_close(found[stage], expected[stage])


def _fields(target: StudySet) -> dict[str, Any]:
    return {name: getattr(target, name) for name in ("arrays", "rows", "labels", "patients", "names")}


@pytest.mark.parametrize("task", ["multilabel", "ordinal"])
def test_other_questions_have_attention_too(task: Any) -> None:
    model, data = toy(), studies(12)
    model.task, model.classes = Question(task, 3)
    if task == "ordinal":
        truths: np.ndarray = np.arange(12) % 3
    else:
        truths = np.stack([np.arange(12) % 2, np.arange(12) % 3 == 0, np.full(12, np.nan)], axis=1).astype(np.float32)
        truths[3, 0] = np.nan
        truths[5] = np.nan
    shares = channel_attention(
        model, Teacher(model.backbone), StudySet(**{**_fields(data.target), "labels": truths}), STAGES, planes=99
    )
    assert all(torch.isfinite(each).all() for each in shares.values())
    assert all(each.max() > each.min() for each in shares.values())


def test_the_network_is_as_it_was_after_attention_is_estimated() -> None:
    model = toy().train()
    before = copy.deepcopy(model.state_dict())
    build(model, _start(model), studies(8), attention=True)
    assert model.training
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), before.values(), strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())


# Maps of all shapes


@pytest.mark.parametrize(
    ("shape", "channels"),
    [((2, 7), 7), ((2, 5, 4, 4), 5), ((2, 4, 4, 5), 5), ((2, 9, 6), 6), ((2, 5, 3, 4, 4), 5)],
    ids=["vector", "maps", "channels last", "tokens", "volume"],
)
def test_channels_are_found_wherever_they_are(shape: tuple[int, ...], channels: int) -> None:
    maps = torch.randn(shape)
    found = by_channel(maps)
    assert found.shape[:2] == (2, channels)
    assert found.numel() == maps.numel()
    axis = [length == channels for length in shape].index(True, 1)
    torch.testing.assert_close(found[:, 3].sum(), maps.select(axis, 3).sum())


@pytest.mark.slow
@pytest.mark.parametrize(("entry", "channels"), [(swin_t, 768), (vit_b_16, 768)])
def test_transformers_have_maps_and_attention_too(entry: Any, channels: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = classifier(entry.build(in_channels=3)).eval()
    kept = (pictures(4, seed=1, size=64).numpy() * 65535).astype(np.uint16)
    target = StudySet.of_pictures(kept, labels=labels(4).numpy(), patients=np.arange(4), names=tuple("abcd"))
    term = build(model, _start(model), TransferData(target=target), stages=["blocks4"], attention=True)
    assert isinstance(term, Delta)
    shares = term.attention("blocks4")
    assert shares is not None
    assert shares.shape == (channels,)
    batch = pictures(2, seed=2, size=64)
    at_start = value(model, term, batch).item()
    assert 0 <= at_start < 1e-7, "torch rounds attention otherwise where no gradient is asked for"
    assert value(moved(model, by=1e-3), term, batch).item() > 1000 * at_start


# Refusals


@pytest.mark.parametrize("stages", [["body", "boody"], "body"])
def test_stages_that_are_none_are_refused(stages: Any) -> None:
    with pytest.raises(ObjectiveError) as caught:
        build(toy(), _start(toy()), studies(4), stages=stages)
    assert caught.value.code == "BadHyperparameter"
    assert caught.value.path == "objective.parameters.delta.stages"
    assert "stem, body, top" in (caught.value.hint or "")


def test_no_planes_are_refused() -> None:
    with pytest.raises(ObjectiveError) as caught:
        build(toy(), _start(toy()), studies(4), attention=True, planes=0)
    assert caught.value.path == "objective.parameters.delta.planes"


@pytest.mark.parametrize("truths", [np.zeros(6, dtype=np.int64), np.array([-1, -1, 1, -1, 1, -1])])
def test_attention_needs_different_labels(truths: np.ndarray) -> None:
    data = studies(6)
    with pytest.raises(ObjectiveError) as caught:
        build(
            toy(),
            _start(toy()),
            TransferData(target=StudySet(**{**_fields(data.target), "labels": truths})),
            attention=True,
        )
    assert caught.value.code == "OneClass"
    build(toy(), _start(toy()), TransferData(target=StudySet(**{**_fields(data.target), "labels": truths})))


def test_a_network_of_one_stage_keeps_that_one() -> None:
    with torch.random.fork_rng():
        network = ToyNetwork()
        backbone = Backbone(
            network, stages={"all": ("stem", "body", "top")}, feature_dim=5, head_keys=(), stem="stem.0"
        )
        model = classifier(backbone)
    term = build(model, _start(model), studies(4))
    assert term.watcher is not None
    assert term.watcher.stages == ("all",)

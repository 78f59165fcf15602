"""EWC holds each parameter of the stages by its Fisher information, and says where that came from."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr
from torch import Tensor

from medtransfer.core.errors import ObjectiveError
from medtransfer.data.dataset import StudySet
from medtransfer.models.backbones import mobilenet_v2
from medtransfer.models.classifier import Classifier, Question
from medtransfer.models.features import encoded_once, frozen_features
from medtransfer.models.pooling import mean
from medtransfer.models.weights.load import PretrainedHead, load_weights
from medtransfer.transfer.parameters import ewc, l2_sp
from medtransfer.transfer.parameters._anchor import Anchored
from medtransfer.transfer.parameters._fisher_cases import fitted_head
from medtransfer.transfer.types import Step, TransferData

if TYPE_CHECKING:
    from medtransfer.core.types import StudyTargets, Task

Toy = Callable[..., Classifier]


def _studies(n: int, *, seed: int = 0, labels: StudyTargets | None = None) -> StudySet:
    """Noise, brighter where the class is 1; 8 × 8."""
    generator = np.random.default_rng(seed)
    answers = np.arange(n) % 2 if labels is None else labels
    bright = np.nan_to_num(answers if answers.ndim == 1 else answers[:, 0])
    pictures = generator.uniform(0, 30000, (n, 1, 8, 8)) + 20000 * bright[:, None, None, None]
    return StudySet.of_pictures(
        pictures.astype(np.uint16),
        labels=answers,
        patients=np.arange(n),
        names=tuple(f"{seed}/{index:02}" for index in range(n)),
    )


def _permuted(studies: StudySet, order: np.ndarray) -> StudySet:
    return replace(
        studies,
        rows=tuple(studies.rows[i] for i in order),
        labels=studies.labels[order],
        patients=studies.patients[order],
        names=tuple(studies.names[i] for i in order),
    )


def _built(model: Classifier, *, sources: dict[str, StudySet] | None = None, **settings: Any) -> Anchored:
    data = TransferData(target=_studies(6, seed=9), sources=sources or {}, tasks=settings.pop("tasks", {}))
    term = ewc.build(model, dict(model.named_parameters()), data, **settings)
    assert isinstance(term, Anchored)
    return term


def _information(model: Classifier, term: Anchored) -> dict[str, Tensor]:
    found = {}
    for name, parameter in model.named_parameters():
        if name in term.anchored:
            (anchor,) = term._anchors([parameter])
            assert anchor.diagonal is not None
            found[name] = anchor.diagonal
    return found


def _flat(model: Classifier, term: Anchored) -> Tensor:
    return torch.cat([part.flatten() for part in _information(model, term).values()])


def _with_head(model: Classifier, classes: int = 3) -> Classifier:
    generator = torch.Generator().manual_seed(3)
    head = PretrainedHead(torch.randn(classes, 5, generator=generator), torch.zeros(classes))
    model.weights = model.weights._replace(head=head)
    return model


def _by_definition(model: Classifier, studies: StudySet, head: PretrainedHead) -> dict[str, Tensor]:
    """E_x Σ_y p(y | x) [∂ log p(y | x)]² by two loops."""
    model.eval()
    stages = {name: p for name, p in model.named_parameters() if name.startswith("backbone.")}
    found = {name: torch.zeros_like(p) for name, p in stages.items()}
    for case in range(len(studies)):
        for answer in range(len(head.bias)):
            batch, _ = studies.batch(np.array([case]))
            log_p = (head.weight @ model(batch).features[0] + head.bias).log_softmax(dim=0)[answer]
            gradients = torch.autograd.grad(log_p, list(stages.values()))
            for part, gradient in zip(found.values(), gradients, strict=True):
                part.add_(log_p.detach().exp() * gradient.square() / len(studies))
    return found


# What F is


def test_with_a_source_it_is_its_definition_under_the_fitted_head(toy_model: Toy) -> None:
    model, source = toy_model(), _studies(10)
    found = _information(model, _built(model, sources={"a": source}, normalise=False))
    head = fitted_head(frozen_features(model, source), source.labels, "multiclass")
    for name, expected in _by_definition(model, source, head).items():
        torch.testing.assert_close(found[name], expected, rtol=1e-4, atol=1e-9)


def test_without_one_it_is_that_of_the_targets_images_under_the_weights_own_head(toy_model: Toy) -> None:
    model = _with_head(toy_model())
    found = _information(model, _built(model, normalise=False))
    assert model.weights.head is not None
    for name, expected in _by_definition(model, _studies(6, seed=9), model.weights.head).items():
        torch.testing.assert_close(found[name], expected, rtol=1e-4, atol=1e-9)


def test_several_sources_count_alike(toy_model: Toy) -> None:
    model, sources = toy_model(), {"a": _studies(10), "b": _studies(4, seed=1)}
    both = _flat(model, _built(model, sources=sources, normalise=False))
    each = [_flat(model, _built(model, sources={name: part}, normalise=False)) for name, part in sources.items()]
    torch.testing.assert_close(both, (each[0] + each[1]) / 2)


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("multilabel", np.array([[0, 1, 1], [1, 1, np.nan], [1, np.nan, 1], [0, 0, 1]] * 3, dtype=np.float32)),
        ("ordinal", np.arange(12) % 3),
        ("multiclass", np.array([0, 1, -1, 2, 1, 0] * 2)),
    ],
)
def test_every_kind_of_source_has_one(toy_model: Toy, task: Task, labels: StudyTargets) -> None:
    """Unknown labels among them, and one label that never varies."""
    model = toy_model()
    term = _built(model, sources={"a": _studies(12, labels=labels)}, tasks={"a": task})
    information = _flat(model, term)
    assert (information >= 0).all()
    assert information.double().mean() == pytest.approx(1, rel=1e-5)


def test_its_mean_is_one_unless_left_as_it_is(toy_model: Toy) -> None:
    model, sources = toy_model(), {"a": _studies(10)}
    scaled, raw = (_flat(model, _built(model, sources=sources, normalise=n)).double() for n in (True, False))
    assert float(scaled.mean()) == pytest.approx(1, rel=1e-6)
    torch.testing.assert_close(scaled, raw / raw.mean(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("floor", [0.0, 0.25, 1.0])
def test_a_floor_mixes_in_its_mean(toy_model: Toy, floor: float) -> None:
    model, sources = toy_model(), {"a": _studies(10)}
    plain, mixed = (_flat(model, _built(model, sources=sources, floor=f)) for f in (0.0, floor))
    torch.testing.assert_close(mixed, (1 - floor) * plain + floor)
    assert float(mixed.min()) >= floor


def test_with_a_floor_of_one_it_is_l2_sp_without_a_head(toy_model: Toy) -> None:
    model = toy_model()
    term = _built(model, sources={"a": _studies(10)}, floor=1.0)
    other = l2_sp.build(model, dict(model.named_parameters()), TransferData(target=_studies(6)), head=0.0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.linspace(-1, 1, parameter.numel()).view_as(parameter))
    torch.testing.assert_close(term.loss(Step()), other.loss(Step()))


def test_it_is_zero_at_the_start_and_grows_with_the_information(toy_model: Toy) -> None:
    model = toy_model()
    term = _built(model, sources={"a": _studies(10)})
    assert float(term.loss(Step()).detach()) == 0
    assert not any(name.startswith("heads.") for name in term.anchored)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1)
    expected = 0.005 * float(_flat(model, term).double().sum())
    assert float(term.loss(Step()).detach()) == pytest.approx(expected, rel=1e-5)


# On what it depends


@pytest.mark.parametrize("samples", [4, 200])
def test_the_order_of_the_cases_changes_no_bit(toy_model: Toy, samples: int) -> None:
    model, source = toy_model(), _studies(10)
    other = _permuted(source, np.random.default_rng(1).permutation(10))
    one, two = (_flat(model, _built(model, sources={"a": part}, samples=samples)) for part in (source, other))
    assert torch.equal(one, two)


def test_equal_seeds_give_equal_bits_and_others_draw_other_cases(toy_model: Toy) -> None:
    model, sources = toy_model(), {"a": _studies(10)}
    one, two, three = (_flat(model, _built(model, sources=sources, samples=3, seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)


def test_at_most_so_many_studies_are_looked_at(toy_model: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    model, sources = toy_model(), {"a": _studies(10), "b": _studies(10, seed=1)}
    calls = []
    monkeypatch.setattr(torch.autograd, "grad", lambda *_, **__: calls.append(1) or [None] * 4)
    with pytest.raises(ObjectiveError):
        _built(model, sources=sources, samples=7)
    assert len(calls) == 6, "three of each source, one backward pass each"


def test_features_that_were_encoded_before_are_not_taken_for_the_network(toy_model: Toy) -> None:
    model, source = toy_model(), _studies(10)
    one, two = (_flat(model, _built(model, sources={"a": s})) for s in (source, encoded_once(model, source)))
    assert torch.equal(one, two)


def test_the_network_is_left_as_it_was(toy_model: Toy) -> None:
    model = toy_model()
    model.train()
    model.pooling.eval()
    dict(model.named_parameters())["backbone.network.body.bias"].requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    term = _built(model, sources={"a": _studies(10)})
    assert model.training
    assert model.backbone.training
    assert not model.pooling.training
    assert [name for name, p in model.named_parameters() if not p.requires_grad] == ["backbone.network.body.bias"]
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert float(_information(model, term)["backbone.network.body.bias"].sum()) > 0, "frozen now, informative still"


# What it says


def test_it_says_where_the_information_came_from(toy_model: Toy) -> None:
    model = _with_head(toy_model())
    assert _built(model).note.startswith("Approximation")
    note = _built(model, sources={"a": _studies(10)}).note
    assert note
    assert "pproximation" not in note


def test_without_a_source_and_a_head_nothing_tells_what_matters(toy_model: Toy) -> None:
    with pytest.raises(ObjectiveError) as caught:
        _built(toy_model())
    assert caught.value.code == "NoFisher"
    assert all(cure in (caught.value.hint or "") for cure in ("source", "imagenet", "l2_sp"))


def test_random_weights_are_no_start(toy_model: Toy) -> None:
    with pytest.raises(ObjectiveError) as caught:
        ewc.build(toy_model(), None, TransferData(target=_studies(4)))
    assert caught.value.code == "NoStart"


@pytest.mark.parametrize("labels", [np.zeros(6, dtype=np.int64), np.array([1, 1, -1, 1, 1, -1])])
def test_a_source_of_one_class_is_refused(toy_model: Toy, labels: np.ndarray) -> None:
    with pytest.raises(ObjectiveError) as caught:
        _built(toy_model(), sources={"a": _studies(6, labels=labels)})
    assert caught.value.code == "OneClass"


@pytest.mark.parametrize("settings", [{"samples": 0}, {"floor": -0.1}, {"floor": 1.5}, {"floor": float("nan")}])
def test_a_hyperparameter_out_of_its_range_is_refused(toy_model: Toy, settings: dict[str, float]) -> None:
    with pytest.raises(ObjectiveError) as caught:
        _built(toy_model(), sources={"a": _studies(6)}, **settings)
    assert caught.value.code == "BadHyperparameter"
    assert (caught.value.path or "").endswith(next(iter(settings)))


def test_a_network_that_says_the_same_of_everything_is_refused(toy_model: Toy) -> None:
    model = _with_head(toy_model())
    assert model.weights.head is not None
    model.weights.head.weight.zero_()
    with pytest.raises(ObjectiveError) as caught:
        _built(model)
    assert caught.value.code == "NoInformation"


# The fitted head


def test_the_fitted_head_tells_the_classes_apart() -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(90) % 3
    features = (generator.normal(size=(90, 4)) + 3 * np.eye(4)[labels]).astype(np.float32) * 100 + 7
    head = fitted_head(features, labels, "multiclass")
    logits = torch.from_numpy(features) @ head.weight.T + head.bias
    assert (logits.argmax(dim=1).numpy() == labels).mean() > 0.9


def test_of_two_classes_the_first_ones_logit_is_zero() -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(40) % 2
    features = generator.normal(size=(40, 3)) + 2 * labels[:, None]
    head = fitted_head(features, labels, "multiclass")
    assert head.weight.shape == (2, 3)
    assert not head.weight[0].any()
    assert ((features @ head.weight[1].numpy() + head.bias[1].numpy() > 0) == labels).mean() > 0.7


def _radiographs(folder: Path, chosen: list[int]) -> StudySet:
    """Real ones, 96 × 96."""
    table = pd.read_csv(folder / "cohort.csv").iloc[chosen]
    pictures = [Image.open(folder / path).convert("L").resize((96, 96)) for path in table["path"]]
    return StudySet.of_pictures(
        np.stack([np.asarray(picture, dtype=np.uint16)[None] * 257 for picture in pictures]),
        labels=np.arange(len(table)) % 2,
        patients=np.arange(len(table)),
        names=tuple(table["path"]),
    )


@pytest.mark.real_data
def test_other_real_radiographs_say_the_same_of_real_weights() -> None:
    """ImageNet's MobileNetV2: the information of each parameter tensor, from two disjoint draws of the real images."""
    if "MEDTRANSFER_DATA" not in os.environ:
        pytest.skip("MEDTRANSFER_DATA does not point to the real data")
    data = Path(os.environ["MEDTRANSFER_DATA"])
    backbone = mobilenet_v2.build(in_channels=3)
    loaded = load_weights(backbone, str(data / "weights" / "mobilenet_v2_imagenet.pth"), name="mobilenet_v2")
    pooling = mean.build(backbone.feature_dim)
    model = Classifier(backbone, pooling=pooling, question=Question("multiclass", 2), weights=loaded)
    found = []
    for first in (0, 1):
        images = _radiographs(data / "cohorts" / "kermany_cxr", list(range(first, 600, 24)))
        term = ewc.build(model, dict(model.named_parameters()), TransferData(target=images))
        assert isinstance(term, Anchored)
        assert float(_flat(model, term).double().mean()) == pytest.approx(1, rel=1e-4)
        found.append([float(part.mean()) for part in _information(model, term).values()])
    assert spearmanr(*found).statistic > 0.95

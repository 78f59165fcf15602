"""Features of a frozen encoder are computed once, and train what live features would."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import QUICK, Hospitals, bags_of

import medtransfer as mt
from medtransfer.core.config.data import AugmentConfig
from medtransfer.core.config.models import PoolingConfig
from medtransfer.core.config.plan import Plan
from medtransfer.core.config.transfer import ObjectiveConfig, PolicyConfig
from medtransfer.core.errors import ConfigError
from medtransfer.data.bags import HeldPlanes
from medtransfer.data.dataset import StudySet
from medtransfer.data.places import View
from medtransfer.data.splits import assign_splits
from medtransfer.models.assemble import new_classifier
from medtransfer.models.classifier import Classifier, Question
from medtransfer.models.features import encoded_once, frozen_features
from medtransfer.training import adapt as adapt_module
from medtransfer.training.adapt import assemble, prepare
from medtransfer.training.fit import fit
from medtransfer.training.loop import FitData
from medtransfer.training.refusals import check_plan
from medtransfer.transfer.build import build_objective
from medtransfer.transfer.types import TransferData


def volumes(n: int = 10, seed: int = 0) -> StudySet:
    """Studies of two to four slices; in those of class 1 one slice is bright."""
    generator = np.random.default_rng(seed)
    counts = 2 + np.arange(n) % 3
    scans = [generator.integers(0, 30_000, (count, 1, 32, 32), dtype=np.uint16) for count in counts]
    labels = np.arange(n, dtype=np.int64) % 2
    for scan, label in zip(scans, labels, strict=True):
        scan[-1] += np.uint16(30_000 * label)
    return StudySet(
        arrays=HeldPlanes(scans, [(View("axial", int(count)),) for count in counts]),
        rows=tuple((index,) for index in range(n)),
        labels=labels,
        patients=np.arange(n),
        names=tuple(f"volume {index}" for index in range(n)),
    )


def frozen_plan(plan: Plan) -> Plan:
    still = AugmentConfig(rotation=0, scale=0, shift=0, brightness=0, contrast=0)
    return plan.model_copy(
        update={
            "model": plan.model.model_copy(
                update={"backbone": "resnet18", "pooling": PoolingConfig(name="attention", settings={"hidden": 8})}
            ),
            "policy": PolicyConfig(name="head"),
            "objective": ObjectiveConfig(trade_off=float("inf")),
            "augment": still,
            "training": plan.training.model_copy(update={"epochs": 3, "batch_size": 5, "min_validation_events": 2}),
        }
    )


def trained(
    plan: Plan, target: StudySet, validation: StudySet, model: Classifier, folder: Path
) -> dict[str, np.ndarray]:
    objective = build_objective(plan.objective, model=model, start=None, data=TransferData(target=target))
    return fit(model, objective, FitData(target=target, validation=validation), plan, folder=folder).tensors


def model_of(plan: Plan) -> Classifier:
    return new_classifier(plan.model, question=Question("multiclass", 2), seed=0)


def test_frozen_and_live_features_train_the_same_head(quick_plan: Plan, tmp_path: Path) -> None:
    plan = frozen_plan(quick_plan)
    live = trained(plan, volumes(), volumes(6, seed=1), model_of(plan), tmp_path / "live")
    model = model_of(plan)
    target, validation = (encoded_once(model, part) for part in (volumes(), volumes(6, seed=1)))
    frozen = trained(plan, target, validation, model, tmp_path / "frozen")
    moved = [name for name in live if not name.startswith("backbone.")]
    assert any(not np.array_equal(live[name], model_of(plan).state_dict()[name].numpy()) for name in moved)
    for name, values in live.items():
        np.testing.assert_allclose(frozen[name], values, rtol=1e-3, atol=1e-5, err_msg=name)


def test_no_plane_is_encoded_again_while_training(quick_plan: Plan, tmp_path: Path) -> None:
    plan = frozen_plan(quick_plan)
    model, seen = model_of(plan), []
    model.backbone.register_forward_hook(lambda _, arguments, __: seen.append(len(arguments[0])))
    target = encoded_once(model, volumes())
    planes = sum(2 + index % 3 for index in range(10))
    assert sum(seen) == planes
    trained(plan, target, encoded_once(model, volumes(6, seed=1)), model, tmp_path)
    assert sum(seen) == planes + sum(2 + index % 3 for index in range(6))


def test_the_features_kept_are_those_of_each_plane_in_order(quick_plan: Plan) -> None:
    model, studies = model_of(frozen_plan(quick_plan)).eval(), volumes(5)
    kept = encoded_once(model, studies).encoded
    assert kept is not None
    for study in range(5):
        planes = torch.from_numpy(
            studies.arrays.load(*(np.array(x) for x in zip(*[(study, i) for i in range(2 + study % 3)], strict=True)))
        )
        with torch.inference_mode():
            expected = model.backbone(model.normalised(planes))
        torch.testing.assert_close(kept.of_studies(np.array([study])), expected, rtol=1e-4, atol=1e-5)
    pooled = frozen_features(model, encoded_once(model, studies))
    np.testing.assert_allclose(pooled, frozen_features(model, studies), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("policy", "settings"), [("full", {}), ("lp_ft", {"head_epochs": 1.0}), ("lp_ft", {"head_epochs": 4.0})]
)
def test_an_encoder_that_moves_now_or_later_is_refused(
    quick_plan: Plan, policy: str, settings: dict[str, float]
) -> None:
    plan = frozen_plan(quick_plan)
    training = plan.training.model_copy(update={"features": "frozen", "min_steps": 50})  # of 3 epochs it makes more
    plan = plan.model_copy(update={"policy": PolicyConfig(name=policy, settings=settings), "training": training})
    with pytest.raises(ConfigError) as caught:
        check_plan(plan, model_of(plan))
    assert caught.value.code == "EncoderMoves"
    assert "layer4" in caught.value.message


def test_a_term_on_features_that_nothing_changes_is_refused(quick_plan: Plan) -> None:
    """Attention decides which slices count, so that features change with it; the mean of a frozen encoder's do not."""
    aligned = frozen_plan(quick_plan).model_copy(update={"objective": ObjectiveConfig(features={"coral": {}})})
    check_plan(aligned, model_of(aligned))
    still = aligned.model_copy(update={"model": aligned.model.model_copy(update={"pooling": PoolingConfig()})})
    with pytest.raises(ConfigError, match="coral would do nothing") as caught:
        check_plan(still, model_of(still))
    assert caught.value.code == "ConflictingTerms"
    check_plan(still.model_copy(update={"policy": PolicyConfig(name="full")}), model_of(still))
    off = ObjectiveConfig(features={"coral": {"strength": 0}})
    check_plan(still.model_copy(update={"objective": off}), model_of(still))


def test_a_batch_that_brings_its_features_loads_no_plane(quick_plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(frozen_plan(quick_plan)).eval()
    batch, _ = encoded_once(model, volumes(3)).batch(np.array([2, 0]))
    monkeypatch.setattr(type(batch), "load", lambda *_, **__: pytest.fail("it loaded planes"))
    assert model(batch).logits.shape == (2, 2)
    assert bags_of([torch.zeros(1, 1, 4, 4)]).encoded is None


@pytest.mark.parametrize("strength", [1.0, 0.0])
def test_a_tap_inside_the_frozen_encoder_is_refused_before_an_image_is_read(quick_plan: Plan, strength: float) -> None:
    plan = frozen_plan(quick_plan)
    training = plan.training.model_copy(update={"features": "frozen"})
    objective = ObjectiveConfig(features={"coral": {"tap": "layer2", "strength": strength}})
    plan = plan.model_copy(update={"objective": objective, "training": training})
    if strength == 0:
        check_plan(plan, model_of(plan))
        return
    with pytest.raises(ConfigError, match="coral would look into") as caught:
        check_plan(plan, model_of(plan))
    assert caught.value.code == "ConflictingTerms"


def test_a_term_that_watches_the_frozen_encoder_is_refused_before_it_works(
    hospitals: Hospitals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DELTA's attention runs the encoder while it is built, and needs no features that were kept."""
    changes = (
        *QUICK, "policy.name=head", "training.features=frozen", "objective.parameters={ delta = { attention = true } }",
    )  # fmt: skip
    plan = mt.plan(mt.read_cohort(hospitals.target), backbone="squeezenet1_1", changes=changes)
    target = assign_splits(mt.read_cohort(hospitals.target), plan.split, seed=plan.seed)
    without = plan.model_copy(update={"objective": plan.objective.model_copy(update={"parameters": {}})})
    ready = prepare(without, target=target, sources={}, cache=tmp_path / "cache")  # its weights are random
    start = {name: parameter.detach().clone() for name, parameter in ready.model.named_parameters()}
    monkeypatch.setattr(adapt_module, "encoded_once", lambda *_, **__: pytest.fail("the encoder has worked"))
    with pytest.raises(ConfigError, match="delta would look into") as caught:
        assemble(plan, replace(ready, start=start))
    assert caught.value.code == "ConflictingTerms"

"""What a plan lacks is said before the first picture is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

import pytest
import torch
from tiny import QUICK, Hospitals

import medtransfer as mt
from medtransfer.core.config.plan import Plan
from medtransfer.core.errors import ConfigError, ObjectiveError
from medtransfer.core.files import file_digest
from medtransfer.data.splits import assign_splits
from medtransfer.models.backbones import squeezenet1_1
from medtransfer.training import adapt
from medtransfer.training.adapt import prepare


class PictureReadError(Exception):
    """A picture would have been decoded."""


@pytest.fixture
def _unread(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object, **__: object) -> NoReturn:
        raise PictureReadError

    monkeypatch.setattr(adapt, "prepare_cohort", read)


def _prepared(
    hospitals: Hospitals, tmp_path: Path, *changes: str, backbone: str = "resnet18", weights: str = "none"
) -> None:
    target = mt.read_cohort(hospitals.target)
    plan: Plan = mt.plan(target, backbone=backbone, weights=weights, changes=(*QUICK, *changes))
    prepare(plan, target=assign_splits(target, plan.split, seed=plan.seed), sources={}, cache=tmp_path)


@pytest.mark.usefixtures("_unread")
@pytest.mark.parametrize(
    "change",
    [
        "objective.parameters.l2_sp={}",
        "objective.parameters.ewc={}",
        "objective.parameters.delta={}",
        "objective.parameters.feature_distillation={}",
        "objective.parameters.logit_distillation={}",
        "objective.parameters.co_tuning={}",
        "averaging.name=wise_ft",
    ],
)
def test_random_weights_are_refused_before_a_picture_is_read(hospitals: Hospitals, tmp_path: Path, change: str) -> None:
    with pytest.raises(ObjectiveError) as caught:
        _prepared(hospitals, tmp_path, change)
    assert caught.value.code == "NoStart"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a squeezenet1_1, random, with their sidecar."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "squeezenet1_1.pth"
    torch.save(squeezenet1_1.build().network.state_dict(), path)
    said = {"backbone": "squeezenet1_1", "pretrained_on": "nothing", "sha256": file_digest(path), "input": {}}
    path.with_suffix(".json").write_text(json.dumps(said))
    return str(path)


@pytest.mark.usefixtures("_unread")
@pytest.mark.parametrize(
    ("policy", "refused"),
    [("full", True), ("layer_decay", True), ("lora", True), ("lp_ft", False), ("fine_tune", False), ("head", False)],
)
def test_without_a_phase_of_the_head_alone_wise_ft_is_refused_before_a_picture_is_read(
    hospitals: Hospitals, tmp_path: Path, weights: str, policy: str, refused: bool
) -> None:
    changes = ("averaging.name=wise_ft", f"policy={{ name = '{policy}' }}", "objective.parameters={}")
    with pytest.raises(ObjectiveError if refused else PictureReadError) as caught:
        _prepared(hospitals, tmp_path, *changes, backbone="squeezenet1_1", weights=weights)
    assert getattr(caught.value, "code", None) == ("NoHeadPhase" if refused else None)


@pytest.mark.usefixtures("_unread")
def test_a_network_without_normalisation_is_refused_before_a_picture_is_read(
    hospitals: Hospitals, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        _prepared(hospitals, tmp_path, "policy={ name = 'batch_norm' }", backbone="squeezenet1_1")
    assert caught.value.code == "NothingToMove"


@pytest.mark.usefixtures("_unread")
@pytest.mark.parametrize(
    "change", ["objective.parameters.l2_sp={ strength = 0 }", "objective.parameters.l2={}", "averaging.name=ema"]
)
def test_what_needs_no_start_or_is_switched_off_is_not_refused(
    hospitals: Hospitals, tmp_path: Path, change: str
) -> None:
    with pytest.raises(PictureReadError):
        _prepared(hospitals, tmp_path, change)

"""What a plan lacks is said before the first picture is read."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
from tiny import QUICK, Hospitals

import medtransfer as mt
from medtransfer.core.config.plan import Plan
from medtransfer.core.errors import ObjectiveError
from medtransfer.data.splits import assign_splits
from medtransfer.training import adapt
from medtransfer.training.adapt import prepare


class PictureReadError(Exception):
    """A picture would have been decoded."""


@pytest.fixture
def _unread(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object, **__: object) -> NoReturn:
        raise PictureReadError

    monkeypatch.setattr(adapt, "prepare_cohort", read)


def _prepared(hospitals: Hospitals, tmp_path: Path, *changes: str) -> None:
    target = mt.read_cohort(hospitals.target)
    plan: Plan = mt.plan(target, backbone="resnet18", changes=(*QUICK, *changes))
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


@pytest.mark.usefixtures("_unread")
@pytest.mark.parametrize(
    "change", ["objective.parameters.l2_sp={ strength = 0 }", "objective.parameters.l2={}", "averaging.name=ema"]
)
def test_what_needs_no_start_or_is_switched_off_is_not_refused(
    hospitals: Hospitals, tmp_path: Path, change: str
) -> None:
    with pytest.raises(PictureReadError):
        _prepared(hospitals, tmp_path, change)

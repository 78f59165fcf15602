"""What a cohort's headers ask for: the rules alone, on plans and contents made up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from medtransfer.core.config.data import CohortConfig
from medtransfer.core.config.models import ModelConfig
from medtransfer.core.config.plan import Plan
from medtransfer.core.config.transfer import ObjectiveConfig
from medtransfer.data.content import Content
from medtransfer.planning.volumes import volume_rules

if TYPE_CHECKING:
    from pathlib import Path


def content(planes: int, modality: str, part: str = "") -> Content:
    return Content(planes=(planes,) * 10, modalities={modality: 10}, body_parts={part: 10} if part else {})


def plan_with(weights: str = "none", *, backbone: str = "resnet18", **objective: Any) -> Plan:
    return Plan(
        target=CohortConfig(cohort="cohort.csv", classes=("no", "yes")),
        model=ModelConfig(backbone=backbone, weights=weights),
        objective=ObjectiveConfig(**objective),
    )


def chosen(plan: Plan, found: Content) -> dict[str, Any]:
    return {key: value for rules in volume_rules(plan, found) for key, value, _ in rules}


@pytest.fixture
def medicalnet(tmp_path: Path) -> str:
    """A sidecar that says: scaled by the scan's own foreground."""
    weights = tmp_path / "resnet10.pth"
    weights.write_bytes(b"not opened when planning")
    spec = {"channels": 1, "mean": [0.0], "std": [1.0], "scaling": "foreground"}
    said = {"backbone": "resnet10_3d", "pretrained_on": "scans", "sha256": "0" * 64, "input": spec}
    weights.with_suffix(".json").write_text(json.dumps(said), encoding="utf-8")
    return str(weights)


def test_a_frozen_encoder_is_not_aligned() -> None:
    """What is planned for pictures, coral, would do nothing, or bend the attention alone."""
    with_source = plan_with("imagenet", trade_off=1.0, features={"coral": {}})
    (frozen,) = (rules for rules in volume_rules(with_source, content(30, "CT")) if rules[0][0] == "policy")
    assert {key: value for key, value, _ in frozen} == {
        "policy": {"name": "head", "settings": {}},
        "training.features": "frozen",
        "objective.parameters": {},
        "objective.features": {},
    }
    assert "objective.features" not in chosen(plan_with("imagenet"), content(30, "CT")), "there was none"
    assert "objective.features" not in chosen(plan_with(features={"coral": {}}), content(30, "CT")), "it moves"


def test_weights_that_scale_by_the_foreground_get_a_background_that_stays_black(medicalnet: str) -> None:
    """Z-scores would show it grey, and brightness would lift it: both make foreground of it."""
    found = chosen(plan_with(medicalnet, backbone="resnet10_3d"), content(40, "MR"))
    assert found["preprocess.mr_scaling"] == "percentile"
    assert (found["augment.brightness"], found["augment.contrast"]) == (0, 0)
    plain = chosen(plan_with(backbone="resnet10_3d"), content(40, "MR"))
    assert plain["preprocess.mr_scaling"] == "z_score"
    assert "augment.brightness" not in plain


@pytest.mark.parametrize(
    ("part", "windows"),
    [("HEAD", ("brain", "subdural", "bone")), ("CHEST", ("lungs", "mediastinum", "bone")), ("KNEE", None), ("", None)],
)
def test_windows_follow_the_body_part(part: str, windows: tuple[str, ...] | None) -> None:
    assert chosen(plan_with(), content(1, "CT", part)).get("preprocess.ct_windows") == windows
    assert "preprocess.ct_windows" not in chosen(plan_with(), content(1, "MR", part))
    assert "preprocess.ct_windows" not in chosen(plan_with(backbone="resnet10_3d"), content(30, "CT", part))


def test_pictures_change_nothing() -> None:
    assert chosen(plan_with("imagenet", features={"coral": {}}), content(1, "DX")) == {}


@pytest.mark.parametrize(("modality", "said"), [("", True), ("CT", False)])
def test_files_that_do_not_say_what_they_are_are_pointed_out(modality: str, said: bool) -> None:
    found = chosen(plan_with(), content(20, modality))
    assert found.get("read.nifti_modality", None) == ("" if said else None)


@pytest.mark.parametrize(
    ("backbone", "size", "planes"),
    [("resnet18", 224, 16), ("resnet18", 448, 4), ("resnet18", 64, 32), ("vit_b_16", 224, 8)],
)
def test_so_many_planes_at_once_as_memory_allows(backbone: str, size: int, planes: int) -> None:
    made = plan_with(backbone=backbone)
    made = made.model_copy(update={"preprocess": made.preprocess.model_copy(update={"size": size})})
    assert chosen(made, content(30, "CT"))["model.chunk"] == planes


def test_pictures_and_whole_volumes_keep_their_chunk() -> None:
    assert "model.chunk" not in chosen(plan_with(), content(1, "DX"))
    assert "model.chunk" not in chosen(plan_with(backbone="resnet18_3d"), content(30, "MR"))

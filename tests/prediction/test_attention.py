"""Weights of slices: what the pooling gave each plane, in the order in which a viewer shows the slices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ct_series import write_ct

from medtransfer.core.config.data import PreprocessConfig
from medtransfer.core.config.models import ModelConfig, PoolingConfig
from medtransfer.models.assemble import new_classifier
from medtransfer.models.bundle import Bundle, Manifest, Member, write_bundle
from medtransfer.models.classifier import Question
from medtransfer.prediction.study import load_runtime, predict_study
from medtransfer.prediction.viewing import view_study

if TYPE_CHECKING:
    from collections.abc import Callable

UNITS = np.random.default_rng(5).integers(-900, 900, (6, 32, 32))
UNITS[4] += 1500


@pytest.fixture
def bundle_with(manifest: Manifest, tmp_path: Path) -> Callable[..., Bundle]:
    def build(pooling: str = "attention", **preprocess: Any) -> Bundle:
        config = ModelConfig(backbone="squeezenet1_1", pooling=PoolingConfig(name=pooling))
        model = new_classifier(config, question=Question("multiclass", 2), seed=1)
        for name, parameter in model.pooling.named_parameters():
            if name == "score.weight":
                parameter.data.mul_(400)  # untrained attention is nearly the mean
        member = Member(
            backbone=config.backbone,
            pooling=config.pooling,
            file="network.safetensors",
            sha256="",
            input=model.spec,
        )
        made = manifest.model_copy(update={"members": (member,), "preprocess": PreprocessConfig(size=32, **preprocess)})
        tensors = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
        folder = tmp_path / f"bundle {pooling} {len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        return write_bundle(folder, made, {"network.safetensors": tensors})

    return build


def test_each_slice_has_its_weight_and_they_add_up(bundle_with: Callable[..., Bundle], tmp_path: Path) -> None:
    bundle, files = bundle_with(), write_ct(tmp_path / "ct", UNITS)
    found = predict_study(load_runtime(bundle), bundle, files)
    (view,) = view_study(files, bundle.manifest.read).views
    weights = found.attention_of(view.path, view.part)
    assert weights == found.attention[0]
    assert weights is not None
    assert len(weights) == view.slices
    assert sum(weights) == pytest.approx(1, abs=1e-5)
    assert max(weights) - min(weights) > 0.05


def test_weights_follow_their_slices(bundle_with: Callable[..., Bundle], tmp_path: Path) -> None:
    """Written upside down, the same volume has the same weights at the same places of the patient."""
    bundle = bundle_with()
    ways = {
        "up": write_ct(tmp_path / "up", UNITS),
        "down": write_ct(tmp_path / "down", UNITS[::-1], positions=np.array([[0, 0, 25.0 - 5 * z] for z in range(6)])),
    }
    runtime = load_runtime(bundle)
    said = {name: predict_study(runtime, bundle, files).attention[0] for name, files in ways.items()}
    assert said["up"] is not None
    assert said["up"] == pytest.approx(said["down"], abs=1e-6)


def test_resampled_planes_share_their_weight_among_their_slices(
    bundle_with: Callable[..., Bundle], tmp_path: Path
) -> None:
    bundle, files = bundle_with(planes=3), write_ct(tmp_path / "ct", UNITS)
    (weights,) = predict_study(load_runtime(bundle), bundle, files).attention
    assert weights is not None
    assert len(weights) == 6
    assert sum(weights) == pytest.approx(1, abs=1e-5)


def test_of_three_cuts_the_acquired_one_is_told(bundle_with: Callable[..., Bundle], tmp_path: Path) -> None:
    bundle, files = bundle_with(slices="triplanar"), write_ct(tmp_path / "ct", UNITS)
    (weights,) = predict_study(load_runtime(bundle), bundle, files).attention
    assert weights is not None
    assert len(weights) == 6
    assert 0 < sum(weights) < 1
    across = bundle_with(slices="sagittal")
    assert predict_study(load_runtime(across), across, files).attention == (None,)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_a_pooling_that_learned_nothing_has_no_weights_to_show(
    bundle_with: Callable[..., Bundle], tmp_path: Path, pooling: str
) -> None:
    bundle, files = bundle_with(pooling), write_ct(tmp_path / "ct", UNITS)
    found = predict_study(load_runtime(bundle), bundle, files)
    assert found.attention == (None,)
    assert found.attention_of(files[0]) is None


def test_several_series_and_a_damaged_file_keep_their_own(bundle_with: Callable[..., Bundle], tmp_path: Path) -> None:
    bundle = bundle_with()
    first = write_ct(tmp_path / "a", UNITS)
    second = write_ct(tmp_path / "b", UNITS[:4], series="1.2.3.9")
    (tmp_path / "bad.png").write_bytes(b"")
    found = predict_study(load_runtime(bundle), bundle, [*second, tmp_path / "bad.png", *first])
    views = view_study([*second, *first], bundle.manifest.read).views
    lengths = [len(found.attention_of(view.path, view.part) or ()) for view in views]
    assert lengths == [4, 6]
    assert sum(sum(weights or ()) for weights in found.attention) == pytest.approx(1, abs=1e-5)


def test_what_is_told_beside_does_not_change_the_answer(bundle_with: Callable[..., Bundle], tmp_path: Path) -> None:
    bundle, files = bundle_with(), write_ct(tmp_path / "ct", UNITS)
    runtime = load_runtime(bundle)
    told = predict_study(runtime, bundle, files).probabilities
    plain = predict_study(lambda studies: runtime(studies), bundle, files)  # noqa: PLW0108 hides what it can tell
    assert told == plain.probabilities
    assert plain.attention == (None,)

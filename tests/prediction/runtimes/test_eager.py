"""The reference runtime is the bundle's network in evaluation mode, members averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from medtransfer.core.config.models import ModelConfig
from medtransfer.core.errors import BundleError
from medtransfer.models.assemble import new_classifier
from medtransfer.models.bundle import write_bundle
from medtransfer.prediction.runtimes.eager import load

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.models.bundle import Bundle, Manifest
    from medtransfer.models.classifier import Classifier


def _written(folder: Path, manifest: Manifest, models: list[Classifier]) -> Bundle:
    files = [f"member{i}.safetensors" for i in range(len(models))]
    members = tuple(manifest.members[0].model_copy(update={"file": file}) for file in files)
    tensors = {
        file: {key: value.numpy() for key, value in model.state_dict().items()}
        for file, model in zip(files, models, strict=True)
    }
    return write_bundle(folder / "bundle", manifest.model_copy(update={"members": members}), tensors)


def _model(seed: int) -> Classifier:
    return new_classifier(ModelConfig(backbone="squeezenet1_1"), classes=2, source_classes=None, seed=seed).eval()


def _pictures(n: int, *, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).random(size=(n, channels, 32, 32)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
def test_it_answers_as_the_network_does(tmp_path: Path, manifest: Manifest, channels: int) -> None:
    model = _model(0)
    found = load(_written(tmp_path, manifest, [model]))(_pictures(3, channels=channels))
    with torch.inference_mode():
        expected = model(torch.from_numpy(_pictures(3, channels=channels))).logits.numpy()
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float32


def test_members_are_averaged_by_their_logits(tmp_path: Path, manifest: Manifest) -> None:
    models = [_model(seed) for seed in range(3)]
    found = load(_written(tmp_path, manifest, models))(_pictures(2))
    with torch.inference_mode():
        expected = np.mean([model(torch.from_numpy(_pictures(2))).logits.numpy() for model in models], axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_the_same_picture_gets_the_same_answer_every_time(tmp_path: Path, manifest: Manifest) -> None:
    run = load(_written(tmp_path, manifest, [_model(0)]))
    np.testing.assert_array_equal(run(_pictures(4)), run(_pictures(4)))


def test_cases_of_a_batch_do_not_influence_each_other(tmp_path: Path, manifest: Manifest) -> None:
    run = load(_written(tmp_path, manifest, [_model(0)]))
    together = run(_pictures(4))
    alone = np.concatenate([run(_pictures(4)[i : i + 1]) for i in range(4)])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)


def test_a_bundle_that_was_altered_after_it_was_opened_is_refused(tmp_path: Path, manifest: Manifest) -> None:
    bundle = _written(tmp_path, manifest, [_model(0)])
    path = bundle.folder / bundle.manifest.members[0].file
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError) as caught:
        load(bundle)
    assert caught.value.code == "Altered"

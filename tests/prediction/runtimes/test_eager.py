"""The reference runtime is the bundle's network in evaluation mode, members averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tiny import bags_of

from medtransfer.core.config.models import ModelConfig
from medtransfer.core.errors import BundleError
from medtransfer.data.places import View
from medtransfer.data.preprocess import Prepared
from medtransfer.data.stored.arrays import in_unit_range
from medtransfer.models.assemble import new_classifier
from medtransfer.models.bundle import write_bundle
from medtransfer.models.classifier import Question
from medtransfer.prediction.runtimes.eager import load

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.data.dataset import StudyBatch
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
    return new_classifier(ModelConfig(backbone="squeezenet1_1"), question=Question("multiclass", 2), seed=seed).eval()


def _scan(seed: int, *, planes: int = 1, channels: int = 1) -> Prepared:
    values = np.random.default_rng(seed).integers(0, 65_536, (planes, channels, 32, 32), dtype=np.uint16)
    return Prepared(planes=values, views=(View("axial" if planes > 1 else "", planes),))


def _batch(*scans: Prepared) -> StudyBatch:
    return bags_of([torch.from_numpy(in_unit_range(scan.planes)) for scan in scans], "axial")


@pytest.mark.parametrize("channels", [1, 3])
def test_it_answers_as_the_network_does(tmp_path: Path, manifest: Manifest, channels: int) -> None:
    model, scans = _model(0), [_scan(seed, channels=channels) for seed in range(3)]
    found = load(_written(tmp_path, manifest, [model]))([[scan] for scan in scans])
    with torch.inference_mode():
        expected = model(_batch(*scans)).logits.numpy()
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float32


def test_members_are_averaged_by_their_logits(tmp_path: Path, manifest: Manifest) -> None:
    models, scans = [_model(seed) for seed in range(3)], [_scan(0), _scan(1)]
    found = load(_written(tmp_path, manifest, models))([[scan] for scan in scans])
    with torch.inference_mode():
        expected = np.mean([model(_batch(*scans)).logits.numpy() for model in models], axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_it_tells_the_features_of_every_member_and_answers_the_same(tmp_path: Path, manifest: Manifest) -> None:
    models, scans = [_model(seed) for seed in range(2)], [_scan(0), _scan(1)]
    run = load(_written(tmp_path, manifest, models))
    answer = run.answer([[scan] for scan in scans])
    np.testing.assert_array_equal(answer.logits, run([[scan] for scan in scans]))
    with torch.inference_mode():
        expected = np.concatenate([model(_batch(*scans)).features.numpy() for model in models], axis=1)
    np.testing.assert_array_equal(answer.features, expected)
    assert answer.features.dtype == np.float32


def test_the_same_study_gets_the_same_answer_every_time(tmp_path: Path, manifest: Manifest) -> None:
    run = load(_written(tmp_path, manifest, [_model(0)]))
    studies = [[_scan(0)], [_scan(1, planes=3)]]
    np.testing.assert_array_equal(run(studies), run(studies))


def test_studies_of_a_batch_do_not_influence_each_other(tmp_path: Path, manifest: Manifest) -> None:
    run = load(_written(tmp_path, manifest, [_model(0)]))
    studies = [[_scan(0)], [_scan(1, planes=5), _scan(2)], [_scan(3, planes=2)], [_scan(4)]]
    alone = np.concatenate([run([study]) for study in studies])
    np.testing.assert_allclose(run(studies), alone, rtol=1e-4, atol=1e-6)


def test_images_of_a_study_are_pooled_by_the_mean_of_their_logits_in_any_order(
    tmp_path: Path, manifest: Manifest
) -> None:
    run, scans = load(_written(tmp_path, manifest, [_model(0)])), [_scan(seed) for seed in range(3)]
    apart = run([[scan] for scan in scans])
    together = run([scans, scans[::-1]])
    np.testing.assert_allclose(together, np.tile(apart.mean(axis=0), (2, 1)), rtol=1e-4, atol=1e-6)


def test_grey_beside_colour_is_repeated(tmp_path: Path, manifest: Manifest) -> None:
    run, grey, colour = load(_written(tmp_path, manifest, [_model(0)])), _scan(0), _scan(1, channels=3)
    np.testing.assert_allclose(run([[grey], [colour]])[0], run([[grey]])[0], rtol=1e-5, atol=1e-6)


def test_a_bundle_that_was_altered_after_it_was_opened_is_refused(tmp_path: Path, manifest: Manifest) -> None:
    bundle = _written(tmp_path, manifest, [_model(0)])
    path = bundle.folder / bundle.manifest.members[0].file
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError) as caught:
        load(bundle)
    assert caught.value.code == "Altered"

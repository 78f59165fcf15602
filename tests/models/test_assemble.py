"""A network is a function of its config and seed; a bundle's network is the one that was put into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from tiny import batch_of

from medtransfer.core.config.models import ModelConfig, PoolingConfig
from medtransfer.core.errors import BundleError, CatalogueError
from medtransfer.models.assemble import classifier_from, deployable, new_classifier
from medtransfer.models.bundle import write_bundle
from medtransfer.models.classifier import Question
from medtransfer.models.weights.sidecar import InputSpec

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.models.bundle import Manifest
    from medtransfer.models.classifier import Classifier

FILE = "network.safetensors"


def _small(seed: int, *, source_classes: int | None = None) -> Classifier:
    config = ModelConfig(backbone="squeezenet1_1")
    sources = {} if source_classes is None else {"source": Question("multiclass", source_classes)}
    return new_classifier(config, question=Question("multiclass", 2), sources=sources, seed=seed)


def test_equal_seeds_give_equal_networks_and_the_global_state_stays() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, again, other = _small(1), _small(1), _small(2)
    assert torch.equal(torch.get_rng_state(), state)
    for (name, one), two in zip(first.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(one, two), name
    for name in ("heads.head.weight", "backbone.network.features.0.weight"):
        assert not torch.equal(first.state_dict()[name], other.state_dict()[name])


def test_an_unknown_backbone_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(CatalogueError, match="Did you mean 'resnet18'"):
        new_classifier(ModelConfig(backbone="resnet19"), question=Question("multiclass", 2), seed=0)


def _manifest_for(manifest: Manifest, backbone: str, spec: InputSpec) -> Manifest:
    member = manifest.members[0].model_copy(update={"backbone": backbone, "input": spec})
    return manifest.model_copy(update={"members": (member,)})


@pytest.mark.parametrize("name", ["squeezenet1_1", "resnet18"])
def test_a_bundles_network_answers_to_the_bit_as_the_one_put_into_it(
    tmp_path: Path, manifest: Manifest, name: str
) -> None:
    spec = InputSpec(mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6), colour="BGR")
    model = new_classifier(
        ModelConfig(backbone=name),
        question=Question("multiclass", 2),
        sources={"source": Question("multiclass", 3)},
        seed=0,
    )
    pictures = torch.rand(4, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    model.train()
    model(batch_of(pictures))  # batch statistics move away from their start
    model.eval()
    low, high = torch.tensor(spec.mean), torch.tensor(spec.std)
    model.spec, model.mean, model.std = spec, low, high
    tensors = {key: value.numpy() for key, value in deployable(dict(model.state_dict())).items()}
    bundle = write_bundle(tmp_path / "bundle", _manifest_for(manifest, name, spec), {FILE: tensors})
    again = classifier_from(bundle, bundle.manifest.members[0]).eval()
    assert again.spec == spec
    with torch.inference_mode():
        assert torch.equal(again(batch_of(pictures)).logits, model(batch_of(pictures)).logits)


def test_the_sources_head_is_not_deployed() -> None:
    model = _small(0, source_classes=3)
    kept = deployable(dict(model.state_dict()))
    left_out = set(model.state_dict()) - set(kept)
    assert left_out == {"heads.source_head.weight", "heads.source_head.bias"}


@pytest.mark.parametrize("trouble", ["other backbone", "missing", "extra", "shape"])
def test_a_bundle_whose_parameters_do_not_fit_is_refused(tmp_path: Path, manifest: Manifest, trouble: str) -> None:
    tensors = {key: value.numpy() for key, value in _small(0).state_dict().items()}
    if trouble == "missing":
        del tensors["heads.head.bias"]
    if trouble == "extra":
        tensors["heads.other.bias"] = tensors["heads.head.bias"]
    if trouble == "shape":
        tensors["heads.head.bias"] = tensors["heads.head.bias"][:1].copy()
    name = "resnet18" if trouble == "other backbone" else "squeezenet1_1"
    bundle = write_bundle(tmp_path / "bundle", _manifest_for(manifest, name, InputSpec()), {FILE: tensors})
    with pytest.raises(BundleError) as caught:
        classifier_from(bundle, bundle.manifest.members[0])
    assert caught.value.code == "KeysDoNotFit"
    assert caught.value.path == str(bundle.folder / FILE)


@pytest.mark.parametrize(("size", "chunk"), [(32, 32), (224, 32), (448, 8), (2048, 1)])
def test_predicting_takes_no_more_memory_for_larger_pictures(
    tmp_path: Path, manifest: Manifest, size: int, chunk: int
) -> None:
    said = _manifest_for(manifest, "squeezenet1_1", InputSpec())
    said = said.model_copy(update={"preprocess": said.preprocess.model_copy(update={"size": size})})
    tensors = {key: value.numpy() for key, value in _small(0).state_dict().items()}
    bundle = write_bundle(tmp_path / "bundle", said, {FILE: tensors})
    assert classifier_from(bundle, bundle.manifest.members[0]).chunk == chunk


@pytest.mark.parametrize("part", ["backbone", "pooling"])
def test_a_bundle_that_names_code_runs_none_of_it(
    tmp_path: Path, manifest: Manifest, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle comes from elsewhere; what it may name beside the catalogues is for its user to say."""
    name = "os:getcwd"
    named = {"backbone": {"backbone": name}, "pooling": {"pooling": PoolingConfig.model_construct(name=name)}}[part]
    tensors = {key: value.numpy() for key, value in deployable(dict(_small(0).state_dict())).items()}
    members = (manifest.members[0].model_copy(update={"file": FILE, "backbone": "squeezenet1_1"} | named),)
    bundle = write_bundle(tmp_path / "bundle", manifest.model_copy(update={"members": members}), {FILE: tensors})
    with pytest.raises(BundleError) as caught:
        classifier_from(bundle, bundle.manifest.members[0])
    assert caught.value.code == "OwnCode"
    monkeypatch.setenv("MEDTRANSFER_OWN_CODE", name)
    with pytest.raises(TypeError):  # now it is called, and is no builder of networks
        classifier_from(bundle, bundle.manifest.members[0])

"""The probe finds the normalisation that a network was trained under, and says so where nobody could."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

import medtransfer as mt
from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import CohortError, ConfigError, WeightsError
from medtransfer.core.files import file_digest
from medtransfer.models.backbone import Backbone
from medtransfer.models.normalisation import normalised
from medtransfer.models.probe.candidates import CANDIDATES, distance
from medtransfer.models.probe.probe import probe, probe_file, store
from medtransfer.models.probe.statistics import Moments, divergences
from medtransfer.models.weights.sidecar import InputSpec, read_sidecar

COLOURED = [name for name, spec in CANDIDATES.items() if spec.channels == 3]
GREY = [name for name, spec in CANDIDATES.items() if spec.channels == 1]
TWINS = {"caffe_unit", "monai"}
"""They differ by .0016 of the range of grey."""


class Net(nn.Module):
    """Three convolutions, each with batch normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 5, stride=2, bias=False)
        self.norm1, self.conv2, self.norm2 = nn.BatchNorm2d(16), nn.Conv2d(16, 24, 3), nn.BatchNorm2d(24)
        self.conv3, self.norm3 = nn.Conv2d(24, 32, 3, stride=2), nn.BatchNorm2d(32)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(self.conv1(x)).relu()
        x = self.norm2(self.conv2(x)).relu()
        return self.norm3(self.conv3(x)).relu().mean(dim=(2, 3))


def _network(channels: int = 3) -> Backbone:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        net = Net(channels)
    stages = {"stem": ("conv1", "norm1"), "rest": ("conv2", "norm2", "conv3", "norm3")}
    backbone = Backbone(net, stages=stages, feature_dim=32, head_keys=())
    backbone.in_channels = channels  # made for it, not fitted to it
    return backbone


def _pictures(count: int, seed: int, *, channels: int = 1, contrast: float = 1.0) -> list[Tensor]:
    """Batches of smooth blobs on a level that changes from picture to picture, with some noise."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, channels, 6, 6, generator=generator)
    blobs = nn.functional.interpolate(coarse, size=(40, 40), mode="bicubic") * 0.18 * contrast
    level = 0.45 + 0.1 * torch.randn(count, 1, 1, 1, generator=generator)
    if channels == 3:
        level = level + torch.tensor([0.12, 0.0, -0.1])[:, None, None]
    noise = 0.03 * contrast * torch.randn(count, channels, 40, 40, generator=generator)
    return list((level + blobs + noise).clamp(0, 1).split(16))


def _trained(backbone: Backbone, spec: InputSpec, pictures: list[Tensor]) -> Backbone:
    """The network with statistics as training under this normalisation leaves them."""
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the plain mean over all batches
    backbone.train()
    with torch.no_grad():
        for norm in norms:  # layer after layer: the input of a deep one depends on those before
            norm.reset_running_stats()
            for other in norms:
                other.train(other is norm)
            for batch in pictures:
                backbone(normalised(batch, spec))
    return backbone.eval()


def _planted(name: str, *, channels: int = 1) -> Backbone:
    spec = CANDIDATES[name]
    return _trained(_network(spec.channels), spec, _pictures(96, 0, channels=channels))


# Finding what was planted


@pytest.mark.parametrize("name", [*COLOURED, *GREY])
def test_the_planted_normalisation_is_found_on_grey_pictures(name: str) -> None:
    result = probe(_planted(name), _pictures(64, 1))
    assert result.verdict == "clear", result.text
    assert name in {result.best, *result.alike}
    assert set(result.alike) <= {"imagenet_bgr"} | TWINS
    assert result.input == CANDIDATES[result.best]


@pytest.mark.parametrize("name", COLOURED)
def test_colour_pictures_tell_the_order_of_colours_too(name: str) -> None:
    result = probe(_planted(name, channels=3), _pictures(64, 1, channels=3))
    assert result.verdict == "clear", result.text
    assert not result.grey
    assert name == result.best or {name, result.best} == TWINS
    assert set(result.alike) <= TWINS


def test_grey_pictures_in_three_channels_count_as_grey() -> None:
    pictures = [batch.expand(-1, 3, -1, -1) for batch in _pictures(64, 1)]
    result = probe(_planted("imagenet_bgr"), pictures)
    assert result.grey
    assert (result.best, result.alike) == ("imagenet", ("imagenet_bgr",)), "the more usual one is named"


def test_too_little_between_the_candidates_cannot_be_told() -> None:
    candidates = {"one": InputSpec(mean=(0.45,) * 3), "other": InputSpec(mean=(0.48,) * 3, std=(0.24,) * 3)}
    network = _trained(_network(), candidates["one"], _pictures(96, 0))
    result = probe(network, _pictures(64, 1, contrast=0.93), candidates)
    assert result.verdict == "cannot tell"
    assert "Cannot tell" in result.sentence


def test_one_candidate_is_compared_with_nothing() -> None:
    result = probe(_planted("unit"), _pictures(32, 1), {"unit": CANDIDATES["unit"]})
    assert (result.margin, result.verdict) == (None, "cannot tell")


def test_where_the_right_one_is_missing_none_fits() -> None:
    wrong = {name: CANDIDATES[name] for name in ("unit", "symmetric", "imagenet")}
    result = probe(_planted("bytes"), _pictures(64, 1), wrong)
    assert result.verdict == "none fits"


# Laws


def test_it_is_the_divergence_of_normal_distributions() -> None:
    random = np.random.default_rng(0)
    norm = nn.BatchNorm2d(5, eps=1e-3)
    norm.running_mean, norm.running_var = torch.randn(5), torch.rand(5) + 0.1
    mean, variance = random.normal(size=(7, 5)), random.uniform(0.1, 2, (7, 5))
    weights = random.dirichlet(np.ones(7), size=2)
    pooled = weights @ mean
    spread = weights @ (variance + mean**2) - pooled**2
    entering = Normal(torch.tensor(pooled), torch.tensor(spread + 1e-3).sqrt())
    kept = Normal(norm.running_mean.double(), (norm.running_var.double() + 1e-3).sqrt())
    expected = kl_divergence(entering, kept).mean(dim=1)
    found = divergences(Moments(mean, variance), [norm], weights)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-6)


def test_the_very_pictures_of_training_have_no_discrepancy() -> None:
    pictures = _pictures(64, 0)
    network = _trained(_network(), CANDIDATES["imagenet"], pictures)
    best = probe(network, pictures).fits[0]
    assert best.discrepancy.value == pytest.approx(0, abs=0.02)  # torch averages the variances of batches
    assert best.name == "imagenet"


def test_scaled_channels_change_nothing() -> None:
    """The divergence has no unit."""
    network = _planted("symmetric")
    before = probe(network, _pictures(48, 1))
    factors = torch.logspace(-1, 1, 16)
    state = network.network.state_dict()
    state["conv1.weight"] *= factors[:, None, None, None]
    state["norm1.running_mean"] *= factors
    state["norm1.running_var"] *= factors**2
    network.network.load_state_dict(state)
    after = probe(network, _pictures(48, 1))
    assert [fit.name for fit in after.fits] == [fit.name for fit in before.fits]
    for ours, theirs in zip(before.fits, after.fits, strict=True):
        assert theirs.first_layer == pytest.approx(ours.first_layer, rel=0.02)


def test_the_answer_does_not_depend_on_batches_and_leaves_the_network_as_it_was() -> None:
    network = _planted("unit").train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    pictures = torch.cat(_pictures(48, 1))
    once, parts = probe(network, [pictures]), probe(network, pictures.split(11))
    for ours, theirs in zip(once.fits, parts.fits, strict=True):
        assert theirs.discrepancy.value == pytest.approx(ours.discrepancy.value, rel=1e-4)
    assert network.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_pictures_of_one_patient_widen_the_interval() -> None:
    network, pictures = _planted("unit"), [batch.repeat_interleave(4, dim=0) for batch in _pictures(24, 1)]
    alone = probe(network, pictures).fits[0].discrepancy
    together = probe(network, pictures, groups=np.arange(96) // 4).fits[0].discrepancy
    assert together.value == alone.value
    assert alone.low is not None
    assert together.low is not None
    assert together.low < alone.low


def test_only_the_first_layers_are_computed() -> None:
    network = _planted("unit")
    calls: list[nn.Module] = []
    network.network.get_submodule("conv3").register_forward_hook(lambda module, *_: calls.append(module))
    assert probe(network, _pictures(32, 1), layers=2).layers == 2
    assert not calls
    assert probe(network, _pictures(32, 1)).layers == 3


def test_distances_are_those_of_the_pictures_themselves() -> None:
    picture = torch.cat(_pictures(32, 0))
    level, spread = float(picture.mean()), float(picture.std(correction=0))
    for name in COLOURED:
        for other in COLOURED:
            ours, theirs = (normalised(picture, CANDIDATES[each]).double() for each in (name, other))
            turned = theirs.flip(1)  # of a grey picture's channels only the order of means and deviations changes
            apart = [(ours - each).square().mean(dim=(0, 2, 3)).sqrt() for each in (theirs, turned)]
            inner = ours.std(dim=(0, 2, 3), correction=0)
            expected = min(float((each / inner).max()) for each in apart)
            found = distance(CANDIDATES[name], CANDIDATES[other], level=level, spread=spread, grey=True)
            assert found == pytest.approx(expected, rel=1e-3, abs=1e-4), (name, other)


# What cannot be probed


def _code(call: Callable[[], object]) -> str:
    with pytest.raises((WeightsError, ConfigError, CohortError)) as caught:
        call()
    assert caught.value.hint
    return caught.value.code


def test_networks_without_trained_statistics_are_refused() -> None:
    assert _code(lambda: probe(_network(), _pictures(32, 1))) == "NoStatistics"
    squeezenet = BACKBONES.get("squeezenet1_1")(in_channels=3)
    assert _code(lambda: probe(squeezenet, _pictures(32, 1))) == "NoStatistics"


def test_unusable_pictures_and_candidates_are_refused() -> None:
    network = _planted("grey_unit")
    assert _code(lambda: probe(network, [])) == "TooFewImages"
    assert _code(lambda: probe(network, _pictures(7, 1))) == "TooFewImages"
    assert _code(lambda: probe(network, _pictures(32, 1, channels=3))) == "ChannelsDoNotFit"
    assert _code(lambda: probe(network, _pictures(32, 1), {"imagenet": InputSpec()})) == "NoCandidates"


def test_networks_that_look_at_volumes_are_refused() -> None:
    network = _planted("unit")
    network.dimensions = 3
    assert _code(lambda: probe(network, _pictures(32, 1))) == "NoCandidates"


# What is said and stored


def test_the_table_names_every_candidate_and_the_record_survives_json() -> None:
    result = probe(_planted("symmetric"), _pictures(48, 1))
    lines = result.text.splitlines()
    assert [line.split()[0] for line in lines[1 : 1 + len(result.fits)]] == [fit.name for fit in result.fits]
    assert len({line.index("0.") for line in lines[1:3]}) == 1, "columns stand below each other"
    assert lines[-1].startswith("symmetric fits best: the next is ")
    assert type(result).model_validate(json.loads(json.dumps(result.as_json()))) == result


@pytest.fixture
def weight_file(tmp_path: Path) -> Path:
    """A weight file with a sidecar that says nothing true about the input."""
    file = tmp_path / "weights.pth"
    torch.save(_planted("symmetric").network.state_dict(), file)
    sidecar = {"backbone": "net", "pretrained_on": "x", "sha256": file_digest(file), "input": {"size": [96, 96]}}
    file.with_suffix(".json").write_text(json.dumps(sidecar))
    return file


def test_a_clear_answer_is_stored_and_the_size_kept(weight_file: Path) -> None:
    found = probe(_planted("symmetric"), _pictures(64, 1))
    store(weight_file, found)
    sidecar = read_sidecar(weight_file)
    assert min(sidecar.discrepancies, key=sidecar.discrepancies.__getitem__) == "symmetric"
    assert set(sidecar.discrepancies) == {fit.name for fit in found.fits}
    assert sidecar.input == CANDIDATES["symmetric"].model_copy(update={"size": (96, 96)})
    assert sidecar.input_source == "probed"


def test_an_unclear_one_is_stored_on_the_users_word_only(weight_file: Path) -> None:
    result = probe(_planted("symmetric"), _pictures(64, 1), {"symmetric": CANDIDATES["symmetric"]})
    assert _code(lambda: store(weight_file, result)) == "CannotTell"
    assert _code(lambda: store(weight_file, result, choice="symetric")) == "UnknownCandidate"
    store(weight_file, result, choice="symmetric")
    assert read_sidecar(weight_file).input_source == "stated"


# Files and cohorts


def _hospital(folder: Path, count: int, *, test: int = 0) -> Path:
    (folder / "images").mkdir(parents=True)
    rows = []
    for index, picture in enumerate(torch.cat(_pictures(count, 5))):
        values = (nn.functional.interpolate(picture[None], size=(64, 64))[0, 0] * 255).byte().numpy()
        Image.fromarray(values).save(folder / "images" / f"{index}.png")
        split = "test" if index < test else "train"
        rows.append(
            {"path": f"images/{index}.png", "patient_id": f"P{index // 2}", "label": "ab"[index % 2], "split": split}
        )
    pd.DataFrame(rows).to_csv(folder / "cohort.csv", index=False)
    return folder / "cohort.csv"


@pytest.fixture
def mobilenet(tmp_path: Path) -> Path:
    """A plain state dict of a random MobileNet whose statistics come from pictures in [−1, 1]."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = BACKBONES.get("mobilenet_v2")(in_channels=3)
    pictures = [nn.functional.interpolate(batch, size=(64, 64)) for batch in _pictures(48, 6)]
    file = tmp_path / "mobilenet.pth"
    torch.save(_trained_at_once(backbone, CANDIDATES["symmetric"], pictures).network.state_dict(), file)
    sidecar = {"backbone": "mobilenet_v2", "pretrained_on": "x", "sha256": file_digest(file)}
    spec = {"size": [64, 64], "mean": [0.2, 0.2, 0.2], "std": [0.7, 0.7, 0.7]}
    file.with_suffix(".json").write_text(json.dumps({**sidecar, "input": spec}))
    return file


def _trained_at_once(backbone: Backbone, spec: InputSpec, pictures: list[Tensor]) -> Backbone:
    for norm in (module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)):
        norm.momentum = None
    with torch.no_grad():
        for batch in pictures:
            backbone.train()(normalised(batch, spec))
    return backbone.eval()


def test_a_file_is_probed_with_a_cohorts_pictures_outside_its_test_split(mobilenet: Path, tmp_path: Path) -> None:
    cohort = mt.read_cohort(_hospital(tmp_path / "hospital", 30, test=8))
    (tmp_path / "hospital/images/20.png").write_bytes(b"no picture")
    result = probe_file(mobilenet, cohort, cache=tmp_path / "cache")
    assert result.best == "symmetric", result.text
    assert "as stated" in {fit.name for fit in result.fits}, "what the sidecar says is a candidate"
    assert (result.images, result.unread) == (21, 1)
    again = probe_file(mobilenet, cohort, cache=tmp_path / "cache", backbone="mobilenet_v2")
    assert again == result
    fewer = probe_file(mobilenet, cohort, cache=tmp_path / "cache", images=12)
    assert fewer.images + fewer.unread == 12


def test_planes_of_volumes_are_spread_over_each(mobilenet: Path, tmp_path: Path) -> None:
    folder = tmp_path / "volumes"
    folder.mkdir()
    rows = []
    for index, picture in enumerate(torch.cat(_pictures(9, 7))):
        values = (picture[0, :, :, None] * torch.linspace(1, 0.6, 5) * 1000).short().numpy()
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), folder / f"{index}.nii.gz")
        rows.append({"path": f"{index}.nii.gz", "patient_id": f"P{index}", "label": "ab"[index % 2]})
    pd.DataFrame(rows).to_csv(folder / "cohort.csv", index=False)
    cohort = mt.read_cohort(folder / "cohort.csv")
    result = probe_file(mobilenet, cohort, images=20, cache=tmp_path / "cache")
    assert result.images == 18, "two planes of each of nine volumes"
    assert result.fits[0].discrepancy.n == 18


def test_files_that_do_not_fit_and_cohorts_without_pictures_are_refused(mobilenet: Path, tmp_path: Path) -> None:
    cohort = mt.read_cohort(_hospital(tmp_path / "hospital", 10))
    mobilenet.with_suffix(".json").unlink()
    assert _code(lambda: probe_file(mobilenet, cohort, backbone="resnet18", cache=tmp_path / "c")) == "OtherBackbone"
    tests_only = replace(cohort, table=cohort.table.assign(split="test"))
    spoilt = lambda: probe_file(mobilenet, tests_only, backbone="mobilenet_v2", cache=tmp_path / "c")  # noqa: E731
    assert _code(spoilt) == "NoImages"


# Real weights, real pictures


def _real(name: str) -> Path:
    if "MEDTRANSFER_DATA" not in os.environ:
        pytest.skip("MEDTRANSFER_DATA does not point to the real data")
    return Path(os.environ["MEDTRANSFER_DATA"]) / name


def _expecting(name: str, tmp_path: Path) -> Path:
    """ImageNet's MobileNet, its first layer rewritten so that it expects another normalisation.

    W·x + b = W′·x′ + b′   with x = a·p + b for ImageNet, x′ = a′·p + b′ for the other, of the same picture p
    """
    state = torch.load(_real("weights/mobilenet_v2_imagenet.pth"), weights_only=True)
    origin, wanted = CANDIDATES["imagenet"], CANDIDATES[name]
    weight, order = state["features.0.0.weight"], [2, 1, 0] if wanted.colour == "BGR" else [0, 1, 2]
    zeros, ones = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
    old, old_one = (normalised(p, origin)[0, order, 0, 0] for p in (zeros, ones))
    new, new_one = (normalised(p, wanted)[0, :, 0, 0] for p in (zeros, ones))
    slope = (old_one - old) / (new_one - new)
    state["features.0.0.weight"] = weight[:, order] * slope[:, None, None]
    state["features.0.1.running_mean"] -= (weight[:, order].sum(dim=(2, 3)) * (old - slope * new)).sum(dim=1)
    file = tmp_path / "planted.pth"
    torch.save(state, file)
    return file


@pytest.mark.real_data
@pytest.mark.parametrize("folder", ["kermany_cxr", "brain_mri"])
def test_imagenets_own_weights_are_told_on_medical_pictures(folder: str, tmp_path: Path) -> None:
    cohort = mt.read_cohort(_real(f"cohorts/{folder}/cohort.csv"), patients_unknown=True)
    result = probe_file(_real("weights/mobilenet_v2_imagenet.pth"), cohort, images=32, cache=tmp_path)
    assert (result.best, result.alike, result.verdict) == ("imagenet", ("imagenet_bgr",), "clear"), result.text


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("folder", ["kermany_cxr", "nih_cxr", "brain_mri"])
@pytest.mark.parametrize("name", COLOURED)
def test_planted_normalisations_are_told_on_medical_pictures(folder: str, name: str, tmp_path: Path) -> None:
    cohort = mt.read_cohort(_real(f"cohorts/{folder}/cohort.csv"), patients_unknown=True)
    result = probe_file(
        _expecting(name, tmp_path), cohort, backbone="mobilenet_v2", images=48, cache=tmp_path / "cache"
    )
    assert name in {result.best, *result.alike}, result.text
    assert result.verdict != "none fits", result.text
    assert result.margin is not None
    assert (result.verdict == "clear") == ((result.margin.low or 0) >= 1.25)

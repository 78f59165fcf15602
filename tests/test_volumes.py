"""Volumes from plan to evaluation: pooled slices, several series a study, 2.5-D, 3-D, frozen features."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
import torch
from tiny import QUICK

import medtransfer as mt
from medtransfer.core.files import file_digest
from medtransfer.models.backbones import resnet18

CT = ("read.nifti_modality=CT", "preprocess.hu_window=[40, 80]", *QUICK)


def write_volume(path: Path, *, ill: bool, slices: int, seed: int) -> None:
    """A box of 35 HU with noise; in the ill a bright block in one slice."""
    generator = np.random.default_rng(seed)
    voxels = generator.normal(35, 6, (24, 20, slices))
    if ill:
        voxels[8:18, 6:14, slices // 2] += 35
    nibabel.save(nibabel.Nifti1Image(np.rint(voxels).astype(np.int16), np.diag([2.0, 2.0, 5.0, 1.0])), path)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 studies of 1 to 5 slices; every fourth has a second series."""
    folder = tmp_path_factory.mktemp("volumes")
    rows = []
    for study in range(24):
        ill, site = study % 2 == 1, study // 2
        for series in range(2 if study % 4 == 3 else 1):
            name = f"{study:02}_{series}.nii"
            write_volume(
                folder / name, ill=ill and series == 0, slices=1 + (site + series) % 5, seed=10 * study + series
            )
            rows.append(
                {
                    "path": name,
                    "patient_id": f"P{study:02}",
                    "study_id": f"S{study:02}",
                    "label": "bleed" if ill else "no_bleed",
                    "split": "test" if study >= 16 else "",
                }
            )
    pd.DataFrame(rows).to_csv(folder / "cohort.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a resnet18, random, with their sidecar."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(resnet18.build().network.state_dict(), path)
    said = {"backbone": "resnet18", "pretrained_on": "nothing", "sha256": file_digest(path), "input": {}}
    path.with_suffix(".json").write_text(json.dumps(said))
    return path


def plan_of(hospital: Path, *changes: str, backbone: str = "squeezenet1_1", weights: Path | str = "none") -> mt.Plan:
    cohort = mt.read_cohort(hospital, positive="bleed")
    return mt.plan(cohort, backbone=backbone, weights=str(weights), changes=(*CT, *changes))


def test_the_headers_choose_attention_and_a_frozen_encoder(hospital: Path, weights: Path) -> None:
    plan = plan_of(hospital, backbone="resnet18", weights=weights)
    assert plan.model.pooling.name == "attention"
    assert (plan.policy.name, plan.training.features, plan.objective.parameters) == ("head", "frozen", {})
    assert "volumes" in plan.reasons["model.pooling"]


def test_what_the_user_sets_of_rules_that_belong_together_keeps_them_all_off(hospital: Path, weights: Path) -> None:
    plan = plan_of(hospital, "policy.name=full", backbone="resnet18", weights=weights)
    assert (plan.policy.name, plan.training.features) == ("full", "live")
    assert "training.features" not in plan.reasons


def test_what_the_user_sets_as_the_rules_would_keeps_them_on(hospital: Path, weights: Path) -> None:
    plan = plan_of(hospital, "training.features=frozen", backbone="resnet18", weights=weights)
    assert (plan.policy.name, plan.training.features, plan.objective.parameters) == ("head", "frozen", {})


def test_a_random_start_trains_fewer_volumes_a_step(hospital: Path) -> None:
    changes = [change for change in CT if not change.startswith("training.batch_size")]
    plan = mt.plan(mt.read_cohort(hospital, positive="bleed"), backbone="squeezenet1_1", changes=changes)
    assert plan.training.batch_size == 8
    assert plan.training.features == "live"


VARIANTS = {
    "mean": ("model.pooling.name=mean",),
    "max": ("model.pooling.name=max",),
    "attention": ("model.chunk=3",),
    "transformer": ("model.pooling.name=transformer",),
    "neighbours": ("model.grey=neighbours",),
    "one channel": ("model.in_channels=1",),
    "windows": ("read.nifti_modality=CT", 'preprocess.ct_windows=["brain", "subdural", "bone"]'),
    "three planes": ("preprocess.slices=triplanar", "preprocess.planes=4"),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_volumes_are_trained_and_predicted(hospital: Path, tmp_path: Path, name: str) -> None:
    changes = list(CT)
    if name == "windows":
        changes.remove("preprocess.hu_window=[40, 80]")
    cohort = mt.read_cohort(hospital, positive="bleed")
    plan = mt.plan(cohort, backbone="squeezenet1_1", changes=(*changes, *VARIANTS[name]))
    bundle = mt.fit(plan, out=tmp_path / "run")
    predictions = mt.predict(bundle, mt.read_cohort(tmp_path / "run" / "cohort.csv", positive="bleed").split("test"))
    table = predictions.table
    assert len(table) == 8
    assert set(table["status"]) == {"read"}
    assert np.isfinite(table["probability_bleed"]).all()
    assert (table["flags"] == "several_images").sum() == 2
    assert mt.evaluate(predictions).n_studies == 8


def test_frozen_features_from_plan_to_prediction(hospital: Path, weights: Path, tmp_path: Path) -> None:
    bundle = mt.fit(plan_of(hospital, backbone="resnet18", weights=weights), out=tmp_path / "run")
    start = torch.load(weights, weights_only=True)
    kept = bundle.tensors(bundle.manifest.members[0])
    assert np.array_equal(kept["backbone.network.conv1.weight"], start["conv1.weight"].numpy())
    assert bundle.manifest.members[0].pooling.name == "attention"
    table = mt.predict(bundle, mt.read_cohort(hospital, positive="bleed").split("test")).table
    assert np.isfinite(table["probability_bleed"]).all()


def test_a_killed_frozen_run_ends_in_the_same_bits(hospital: Path, weights: Path, tmp_path: Path) -> None:
    from medtransfer.training import fit as fit_module

    plan = plan_of(hospital, "training.checkpoint_seconds=0", backbone="resnet18", weights=weights)
    whole = mt.fit(plan, out=tmp_path / "whole", cache=tmp_path / "cache")
    step = fit_module.train_step

    def killing(loop: fit_module.Loop, number: int) -> object:
        if number == 3:
            raise KeyboardInterrupt
        return step(loop, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit_module, "train_step", killing)
        with pytest.raises(KeyboardInterrupt):
            mt.fit(plan, out=tmp_path / "killed", cache=tmp_path / "cache")
    resumed = mt.fit(plan, out=tmp_path / "killed", cache=tmp_path / "cache", resume=True)
    ours, theirs = (bundle.tensors(bundle.manifest.members[0]) for bundle in (whole, resumed))
    assert all(np.array_equal(values, theirs[name]) for name, values in ours.items())


def test_volumes_without_a_stated_modality_have_no_hounsfield_units(hospital: Path, tmp_path: Path) -> None:
    """`hu_window` asks for CT; files that do not say what they are keep their own percentiles."""
    plan = plan_of(hospital, 'read.nifti_modality=""')
    bundle = mt.fit(plan, out=tmp_path / "run")
    assert bundle.manifest.training.modalities == ("OT",)


def test_a_converted_cohort_of_volumes_is_planned_as_its_files_are(
    hospital: Path, weights: Path, tmp_path: Path
) -> None:
    """All but the preprocessing, which is settled, and the body part, which arrays do not know."""
    mt.convert(hospital, out=tmp_path / "prepared", changes=("preprocess.size=32", "read.nifti_modality=CT"))
    named = {"backbone": "resnet18", "weights": str(weights), "changes": ("preprocess.size=32",)}
    made = mt.plan(mt.read_cohort(tmp_path / "prepared", positive="bleed"), **named)
    files = mt.plan(mt.read_cohort(hospital, positive="bleed"), **named)
    assert made.model.pooling.name == "attention"
    assert (made.model, made.policy, made.training, made.objective) == (
        files.model, files.policy, files.training, files.objective,
    )  # fmt: skip
    assert made.reasons["model.pooling"] == files.reasons["model.pooling"]
    assert (made.preprocess.size, made.read.nifti_modality) == (32, "CT")

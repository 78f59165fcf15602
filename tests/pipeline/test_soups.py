"""Soups of bundles whose log-losses are known in closed form: every study has the same probability."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from evaluations import label_points

import medtransfer as mt
from medtransfer import __version__
from medtransfer.core.config.training import TrainingConfig
from medtransfer.core.errors import BundleError, ConfigError, OutputError
from medtransfer.core.results import Predictions, ScoredStudies
from medtransfer.data.cohort import read_cohort
from medtransfer.pipeline.choosing import NO_POINT
from medtransfer.pipeline.held_out import digests, held_out
from medtransfer.pipeline.ingredients import average, network
from medtransfer.pipeline.soups import prediction_loss, soup

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures that several soups are judged on."""
    return tmp_path_factory.mktemp("prepared")


def constant_loss(shift: float, ill: float) -> float:
    """Of the probability σ(shift) everywhere, where a share `ill` is ill."""
    return float(ill * np.logaddexp(0, -shift) + (1 - ill) * np.logaddexp(0, shift))


def greedy(shifts: list[float], ill: float) -> set[float]:
    """Algorithm 1 of the paper, on log-odds."""
    first, *rest = sorted(shifts, key=lambda shift: constant_loss(shift, ill))
    kept = [first]
    for shift in rest:
        if constant_loss(float(np.mean([*kept, shift])), ill) <= constant_loss(float(np.mean(kept)), ill):
            kept.append(shift)
    return set(kept)


def share_ill(cohort: mt.Cohort) -> float:
    return float((cohort.table["label"] == "pneumonia").mean())


def told(bundle: mt.Bundle) -> dict:
    return bundle.manifest.training.plan["soup"]


def test_a_uniform_soup_is_the_average_and_has_no_operating_point(fitted, tmp_path: Path) -> None:
    bundles = [fitted("one"), fitted("other", shift=1, training=TrainingConfig(learning_rate=0.5))]
    found = soup([bundles[0], bundles[1].folder], out=tmp_path / "soup")
    assert found.folder == tmp_path / "soup" / "bundle"
    tensors, expected = found.tensors(found.manifest.members[0]), average(bundles)
    assert all(tensors[name].tobytes() == value.tobytes() for name, value in expected.items())
    assert found.manifest.operating_point is None
    assert found.manifest.medtransfer_version == __version__
    assert told(found) == {
        "how": "uniform",
        "members": [
            {"sha256": bundles[0].sha256, "kept": True, "changes": {}},
            {"sha256": bundles[1].sha256, "kept": True, "changes": {"training.learning_rate": 0.5}},
        ],
    }
    again = soup(bundles[::-1], out=tmp_path / "again")
    assert network(again) == network(found)


def test_without_validation_neither_points_of_labels_nor_notes_on_them_are_left(fitted, tmp_path: Path) -> None:
    manifest = {"operating_points": label_points(effusion=0.3)}
    record = {"notes": (f"hernia {NO_POINT}too few", "said")}
    bundles = [fitted(name, shift=i, manifest=manifest, record=record) for i, name in enumerate("ab")]
    found = soup(bundles, out=tmp_path / "soup").manifest
    assert found.operating_points == {}
    assert found.training.notes == ("The weights are the average of those of 2 bundles.", "said")


def test_with_validation_the_operating_point_is_chosen_anew_and_the_judges_are_remembered(
    fitted, elsewhere: Path, tmp_path: Path
) -> None:
    bundles, judges = [fitted("one"), fitted("other", shift=1)], read_cohort(elsewhere)
    found = soup(bundles, out=tmp_path / "soup", validation=elsewhere)
    point, record = found.manifest.operating_point, found.manifest.training
    assert point is not None
    assert (point.positive, point.chosen_on) == ("pneumonia", "validation")
    ill = share_ill(judges)
    losses = [member["log_loss"] for member in told(found)["members"]]
    assert losses == pytest.approx([constant_loss(0, ill), constant_loss(1, ill)], abs=1e-6)
    assert told(found)["log_loss"] == pytest.approx(constant_loss(0.5, ill), abs=1e-6)
    assert set(record.patients) == set(bundles[0].manifest.training.patients) | digests(judges.table)
    with pytest.raises(mt.MedTransferError) as raised:
        mt.evaluate(mt.predict(found, judges))
    assert raised.value.code == "PatientInTraining"
    assert {path.name for path in (tmp_path / "soup").iterdir()} == {"bundle", "ledger.csv", "ledger.parquet"}


def test_a_soup_is_put_beside_its_own_judges_and_never_beside_its_members(
    fitted, elsewhere: Path, tmp_path: Path
) -> None:
    theirs = ScoredStudies(split="calibration", of="pneumonia", probabilities=(0.1,), present=(True,), patients=(0,))
    scored = (theirs, theirs.model_copy(update={"probabilities": (0.2,)}))
    bundles = [
        fitted(name, shift=shift, manifest={"scored": (one,)})
        for name, shift, one in zip(("one", "other"), (0, 1), scored, strict=True)
    ]
    assert soup(bundles, out=tmp_path / "blind").manifest.scored == ()
    (found,) = soup(bundles, out=tmp_path / "soup", validation=elsewhere).manifest.scored
    assert (found.split, found.of) == ("validation", "pneumonia")
    assert set(found.probabilities) == {round(1 / (1 + math.exp(-0.5)), 4)}
    assert len(found.present) == 24
    assert sum(found.present) == share_ill(read_cohort(elsewhere)) * 24


@pytest.mark.parametrize("shifts", [[2.0, 0.3, -1.5, -0.2], [-2.0, 1.9, 0.1, 4.0, -4.1]])
def test_a_greedy_soup_keeps_what_the_algorithm_keeps(
    fitted, hospital: Path, prepared: Path, tmp_path: Path, shifts: list[float]
) -> None:
    bundles = [fitted(f"{shift}", shift=shift) for shift in shifts]
    found = soup(bundles, out=tmp_path / "soup", how="greedy", validation=hospital, cache=prepared)
    ill = share_ill(held_out(read_cohort(hospital), bundles))
    members = told(found)["members"]
    kept = {shift for shift, member in zip(shifts, members, strict=True) if member["kept"]}
    assert kept == greedy(shifts, ill)
    assert 0 < len(kept) < len(shifts)
    assert [member["log_loss"] for member in members] == pytest.approx(
        [constant_loss(s, ill) for s in shifts], abs=1e-6
    )
    assert told(found)["log_loss"] <= min(member["log_loss"] for member in members)
    bias = found.tensors(found.manifest.members[0])["heads.head.bias"]
    assert bias[1] == pytest.approx(np.mean(list(kept)))
    best = bundles[int(np.argmin([constant_loss(shift, ill) for shift in shifts]))]
    assert found.manifest.training.plan["seed"] == best.manifest.training.plan["seed"]
    again = soup(bundles[::-1], out=tmp_path / "again", how="greedy", validation=hospital, cache=prepared)
    assert network(again) == network(found)


def test_the_record_is_that_of_all_members(fitted, tmp_path: Path) -> None:
    one = fitted("one", record={"patients": ("b" * 32,), "sites": ("x",), "notes": ("said",), "seconds": 1.25})
    changed = {
        "patients": ("a" * 32,),
        "sites": ("y", "x"),
        "modalities": ("CR",),
        "notes": ("said", "more"),
        "arithmetic": {"precision": "bf16"},
        "studies": {"target": {"normal": 12, "pneumonia": 3}, "source": {"normal": 1}},
        "unlabelled": 4,
    }
    found = soup([one, fitted("other", shift=1, record=changed)], out=tmp_path / "soup").manifest.training
    assert found.patients == ("a" * 32, "b" * 32)
    assert (found.sites, found.modalities) == (("x", "y"), ("CR", "DX"))
    assert (found.epochs, found.steps, found.seconds, found.best_epoch) == (4, 20, 2.8, None)
    assert found.arithmetic == {"precision": "bf16 or fp32"}
    assert found.studies == {"target": {"normal": 12, "pneumonia": 11}, "source": {"normal": 1}}
    assert found.unlabelled == 4
    assert found.notes == ("The weights are the average of those of 2 bundles.", "said", "more")


def test_of_a_greedy_soup_those_left_out_leave_no_trace_in_the_record(
    fitted, hospital: Path, prepared: Path, tmp_path: Path
) -> None:
    kept = [fitted("a"), fitted("b", shift=0.01)]
    others = fitted("c", shift=9.0, record={"sites": ("far away",)})
    found = soup([others, *kept], out=tmp_path / "soup", how="greedy", validation=hospital, cache=prepared)
    assert not told(found)["members"][0]["kept"]
    assert "far away" not in found.manifest.training.sites


def test_unlike_bundles_are_refused_before_anything_is_written(fitted, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as raised:
        soup([fitted("one"), fitted("other", shift=1, seed=1)], out=tmp_path / "soup")
    assert raised.value.code == "NotAlike"
    assert not (tmp_path / "soup").exists()


def test_what_is_asked_must_make_sense(fitted, tmp_path: Path) -> None:
    bundles = [fitted("one"), fitted("other", shift=1)]
    with pytest.raises(ConfigError) as few:
        soup(bundles[:1], out=tmp_path / "soup")
    assert few.value.code == "TooFewBundles"
    with pytest.raises(ConfigError) as blind:
        soup(bundles, out=tmp_path / "soup", how="greedy")
    assert blind.value.code == "NoValidation"
    soup(bundles, out=tmp_path / "soup")
    with pytest.raises(OutputError) as taken:
        soup(bundles, out=tmp_path / "soup")
    assert taken.value.code == "RunExists"


def test_an_image_that_cannot_be_read_stops_it_unless_allowed(fitted, elsewhere: Path, tmp_path: Path) -> None:
    table = pd.read_csv(elsewhere / "cohort.csv", dtype=str, keep_default_na=False)
    folder = tmp_path / "broken"
    (folder / "images").mkdir(parents=True)
    for name in table["path"]:
        (folder / name).write_bytes((elsewhere / name).read_bytes()[: 20 if name == "images/003.png" else None])
    table.to_csv(folder / "cohort.csv", index=False)
    bundles = [fitted("one"), fitted("other", shift=1)]
    with pytest.raises(mt.MedTransferError) as raised:
        soup(bundles, out=tmp_path / "soup", validation=folder)
    assert raised.value.exit_code == 3
    assert not (tmp_path / "soup" / "bundle").exists()
    assert "images/003.png" in (tmp_path / "soup" / "ledger.csv").read_text(encoding="utf-8")
    found = soup(bundles, out=tmp_path / "soup", validation=folder, allow_failures=1)
    ill = share_ill(read_cohort(folder).with_rows(table[table["path"] != "images/003.png"]))
    assert told(found)["log_loss"] == pytest.approx(constant_loss(0.5, ill), abs=1e-6)


def predictions(task, truths: list[str], rows: list[list[float]]) -> Predictions:
    classes = ("a", "b", "c")
    table = pd.DataFrame(rows, columns=[f"probability_{name}" for name in classes]).assign(truth=truths, status="read")
    return Predictions(table=table, classes=classes, positive=None, operating_point=None, bundle_sha256="", task=task)


@pytest.mark.parametrize("task", ["multiclass", "ordinal"])
def test_the_loss_of_exclusive_classes(task) -> None:
    found = prediction_loss(predictions(task, ["b", "", "a"], [[0.2, 0.5, 0.3], [1, 0, 0], [0.1, 0.1, 0.8]]))
    assert found == pytest.approx(-(np.log(0.5) + np.log(0.1)) / 2)


def test_the_loss_of_several_labels_counts_known_ones() -> None:
    found = prediction_loss(predictions("multilabel", ["a=1;c=0", "b=1"], [[0.2, 0.5, 0.3], [0.9, 0.4, 0.1]]))
    assert found == pytest.approx(-(np.log(0.2) + np.log(0.7) + np.log(0.4)) / 3)

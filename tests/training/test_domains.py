"""Several sources, studies without a label, weights that are computed again: through the whole of `fit`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import QUICK, Hospitals, write_hospital

import medtransfer as mt
from medtransfer.core.config.toml import changed
from medtransfer.core.errors import ConfigError
from medtransfer.core.files import file_digest
from medtransfer.core.types import UNKNOWN
from medtransfer.data.dataset import StudySet
from medtransfer.models.assemble import new_classifier
from medtransfer.models.backbones import resnet18
from medtransfer.models.classifier import Question
from medtransfer.training import fit as fit_module
from medtransfer.training.cohorts import unlabelled_rows
from medtransfer.training.loop import FitData, Loop, source_orders
from medtransfer.training.weighting import Weighting, few_effective

CHANGES = (*QUICK, "training.min_steps=6")


@pytest.fixture(scope="module")
def third(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hospital(tmp_path_factory.mktemp("third") / "west", studies=16, seed=9, gain=1.1)


def test_several_sources_count_by_their_shares(hospitals: Hospitals, third: Path, tmp_path: Path) -> None:
    plan = mt.plan(
        mt.read_cohort(hospitals.target),
        source={"north": mt.read_cohort(hospitals.source), "west": mt.read_cohort(third)},
        backbone="squeezenet1_1",
        changes=(*CHANGES, "sources.north.share=3.0"),
    )
    record = mt.fit(plan, out=tmp_path / "run").manifest.training
    assert {"target", "validation", "north", "west"} == set(record.studies)
    assert set(record.instance_weights) == {"north", "west"}
    log = pd.read_csv(tmp_path / "run" / "terms.csv")
    assert set(log["term"]) == {"L_S:north", "L_S:west", "L_T", "coral:north", "coral:west"}
    weights = log.groupby("term")["weight"].first()
    assert weights["L_S:north"] == pytest.approx(3 * weights["L_S:west"])


def test_a_source_must_not_be_called_like_a_part_of_the_target(hospitals: Hospitals) -> None:
    with pytest.raises(ConfigError) as caught:
        mt.plan(mt.read_cohort(hospitals.target), source={"test": mt.read_cohort(hospitals.source)})
    assert caught.value.code == "NameTaken"


def _with_unlabelled(hospitals: Hospitals, folder: Path) -> Path:
    """The target, every fifth label taken away."""
    shutil.copytree(hospitals.target, folder)
    table = pd.read_csv(folder / "cohort.csv", keep_default_na=False)
    table.loc[::5, "label"] = ""
    table.to_csv(folder / "cohort.csv", index=False)
    return folder


def test_studies_without_a_label_take_part_where_features_are_aligned(hospitals: Hospitals, tmp_path: Path) -> None:
    cohort = mt.read_cohort(_with_unlabelled(hospitals, tmp_path / "here"))
    source = mt.read_cohort(hospitals.source)
    aligned = mt.plan(cohort, source=source, backbone="squeezenet1_1", changes=CHANGES)
    record = mt.fit(aligned, out=tmp_path / "aligned").manifest.training
    assert record.unlabelled > 0
    alone = changed(aligned, ["objective.features={}", "objective.instances={}"])
    assert mt.fit(alone, out=tmp_path / "alone").manifest.training.unlabelled == 0


def test_nobody_of_a_locked_split_takes_part_without_a_label() -> None:
    table = pd.DataFrame(
        {
            "study_id": list("abcdef"),
            "patient_id": ["1", "1", "2", "3", "4", "5"],
            "site": "",
            "label": ["ill", "", "", "ill", "", "ill"],
            "split": ["test", "", "", "", "validation", "train"],
        }
    )
    rows = unlabelled_rows(table)
    assert list(rows["study_id"]) == ["c", "d"], "b is of a test patient, e of one who validates; d is beyond a budget"
    assert set(rows["label"]) == {""}


class StopHereError(Exception):
    pass


def _resumed(plan: mt.Plan, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, *, stop_at: int) -> str:
    """Digest of the weights of a run that is interrupted before a step, and goes on."""
    step_of = fit_module.train_step

    def stopping(loop: Loop, step: int) -> object:
        if step == stop_at:
            raise StopHereError
        return step_of(loop, step)

    with monkeypatch.context() as patch:
        patch.setattr(fit_module, "train_step", stopping)
        with pytest.raises(StopHereError):
            mt.fit(plan, out=folder, cache=cache)
    return mt.fit(plan, out=folder, cache=cache, resume=True).manifest.members[0].sha256


def test_all_that_has_a_state_survives_an_interruption(
    hospitals: Hospitals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A discriminator, momentum, an average, batch statistics of two domains, and λ on its way."""
    plan = mt.plan(
        mt.read_cohort(hospitals.target),
        source=mt.read_cohort(hospitals.source),
        backbone="mobilenet_v2",
        changes=(
            *CHANGES, "training.checkpoint_seconds=0.0", "training.optimiser=sgd", "objective.instances={}",
            "objective.features={ dann = { ramp = 0.8 } }", "objective.trade_off_start=0.1", "objective.ramp=1.0",
            "policy={ name = 'domain_batch_norm' }", "averaging.name=ema",
        ),
    )  # fmt: skip
    whole = mt.fit(plan, out=tmp_path / "whole", cache=tmp_path / "cache").manifest
    stop_at = whole.training.steps * 5 // 8
    resumed = _resumed(plan, tmp_path / "cut", tmp_path / "cache", monkeypatch, stop_at=stop_at)
    assert resumed == whole.members[0].sha256
    logs = [(tmp_path / name / "terms.csv").read_text(encoding="utf-8") for name in ("whole", "cut")]
    assert logs[0] == logs[1], "values, weights and gradients of every step"


def test_weights_are_computed_again_before_every_epoch_of_the_cadence(quick_plan: mt.Plan) -> None:
    for every, due in ((3, [3, 6]), (1, [1, 2, 3, 4, 5, 6, 7]), (None, [])):
        objective = quick_plan.objective.model_copy(update={"refit_epochs": every})
        plan = quick_plan.model_copy(update={"objective": objective})
        weighting = Weighting(plan=plan, target=_studies(), sources={})
        assert [epoch for epoch in range(8) if weighting.is_due(epoch)] == due


def test_weights_that_rest_on_few_cases_are_warned_of_below_the_stated_share(quick_plan: mt.Plan) -> None:
    """Of ten cases two count: (Σw)² / Σw² = 2, a fifth of them."""
    few, all_alike = np.array([5.0, 5.0] + [0.0] * 8), np.ones(10)
    for least, warned in ((0.21, True), (0.2, False), (0.0, False)):
        objective = quick_plan.objective.model_copy(update={"least_effective": least})
        said = few_effective(quick_plan.model_copy(update={"objective": objective}), {"north": few, "west": all_alike})
        assert len(said) == warned
        assert all(one.startswith("north: the instance weights count like 2 of 10 studies (20%, below") for one in said)


def test_weights_by_class_are_told_the_sources_labels(quick_plan: mt.Plan) -> None:
    """Bright pictures are twice as frequent at the source as at the target."""
    objective = quick_plan.objective.model_copy(update={"instances": {"label_shift": {}}})
    plan = quick_plan.model_copy(update={"objective": objective})
    model = new_classifier(plan.model, question=Question("multiclass", 2), seed=0)
    source, target = _studies(60, bright=lambda i: i % 3 > 0), _studies(60, bright=lambda i: i % 3 == 0)
    weights = Weighting(plan=plan, target=target, sources={"north": source}).weigh(model)["north"].values
    dark, bright = (np.unique(weights[source.labels == label]) for label in (0, 1))
    assert (len(dark), len(bright)) == (1, 1)
    assert dark[0] > 1.4, "2, held nearer to 1 as the cases are few"
    assert bright[0] < 0.85, "½"


def test_sources_of_one_size_come_in_orders_of_their_own(quick_plan: mt.Plan) -> None:
    data = FitData(target=_studies(), sources={"north": _studies(), "west": _studies()})
    orders = source_orders(data, quick_plan, {})
    drawn = {name: order.at(0)[0].tolist() for name, order in orders.items()}
    assert drawn["north"] != drawn["west"]
    again = source_orders(data, quick_plan, {})
    assert {name: order.at(0)[0].tolist() for name, order in again.items()} == drawn


def _studies(n: int = 20, bright: Callable[[int], bool] = lambda i: i % 2 > 0) -> StudySet:
    """Noise of two brightnesses, which are the classes."""
    labels = np.array([bright(i) for i in range(n)], dtype=np.int64)
    noise = np.random.default_rng(0).integers(0, 20_000, (n, 1, 32, 32))
    return StudySet.of_pictures(
        (noise + 40_000 * labels[:, None, None, None]).astype(np.uint16),
        labels=labels,
        patients=np.arange(n),
        names=tuple(f"case {i}" for i in range(n)),
    )


@pytest.mark.parametrize("by", [pytest.param("loss", marks=pytest.mark.slow), "sampling"])
def test_weights_that_are_computed_again_survive_an_interruption(
    hospitals: Hospitals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """Interrupted in the epoch after a refit: the resumed run has the weights of the refit, and ends in equal bits."""
    plan = mt.plan(
        mt.read_cohort(hospitals.target),
        source=mt.read_cohort(hospitals.source),
        backbone="squeezenet1_1",
        changes=(
            *CHANGES, "training.epochs=4", "objective.refit_epochs=2", f"objective.instances_by={by}",
            "training.checkpoint_seconds=0.0",
        ),
    )  # fmt: skip
    whole = mt.fit(plan, out=tmp_path / "whole", cache=tmp_path / "cache").manifest
    stop_at = whole.training.steps * 5 // 8
    resumed = _resumed(plan, tmp_path / "cut", tmp_path / "cache", monkeypatch, stop_at=stop_at)
    assert resumed == whole.members[0].sha256
    once = changed(plan, ["objective.refit_epochs=100"])
    other = mt.fit(once, out=tmp_path / "once", cache=tmp_path / "cache").manifest
    assert other.members[0].sha256 != whole.members[0].sha256, "the refit changes something"


@pytest.mark.parametrize(
    "change",
    [
        ("policy.name=head", "objective.features={}", "objective.refit_epochs=1"),
        ("objective.instances={}", "objective.refit_epochs=1"),
        ("objective.instances_by=sampling", "training.imbalance=balanced"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    hospitals: Hospitals, tmp_path: Path, change: tuple[str, ...]
) -> None:
    plan = mt.plan(
        mt.read_cohort(hospitals.target),
        source=mt.read_cohort(hospitals.source),
        backbone="squeezenet1_1",
        changes=CHANGES,
    )
    with pytest.raises(ConfigError) as caught:
        mt.fit(changed(plan, change), out=tmp_path / "run")
    assert caught.value.code in {"ConflictingTerms", "ConflictingSettings"}
    assert caught.value.hint


def test_every_policy_and_average_ends_in_a_plain_network(hospitals: Hospitals, tmp_path: Path) -> None:
    """What enters a bundle has the backbone's own tensor names, whatever the policy made of it on the way."""
    plan = mt.plan(
        mt.read_cohort(hospitals.target),
        source=mt.read_cohort(hospitals.source),
        backbone="mobilenet_v3_small",
        changes=CHANGES,
    )
    names: dict[str, set[str]] = {}
    for policy, average in (("full", "none"), ("lora", "ema"), ("domain_batch_norm", "soup"), ("fine_tune", "none")):
        made = changed(plan, [f"policy.name={policy}", f"averaging.name={average}"])
        bundle = mt.fit(made, out=tmp_path / policy, cache=tmp_path / "cache")
        tensors = bundle.tensors(bundle.manifest.members[0])
        assert all(np.isfinite(values).all() for values in tensors.values())
        names[policy] = set(tensors)
        mt.predict(bundle, mt.read_cohort(tmp_path / policy / "cohort.csv").split("test"))
    assert len({frozenset(found) for found in names.values()}) == 1


@pytest.mark.parametrize("terms", ["l2_sp={}, delta={}, feature_distillation={}", "ewc={ samples = 4 }"])
def test_anchors_go_with_batch_normalisation_of_each_domain(hospitals: Hospitals, tmp_path: Path, terms: str) -> None:
    weights = tmp_path / "resnet18.pth"
    torch.save(resnet18.build().network.state_dict(), weights)
    said = {"backbone": "resnet18", "pretrained_on": "nothing", "sha256": file_digest(weights), "input": {}}
    weights.with_suffix(".json").write_text(json.dumps(said))
    plan = mt.plan(
        mt.read_cohort(hospitals.target),
        source=mt.read_cohort(hospitals.source),
        backbone="resnet18",
        weights=str(weights),
        changes=(*CHANGES, "policy.name=domain_batch_norm", f"objective.parameters={{ {terms} }}"),
    )
    mt.fit(plan, out=tmp_path / "run")
    log = pd.read_csv(tmp_path / "run" / "terms.csv")
    assert set(plan.objective.parameters) <= set(log["term"])
    assert np.isfinite(log["value"]).all()


def test_without_a_feature_term_no_step_spends_a_pass_on_studies_without_a_label(
    hospitals: Hospitals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither where instances alone are weighed, which looks at them once, nor where the terms are switched off."""
    cohort = mt.read_cohort(_with_unlabelled(hospitals, tmp_path / "here"))
    plan = mt.plan(cohort, source=mt.read_cohort(hospitals.source), backbone="squeezenet1_1", changes=CHANGES)
    taken: list[int] = []
    step_of = fit_module.train_step

    def counting(loop: Loop, step: int) -> object:
        taken.append(int((loop.data.target.labels[loop.target_cases(step)[0]] == UNKNOWN).sum()))
        return step_of(loop, step)

    monkeypatch.setattr(fit_module, "train_step", counting)
    weighed = mt.fit(changed(plan, ["objective.features={}"]), out=tmp_path / "weighed", cache=tmp_path / "cache")
    assert weighed.manifest.training.unlabelled > 0
    off = changed(plan, ["objective.features.coral.strength=0.0", "objective.instances={}"])
    assert mt.fit(off, out=tmp_path / "off", cache=tmp_path / "cache").manifest.training.unlabelled == 0
    assert set(taken) == {0}


@pytest.mark.parametrize("name", ["2nd", "köln", "St Mary"])
def test_a_name_that_cannot_be_written_everywhere_is_refused_with_a_cure(hospitals: Hospitals, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        mt.plan(mt.read_cohort(hospitals.target), source={name: mt.read_cohort(hospitals.source)})
    assert caught.value.code == "BadName"
    assert "NAME=PATH" in str(caught.value.hint)

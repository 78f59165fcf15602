from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tiny import QUICK, write_hospital

import medtransfer as mt
from medtransfer.core.config.plan import Plan
from medtransfer.core.config.toml import changed, read_toml, validated
from medtransfer.core.config.tuning import TRADE_OFF, Setting, TuneConfig
from medtransfer.core.errors import MedTransferError
from medtransfer.core.tuning_results import Trial, Tuning
from medtransfer.pipeline.tuning import STUDY, tune
from medtransfer.training.adapt import Ready
from medtransfer.training.tuning import trial as trials
from medtransfer.training.tuning import tune as tuning_loop
from medtransfer.training.tuning.space import search_space, with_settings

RATE = "training.learning_rate"
SMALL = TuneConfig(search=(f"{TRADE_OFF}=0,1,inf",), only=True, folds=2, prune=False, replicates=200)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A target whose test studies have lost their files, and a source."""
    root = tmp_path_factory.mktemp("hospitals")
    target = write_hospital(root / "target", studies=48, seed=1, test=16)
    source = write_hospital(root / "source", studies=16, seed=2, gain=0.8)
    made = mt.plan(
        mt.read_cohort(target),
        source=mt.read_cohort(source),
        backbone="squeezenet1_1",
        changes=(*QUICK, "training.epochs=1", "training.min_steps=2", "objective.instances={}"),
    )
    for index in range(16):
        (target / "images" / f"{index:03}.png").unlink()
    return made


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def folder(plan: Plan, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search. Read it, do not change it."""
    folder = tmp_path_factory.mktemp("search") / "out"
    tune(plan, out=folder, config=SMALL, cache=cache)
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> Tuning:
    return Tuning.model_validate_json((folder / "tuning.json").read_text(encoding="utf-8"))


def people(cohort: mt.Cohort) -> set[tuple[str, str]]:
    """Patients with their site: the two hospitals count alike."""
    return set(zip(cohort.table["site"], cohort.table["patient_id"], strict=True))


def untimed(tuning: Tuning) -> Tuning:
    """What a search found, however long it took."""
    return tuning.model_copy(update={"trials": tuple(t.model_copy(update={"seconds": 0.0}) for t in tuning.trials)})


def test_every_setting_is_tried_once_the_plans_own_first(found: Tuning) -> None:
    tried = [trial.settings[TRADE_OFF] for trial in found.trials]
    assert tried[0] == 1
    assert found.own == 1
    assert {*tried} == {0, 1, np.inf}
    assert len(tried) == 3


def test_figures_are_of_every_patient_held_out_once(found: Tuning) -> None:
    assert (found.n_studies, found.n_patients) == (32, 24)
    for trial in found.trials:
        assert trial.state == "complete"
        assert trial.log_loss is not None
        assert trial.source_log_loss is not None
        assert trial.log_loss.value == pytest.approx(np.mean(trial.fold_losses))
        assert (trial.log_loss.n, trial.source_log_loss.n) == (32, 16)


def test_choice_and_front_follow_from_the_figures(found: Tuning) -> None:
    best = min(found.trials, key=lambda trial: trial.loss)
    assert found.best == best.number
    near = [trial for trial in found.trials if trial.loss <= found.threshold]
    # There is no parameter term: the smallest λ is the most cautious.
    smallest = min(float(trial.settings[TRADE_OFF]) for trial in near)
    assert found.trial(found.chosen).settings[TRADE_OFF] == smallest
    points = {t.number: (t.source_log_loss.value or 0.0, t.loss) for t in found.trials if t.source_log_loss}
    for number, (source, target) in points.items():
        beaten = any(s <= source and t <= target and (s, t) != (source, target) for s, t in points.values())
        assert (number in found.front) is not beaten


def test_the_chosen_plan_differs_in_the_tuned_keys_alone_and_says_why(folder: Path, plan: Plan, found: Tuning) -> None:
    written = read_toml(Plan, folder / "plan.toml")
    chosen = found.trial(found.chosen).settings
    assert written == with_settings(plan, chosen).model_copy(update={"reasons": {}})
    before, after = plan.as_json(), written.as_json()
    assert {key for key in before if before[key] != after[key]} <= {"objective"}
    text = (folder / "plan.toml").read_text(encoding="utf-8")
    assert "# Tuned: " in text[: text.index("trade_off = ")]


def test_nothing_is_dropped_from_the_ledger_and_what_is_locked_was_not_read(folder: Path) -> None:
    ledger = pd.read_csv(folder / "ledger.csv", keep_default_na=False)
    assert len(ledger) == 48 + 16
    assert (ledger["status"] == "read").sum() == 48
    locked = ledger[ledger["code"] == "locked_test"]
    assert len(locked) == 16
    assert (locked["status"] == "excluded").all()


def test_who_judges_a_network_has_not_trained_it(
    plan: Plan, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every training: who took part, and who was held out, of both hospitals."""
    trained, judged = [], []
    adapt, measured = trials.adapt, trials.prepare_cohort

    def watched(plan: Plan, ready: Ready, **others: Any) -> Any:
        trained.append({site_and_id for cohort in ready.seen.values() for site_and_id in people(cohort)})
        judged.append(set())
        return adapt(plan, ready, **others)

    def looked_at(cohort: mt.Cohort, **others: Any) -> Any:
        judged[-1] |= people(cohort)
        return measured(cohort, **others)

    monkeypatch.setattr(trials, "adapt", watched)
    monkeypatch.setattr(trials, "prepare_cohort", looked_at)
    tune(plan, out=tmp_path / "out", config=SMALL.model_copy(update={"trials": 1}), cache=cache)
    locked = {("target", f"P{index:03}") for index in range(16)}
    assert [len(people) for people in judged] == [18, 18]  # of 24 and of 12
    for one, other in zip(trained, judged, strict=True):
        assert not one & other
        assert not (one | other) & locked
        assert len(one | other) == 36


def test_a_source_with_another_question_is_judged_by_its_own_head(tmp_path: Path) -> None:
    """Of three classes, which are told apart by as little training as by chance; with λ = ∞ nobody learns them."""
    target = write_hospital(tmp_path / "target", studies=32, seed=1, test=8)
    source = write_hospital(tmp_path / "source", studies=18, seed=2)
    table = pd.read_csv(source / "cohort.csv")
    kinds = pd.Series(["calm", "wild", "odd"] * 6)
    table.assign(label=kinds, patient_id=[f"Q{index}" for index in range(18)]).to_csv(source / "cohort.csv")
    plan = mt.plan(
        mt.read_cohort(target),
        source=mt.read_cohort(source),
        changes=(*QUICK, "model.backbone=squeezenet1_1", "training.epochs=1", "training.min_steps=2"),
    )
    config = SMALL.model_copy(update={"search": (f"{TRADE_OFF}=1,inf",), "repeats": 2})
    found = tune(plan, out=tmp_path / "out", config=config)
    with_source, without = sorted(found.trials, key=lambda trial: trial.settings[TRADE_OFF])
    assert with_source.source_log_loss is not None
    assert with_source.source_log_loss.n == 18
    assert with_source.source_log_loss.value == pytest.approx(np.log(3), abs=0.5)
    assert without.source_log_loss is None
    assert found.front == (with_source.number,)
    assert any("another question" in note and "∞" in note for note in found.notes)


@pytest.mark.parametrize(
    ("trade_off", "classes", "judged"),
    [
        (1.0, ("normal", "ill"), ("same", "other")),
        (1.0, ("a", "b", "c"), ("same", "other")),
        (np.inf, ("normal", "ill"), ("same", "other")),
        (np.inf, ("a", "b", "c"), ()),
    ],
)
def test_a_mean_over_sources_is_over_the_same_ones_in_every_trial(
    trade_off: float, classes: tuple[str, ...], judged: tuple[str, ...]
) -> None:
    cohort = {"cohort": "nowhere", "classes": ("normal", "ill")}
    values = {
        "target": cohort,
        "sources": {"same": cohort, "other": {**cohort, "classes": classes}},
        "objective": {"trade_off": trade_off},
    }
    assert trials.answered_sources(validated(Plan, values, path="test")) == judged


def test_a_search_that_is_killed_goes_on_to_the_same_bits(
    plan: Plan, cache: Path, found: Tuning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_trial = tuning_loop.run_trial

    def killed(bench: Any, number: int, settings: dict[str, Setting], **others: Any) -> Any:
        if number == 2:
            others["hopeless"] = lambda _: (_ for _ in ()).throw(KeyboardInterrupt)
        return run_trial(bench, number, settings, **others)

    monkeypatch.setattr(tuning_loop, "run_trial", killed)
    with pytest.raises(KeyboardInterrupt):
        tune(plan, out=tmp_path / "out", config=SMALL, cache=cache)
    assert not (tmp_path / "out" / "plan.toml").exists()
    assert not list((tmp_path / "out").glob(".trial-*"))
    monkeypatch.setattr(tuning_loop, "run_trial", run_trial)
    assert untimed(tune(plan, out=tmp_path / "out", config=SMALL, cache=cache)) == untimed(found)


def test_a_finished_search_is_not_made_again(
    plan: Plan, cache: Path, folder: Path, found: Tuning, tmp_path: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "tuning.html").unlink()
    assert tune(plan, out=copy, config=SMALL, cache=cache) == found
    assert (copy / "tuning.html").read_bytes() == (folder / "tuning.html").read_bytes()


def test_another_plan_other_parts_and_a_runs_folder_are_refused(
    plan: Plan, cache: Path, folder: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    for other, config in (
        (changed(plan, ["training.batch_size=5"]), SMALL),
        (plan, SMALL.model_copy(update={"folds": 3})),
    ):
        with pytest.raises(MedTransferError) as raised:
            tune(other, out=copy, config=config, cache=cache)
        assert raised.value.code == "OtherPlan"
    (copy / STUDY).unlink()
    with pytest.raises(MedTransferError) as raised:
        tune(plan, out=copy, config=SMALL, cache=cache)
    assert raised.value.code == "RunExists"


def test_hopeless_and_broken_settings_do_not_end_the_search(plan: Plan, cache: Path, tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"search": (f"{RATE}=1e-3,30,1e30",), "folds": 3, "prune": True, "startup": 1})
    plan = changed(plan, ["objective.trade_off=inf", "objective.features={}", "training.optimiser=sgd"])
    found = tune(plan, out=tmp_path / "out", config=config, cache=cache)
    by_rate: dict[Setting, Trial] = {trial.settings[RATE]: trial for trial in found.trials}
    assert [by_rate[rate].state for rate in (1e-3, 30, 1e30)] == ["complete", "pruned", "failed"]
    assert len(by_rate[30].fold_losses) == 2
    assert "not finite" in by_rate[1e30].reason
    assert found.chosen == found.best == found.own == by_rate[1e-3].number
    for name in ("tuning.json", "trials.csv", "tuning.html"):  # open to whoever may read the folder
        assert ".png" not in (tmp_path / "out" / name).read_text(encoding="utf-8")


def test_when_training_breaks_down_with_every_setting(plan: Plan, cache: Path, tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"search": (f"{RATE}=1e29,1e30",)})
    plan = changed(plan, ["objective.trade_off=inf", "objective.features={}", "training.optimiser=sgd"])
    with pytest.raises(MedTransferError) as raised:
        tune(plan, out=tmp_path / "out", config=config, cache=cache)
    assert raised.value.code == "NoTrial"
    assert raised.value.exit_code == 1
    assert not (tmp_path / "out" / "plan.toml").exists()


def test_without_optuna_it_says_what_to_install(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MedTransferError) as raised:
        tune(plan, out=tmp_path / "out", config=SMALL)
    assert raised.value.code == "NotInstalled"
    assert "medtransfer[tune]" in str(raised.value)
    assert not (tmp_path / "out").exists()
    assert search_space(plan)  # what needs no trial needs no Optuna


def test_fewer_patients_than_parts(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(MedTransferError) as raised:
        tune(plan, out=tmp_path / "out", config=SMALL.model_copy(update={"folds": 20}))
    assert raised.value.code == "TooFewPatients"

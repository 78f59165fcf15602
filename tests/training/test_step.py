from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import QUICK, Hospitals

import medtransfer as mt
from medtransfer.core.config.data import AugmentConfig
from medtransfer.core.config.models import ModelConfig
from medtransfer.core.config.plan import Plan
from medtransfer.core.config.training import TrainingConfig
from medtransfer.core.config.transfer import ObjectiveConfig
from medtransfer.core.errors import TrainingError
from medtransfer.core.types import UNKNOWN
from medtransfer.data.bags import HeldPlanes
from medtransfer.data.dataset import StudyBatch, StudySet
from medtransfer.data.places import View
from medtransfer.models.assemble import new_classifier
from medtransfer.models.classifier import Classifier, Question
from medtransfer.training import adapt as adapt_module
from medtransfer.training import step as step_module
from medtransfer.training.fit import Fitted, fit, validation_log_loss, validation_logits
from medtransfer.training.imbalance import imbalance_of, without_offset
from medtransfer.training.loop import FitData, Loop, prepare_loop
from medtransfer.training.optimiser import schedule
from medtransfer.training.precision import Arithmetic, choose_arithmetic
from medtransfer.training.step import train_step
from medtransfer.transfer.build import build_objective
from medtransfer.transfer.types import Domain, Step, Term, TransferData


def pictures(n: int = 12, seed: int = 0) -> StudySet:
    generator = np.random.default_rng(seed)
    labels = np.arange(n, dtype=np.int64) % 2
    values = generator.integers(0, 30_000, (n, 1, 32, 32), dtype=np.uint16)
    values[labels == 1, :, 8:24, 8:24] += 30_000
    return StudySet.of_pictures(
        values, labels=labels, patients=np.arange(n), names=tuple(f"case {i}" for i in range(n))
    )


def loop_of(plan: Plan) -> Loop:
    model = new_classifier(plan.model, question=Question("multiclass", 2), seed=plan.seed)
    target, source = pictures(), pictures(16, seed=1)
    data = FitData(target=target, sources={"source": source})
    objective = build_objective(
        plan.objective, model=model, start=None, data=TransferData(target=target, sources={"source": source})
    )
    return prepare_loop(model, objective, data, plan, None)[0]


def changed(plan: Plan, **training: object) -> Plan:
    return plan.model_copy(update={"training": plan.training.model_copy(update=training)})


def test_measuring_gradient_norms_changes_no_gradient(quick_plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Term by term or at once: the same ∂J/∂θ, and norms that add up as vectors must."""
    gradients = {}
    for measure in (True, False):
        loop = loop_of(quick_plan)
        torch.manual_seed(0)
        parts = step_module._domains(loop, 0)
        terms = loop.objective({"source": parts["source"].domain}, parts["target"].domain)
        norms = step_module._backward(loop, terms) if measure else step_module._backward_at_once(loop, terms)
        gradients[measure] = torch.cat([p.grad.flatten() for p in loop.model.parameters() if p.grad is not None])
        if measure:
            assert set(norms) == {"L_S", "L_T", "coral"}
            assert gradients[True].norm() <= sum(terms[name].weight * norms[name] for name in norms) * (1 + 1e-5)
    torch.testing.assert_close(gradients[True], gradients[False], rtol=1e-4, atol=1e-7)


def test_what_a_term_teaches_itself_is_no_gradient_for_the_network(quick_plan: Plan) -> None:
    """While the stages are frozen the discriminator learns to tell the domains, and nobody listens to it."""
    plan = quick_plan.model_copy(
        update={
            "objective": ObjectiveConfig(trade_off=1.0, features={"dann": {}}),
            "policy": quick_plan.policy.model_copy(update={"name": "lp_ft", "settings": {"head_epochs": 1.0}}),
        }
    )
    loop = loop_of(plan)
    discriminator = loop.objective.features["source"]["dann"]
    (own,) = (group for group in loop.optimiser.param_groups if group["name"] == "terms")
    assert (len(own["params"]), own["weight_decay"]) == (len([*discriminator.parameters()]), 0.0)
    before = [parameter.detach().clone() for parameter in discriminator.parameters()]
    norms = [found for step in range(2 * loop.steps_per_epoch) if (found := train_step(loop, step)[1]) is not None]
    assert not all(torch.equal(now, then) for now, then in zip(discriminator.parameters(), before, strict=True))
    assert [(norm["L_T"] > 0, norm["dann"] > 0) for norm in norms] == [(True, False), (True, True)]


def test_of_a_proximal_term_the_displacement_over_the_rates_is_what_is_seen(quick_plan: Plan) -> None:
    """Under plain SGD the step towards 0 leaves θ = θ½/(1 + ηα), so that |θ½ − θ|/η = α·|θ|, whatever the rates."""
    plan = changed(quick_plan, optimiser="sgd", momentum=0.0, clip_norm=float("inf"))
    plan = plan.model_copy(
        update={
            "objective": ObjectiveConfig(trade_off=3.0, parameters={"l2": {"strength": 2.0}}),
            "policy": quick_plan.policy.model_copy(update={"name": "full", "settings": {"backbone": 0.1}}),
        }
    )
    loop = loop_of(plan)
    *_, norms = (train_step(loop, step)[1] for step in range(loop.steps_per_epoch))
    assert norms is not None
    held = torch.cat([p.detach().double().flatten() for p in loop.model.parameters() if p.ndim > 1])
    assert norms["l2"] == pytest.approx(2.0 / (1 + 3) * float(held.norm()), rel=1e-2)


def test_lambda_0_is_training_on_the_source_alone_to_the_last_bit(quick_plan: Plan) -> None:
    """Beside a target of other pictures; against the source as the target of a run without any source."""
    objective = ObjectiveConfig(trade_off=0.0)
    plan = quick_plan.model_copy(
        update={"objective": objective, "model": ModelConfig(backbone="mobilenet_v2", weights="none")}
    )
    beside = loop_of(plan)
    alone = loop_of(plan.model_copy(update={"objective": objective.model_copy(update={"trade_off": float("inf")})}))
    source = beside.data.sources["source"]
    alone.data, alone.labelled = FitData(target=source), np.arange(len(source))
    alone.target_order, alone.steps = beside.source_orders["source"], beside.steps
    alone.steps_per_epoch = beside.steps_per_epoch
    for step in range(2 * beside.steps_per_epoch):
        terms = [train_step(loop, step)[0] for loop in (beside, alone)]
        assert [{*named} for named in terms] == [{"L_S"}, {"L_T"}]
    ours, theirs = beside.model.state_dict(), alone.model.state_dict()
    assert any("running_mean" in key for key in ours)
    assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []


def test_random_draws_differ_from_step_to_step_and_are_the_same_in_every_run(quick_plan: Plan) -> None:
    seeds = []
    for _ in range(2):
        loop = loop_of(quick_plan)
        for step in range(3):
            train_step(loop, step)
            seeds.append(torch.initial_seed())
    assert len({*seeds[:3]}) == 3
    assert seeds[:3] == seeds[3:]


def test_cases_without_a_label_count_in_feature_terms_and_not_in_the_targets_risk(quick_plan: Plan) -> None:
    objective = ObjectiveConfig(trade_off=1.0, features={"coral": {}})
    plan = quick_plan.model_copy(update={"objective": objective})
    model = new_classifier(plan.model, question=Question("multiclass", 2), seed=0)
    source, labels = pictures(16, seed=1), pictures(24).labels.copy()
    labels[::3] = UNKNOWN
    target = replace(pictures(24), labels=labels)
    domains = TransferData(target=target, sources={"source": source})
    built = build_objective(objective, model=model, start=None, data=domains)
    loop, _ = prepare_loop(model, built, FitData(target=target, sources={"source": source}), plan, None)
    parts = step_module._domains(loop, 0)
    known = labels[parts["target"].cases] != UNKNOWN
    assert (known.sum(), (~known).sum()) == (4, 4), "a batch of each"
    terms = loop.objective({"source": parts["source"].domain}, parts["target"].domain)
    ours, theirs = (parts[name].domain.features["pooled"].detach().double() for name in ("source", "target"))
    apart = torch.from_numpy(np.cov(ours.numpy().T) - np.cov(theirs.numpy().T))
    assert float(terms["coral"].value.detach()) == pytest.approx(float(apart.square().sum()) / (4 * ours.shape[1] ** 2))
    logits, truth = parts["target"].domain.logits[known], torch.from_numpy(labels[parts["target"].cases][known])
    torch.testing.assert_close(terms["L_T"].value, torch.nn.functional.cross_entropy(logits, truth))


def test_every_term_is_logged_at_every_step_and_its_gradient_once_an_epoch(quick_run: Path) -> None:
    with (quick_run / "terms.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    steps = sorted({int(row["step"]) for row in rows})
    assert steps == list(range(steps[-1] + 1))
    for term in ("L_S", "L_T", "coral"):
        of_term = [row for row in rows if row["term"] == term]
        assert [int(row["step"]) for row in of_term] == steps
        for epoch in {row["epoch"] for row in of_term}:
            assert sum(row["gradient_norm"] != "" for row in of_term if row["epoch"] == epoch) == 1
    assert list((quick_run / "tensorboard").glob("events.*"))


def test_frozen_stages_do_not_move_and_neither_do_their_batch_statistics(quick_plan: Plan) -> None:
    plan = quick_plan.model_copy(
        update={
            "policy": quick_plan.policy.model_copy(update={"name": "head"}),
            "model": quick_plan.model.model_copy(update={"backbone": "resnet18"}),
        }
    )
    loop = loop_of(plan)
    before = {key: value.clone() for key, value in loop.model.state_dict().items()}
    for step in range(3):
        train_step(loop, step)
    moved = {key for key, value in loop.model.state_dict().items() if not torch.equal(value, before[key])}
    assert moved == {"heads.head.weight", "heads.head.bias"}


def test_lp_ft_moves_the_stages_once_the_head_has_had_its_epochs(quick_plan: Plan) -> None:
    policy = quick_plan.policy.model_copy(update={"name": "lp_ft", "settings": {"head_epochs": 1.0}})
    loop = loop_of(quick_plan.model_copy(update={"policy": policy}))
    start = {key: value.clone() for key, value in loop.model.backbone.state_dict().items()}
    for step in range(loop.steps_per_epoch):
        train_step(loop, step)
    assert all(torch.equal(value, start[key]) for key, value in loop.model.backbone.state_dict().items())
    train_step(loop, loop.steps_per_epoch)
    assert any(not torch.equal(value, start[key]) for key, value in loop.model.backbone.state_dict().items())


def test_weight_decay_leaves_vectors_and_anchored_parameters_alone(quick_plan: Plan) -> None:
    loop = loop_of(quick_plan)
    for group in loop.optimiser.param_groups:
        for parameter in group["params"]:
            assert (group["weight_decay"] > 0) == (parameter.ndim > 1)
    held = sum(len(group["params"]) for group in loop.optimiser.param_groups)
    assert held == len(list(loop.model.parameters()))


def test_schedule_rises_then_falls_to_nearly_nothing() -> None:
    shares = [schedule(step, 200, warm_up=0.1) for step in range(200)]
    assert shares.index(max(shares)) in {19, 20}
    assert max(shares) == pytest.approx(1)
    assert shares[:20] == sorted(shares[:20])
    assert shares[20:] == sorted(shares[20:], reverse=True)
    assert 0 <= shares[-1] < 0.01


def test_clipping_bounds_the_gradient(quick_plan: Plan) -> None:
    loop = loop_of(changed(quick_plan, clip_norm=1e-3))
    train_step(loop, 0)
    gradients = [p.grad.square().sum() for p in loop.model.parameters() if p.grad is not None]
    assert float(torch.stack(gradients).sum().sqrt()) <= 1e-3 * (1 + 1e-4)


def test_validation_chooses_the_best_epoch_and_stops_early(quick_plan: Plan, tmp_path: Path) -> None:
    plan = changed(quick_plan, epochs=30, patience=2, min_validation_events=3, learning_rate=0.03)
    model = new_classifier(plan.model, question=Question("multiclass", 2), seed=0)
    data = FitData(target=pictures(), validation=pictures(8, seed=5), sources={"source": pictures(16, seed=1)})
    transfer = TransferData(target=data.target, sources=data.sources)
    objective = build_objective(plan.objective, model=model, start=None, data=transfer)
    fitted = fit(model, objective, data, plan, folder=tmp_path)
    losses = [row.validation_log_loss for row in fitted.state.history]
    assert None not in losses
    assert fitted.state.best_epoch == int(np.argmin(np.array(losses, dtype=float)))
    if fitted.state.stopped_early:
        assert fitted.state.epochs_since_best == 2
    model.load_state_dict({key: torch.from_numpy(value) for key, value in fitted.tensors.items()})
    assert log_loss(model, pictures(8, seed=5)) == pytest.approx(fitted.state.best_loss, rel=1e-5)


def test_few_validation_events_keep_the_last_epoch(quick_plan: Plan, tmp_path: Path) -> None:
    model = new_classifier(quick_plan.model, question=Question("multiclass", 2), seed=0)
    data = FitData(target=pictures(), validation=pictures(8, seed=5), sources={"source": pictures(16, seed=1)})
    transfer = TransferData(target=data.target, sources=data.sources)
    objective = build_objective(quick_plan.objective, model=model, start=None, data=transfer)
    fitted = fit(model, objective, data, quick_plan, folder=tmp_path)
    assert fitted.state.best_epoch is None
    assert not fitted.state.stopped_early
    last = model.state_dict()
    assert all(np.array_equal(value, last[key].numpy()) for key, value in fitted.tensors.items())


def test_the_caller_gets_its_torch_settings_back(quick_run: Path) -> None:
    assert quick_run.exists()
    assert not torch.are_deterministic_algorithms_enabled()


def test_arithmetic_that_is_named_is_not_timed(monkeypatch: pytest.MonkeyPatch, quick_plan: Plan) -> None:
    def timed(*_: object) -> float:
        pytest.fail("timed although there is no choice")

    monkeypatch.setattr("medtransfer.training.precision._step_time", timed)
    config = TrainingConfig(precision="bf16", memory_format="channels_last")
    model = new_classifier(quick_plan.model, question=Question("multiclass", 2), seed=0)
    batch, labels = pictures().batch(np.arange(4))
    chosen = choose_arithmetic(model, batch, labels, config, torch.device("cpu"))
    assert (chosen.precision, chosen.memory_format) == ("bf16", "channels_last")


def test_the_timed_choice_is_the_fastest_and_bf16_must_earn_it(
    monkeypatch: pytest.MonkeyPatch, quick_plan: Plan
) -> None:
    model = new_classifier(quick_plan.model, question=Question("multiclass", 2), seed=0)
    batch, labels = pictures().batch(np.arange(4))
    for bf16, expected in ((0.95, "fp32"), (0.5, "bf16")):
        monkeypatch.setattr(
            "medtransfer.training.precision._step_time",
            lambda _m, c, *_, bf16=bf16: (bf16 if c.precision == "bf16" else 1.0) + (c.memory_format == "contiguous"),
        )
        chosen = choose_arithmetic(model, batch, labels, TrainingConfig(), torch.device("cpu"))
        assert (chosen.precision, chosen.memory_format) == (expected, "channels_last")


@pytest.mark.parametrize("imbalance", ["none", "weighted", "balanced", "logit_adjustment"])
def test_what_imbalance_settings_shift_is_undone(quick_plan: Plan, tmp_path: Path, imbalance: str) -> None:
    """Equal pictures leave nothing to learn but the prevalence; it must come out as it is, one in five."""
    labels = np.repeat([0, 1], [32, 8]).astype(np.int64)
    equal = StudySet.of_pictures(
        np.full((40, 1, 32, 32), 20_000, dtype=np.uint16),
        labels=labels,
        patients=np.arange(40),
        names=tuple(str(i) for i in range(40)),
    )
    plan = changed(quick_plan, epochs=60, batch_size=40, learning_rate=0.05, imbalance=imbalance, weight_decay=0.0)
    plan = plan.model_copy(
        update={
            "objective": ObjectiveConfig(trade_off=float("inf")),
            "augment": AugmentConfig(rotation=0, scale=0, shift=0, brightness=0, contrast=0),
            "policy": quick_plan.policy.model_copy(update={"name": "head"}),
        }
    )
    asked = imbalance_of(plan.training, labels, 2, "multiclass")
    model = new_classifier(plan.model, question=Question("multiclass", 2), seed=0)
    data = FitData(target=equal, target_sampling=asked.draw(labels))
    objective = build_objective(
        plan.objective,
        model=model,
        start=None,
        data=TransferData(target=equal),
        risk=asked.risk,
    )
    fitted = fit(model, objective, data, plan, folder=tmp_path)
    model.load_state_dict({key: torch.from_numpy(value) for key, value in fitted.tensors.items()})
    with torch.no_grad():
        logits = model.eval()(equal.batch(np.arange(1))[0]).logits[0].numpy()
    shift = 0.0 if asked.offset is None else asked.offset
    share = np.exp(logits - shift) / np.exp(logits - shift).sum()
    assert share[1] == pytest.approx(0.2, abs=0.04)
    if imbalance != "none":
        assert np.exp(logits)[1] / np.exp(logits).sum() == pytest.approx(0.5, abs=0.1), "shifted before"
        bias = fitted.tensors["heads.head.bias"]
        assert asked.offset is not None
        np.testing.assert_allclose(without_offset(bias, asked.offset), bias - shift, rtol=1e-6)


def test_a_whole_fit_takes_the_shift_off(hospitals: Hospitals, tmp_path: Path) -> None:
    """The bundle's head differs from the trained one by the offset alone."""
    plan = mt.plan(
        mt.read_cohort(hospitals.target), backbone="squeezenet1_1", changes=(*QUICK, "training.imbalance=weighted")
    )
    seen: list[np.ndarray] = []
    train = adapt_module.fit

    def spied(*arguments: object, **settings: object) -> Fitted:
        fitted = train(*arguments, **settings)  # pyright: ignore[reportArgumentType]
        seen.append(fitted.tensors["heads.head.bias"].copy())
        return fitted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adapt_module, "fit", spied)
        bundle = mt.fit(plan, out=tmp_path / "run")
    kept = bundle.tensors(bundle.manifest.members[0])["heads.head.bias"]
    counts = np.array(list(bundle.manifest.training.studies["target"].values()))
    np.testing.assert_allclose(seen[0] - kept, np.log(counts.sum() / (2 * counts)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_clipping_leaves_the_balance_of_loss_and_anchor(quick_plan: Plan, optimiser: str) -> None:
    """With the gradient cut to a share, the proximal pull is cut to the same share."""
    loop = loop_of(changed(quick_plan, clip_norm=1e-2, optimiser=optimiser))
    shares: list[float] = []

    class Anchor(Term):
        proximal = True

        def loss(self, step: Step) -> torch.Tensor:
            return torch.zeros(())

        def post_step(self, optimiser: torch.optim.Optimizer, *, strength: float) -> None:
            shares.append(strength)

    loop.objective.parameter_terms["anchor"] = Anchor()
    loop.objective.strengths["anchor"] = 2.0
    train_step(loop, 0)
    assert 0 < shares[0] < 1.0  # ω / (1 + λ) = 1 without clipping


def test_a_bad_case_of_the_source_is_named_first(quick_plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = loop_of(quick_plan)
    draw = step_module._forward
    named: list[str] = []

    def spoilt(loop: Loop, step: int, pictures: StudySet, cases: np.ndarray, epoch: int, **said: Any) -> Domain:
        domain = draw(loop, step, pictures, cases, epoch, **said)
        if said["name"] == "source":
            named.append(pictures.names[int(cases[1])])
            spoil = torch.zeros_like(domain.logits)
            spoil[1] = float("nan")
            return Domain(features=domain.features, logits=domain.logits + spoil, labels=domain.labels)
        return domain

    monkeypatch.setattr(step_module, "_forward", spoilt)
    with pytest.raises(mt.MedTransferError) as raised:
        train_step(loop, 0)
    assert raised.value.code == "NotFinite"
    assert f"the batch was: {named[0]}," in raised.value.message


def test_a_validation_loss_that_is_not_finite_is_an_error(quick_plan: Plan) -> None:
    loop = loop_of(quick_plan)
    with torch.no_grad():
        loop.model.heads["head"].get_parameter("bias").fill_(float("nan"))
    with pytest.raises(mt.MedTransferError) as raised:
        validation_log_loss(loop, pictures(8))
    assert raised.value.code == "NotFinite"


def test_validation_counts_studies_not_images(quick_plan: Plan) -> None:
    """Two equal images of one study are one study: they are pooled, and the study counts once."""
    loop = loop_of(quick_plan)
    single = pictures(8)
    doubled = replace(single, rows=tuple((index, index) for (index,) in single.rows))
    assert validation_log_loss(loop, doubled) == pytest.approx(validation_log_loss(loop, single), rel=1e-5)


def test_validation_judges_what_is_kept_without_the_shift_of_the_imbalance_settings(quick_plan: Plan) -> None:
    loop, offset = loop_of(quick_plan), np.array([0.7, -1.1])
    plain = validation_logits(loop, pictures(8))
    loop.data = replace(loop.data, log_offset=offset)
    torch.testing.assert_close(validation_logits(loop, pictures(8)), plain - torch.from_numpy(offset))


def log_loss(model: Classifier, cases: StudySet) -> float:
    model.eval()
    batch, labels = cases.batch(np.arange(len(cases)))
    with torch.no_grad():
        return float(torch.nn.functional.cross_entropy(model(batch).logits, labels))


@pytest.mark.parametrize("failing", ["_backward_at_once", "_clip"])
def test_a_shortage_after_the_forward_pass_names_the_larger_batch(
    quick_plan: Plan, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    loop = loop_of(quick_plan)

    def short(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(step_module, failing, short)
    with pytest.raises(TrainingError) as caught:
        train_step(loop, 0)
    assert caught.value.code == "OutOfMemory"
    assert "4 planes" in caught.value.message
    assert "model.chunk=2" in (caught.value.hint or "")


def test_balanced_sampling_needs_no_source_that_is_left_out(hospitals: Hospitals, tmp_path: Path) -> None:
    """The source asks the same question, and λ = inf does not look at it."""
    plan = mt.plan(
        mt.read_cohort(hospitals.target),
        source=mt.read_cohort(hospitals.source),
        backbone="squeezenet1_1",
        changes=(*QUICK, "training.imbalance=balanced", "objective.trade_off=inf"),
    )
    assert plan.same_question("source")
    assert "source" not in mt.fit(plan, out=tmp_path / "run").manifest.training.studies


@pytest.mark.parametrize("chunk", [1, 4, 40, 100])
def test_networks_for_volumes_are_timed_on_whole_volumes_in_their_own_memory_formats(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of 29 planes is the shortest that this network takes."""
    config = ModelConfig(backbone="densenet121_3d", in_channels=1, chunk=chunk)
    model = new_classifier(config, question=Question("multiclass", 2), seed=0)
    planes = np.zeros((29, 1, 32, 32), dtype=np.uint16)
    studies = StudySet(
        arrays=HeldPlanes([planes] * 3, [(View("axial", 29),)] * 3),
        rows=((0,), (1,), (2,)),
        labels=np.array([0, 1, 0]),
        patients=np.arange(3),
        names=("a", "b", "c"),
    )
    seen = []

    def timed(model: Classifier, candidate: Arithmetic, batch: StudyBatch, *_: object) -> float:
        candidate.place(model)
        assert candidate.precision == "fp32", "on CPUs, bf16 in 3-D is not to be trusted"
        seen.append((len(batch), np.diff(batch.layout.starts).tolist()))
        return 1.0

    monkeypatch.setattr("medtransfer.training.precision._step_time", timed)
    batch, labels = studies.batch(np.arange(3))
    choose_arithmetic(model, batch, labels, TrainingConfig(), torch.device("cpu"))
    count = min(3, max(1, chunk // 29))
    assert seen == [(count, [29] * count)] * 2
    assert model.backbone.network.get_parameter("features.conv0.weight").is_contiguous(
        memory_format=torch.channels_last_3d
    )

"""J is the formula for every λ, and what a term lacks is said before training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from medtransfer.core.config.transfer import ObjectiveConfig
from medtransfer.core.errors import CatalogueError, ConfigError, ObjectiveError
from medtransfer.models.classifier import Classifier, Question
from medtransfer.models.pooling import transformer
from medtransfer.models.weights.load import Loaded
from medtransfer.models.weights.sidecar import InputSpec
from medtransfer.transfer.build import build_objective, weigh_source
from medtransfer.transfer.features import coral
from medtransfer.transfer.objective import SOURCE_LOSS, TARGET_LOSS, Objective, TermValue, TradeOff, total
from medtransfer.transfer.parameters._anchor import Anchor, Anchored
from medtransfer.transfer.risk import Risk
from medtransfer.transfer.types import POOLED, Domain, Sample, Step, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from medtransfer.core.types import Task
    from medtransfer.transfer.types import TransferData

LAMBDAS = [0.0, 0.1, 1.0, 10.0, math.inf]


class Parabola(Term):
    """½·(x − 2)², in the gradient."""

    def __init__(self, at: torch.Tensor) -> None:
        super().__init__()
        self.at = at

    def loss(self, step: Step) -> torch.Tensor:
        del step
        return 0.5 * (self.at - 2).square().sum()


def _objective(
    trade_off: float,
    *,
    features: Mapping[str, nn.Module] | None = None,
    risk: Risk | None = None,
    start: float | None = None,
    ramp: float = 0.5,
    **changes: Any,
) -> Objective:
    """One source, which asks the target's question."""
    risk = risk or Risk("multiclass")
    return Objective(
        trade_off=TradeOff(end=trade_off, start=start, ramp=ramp),
        target_risk=risk,
        source_risks={"source": risk},
        features={"source": features or {}},
        **changes,
    )


def _terms(
    objective: Objective,
    source: Domain | None,
    target: Domain | None,
    weights: torch.Tensor | None = None,
    *,
    share: float = 0.0,
) -> dict[str, TermValue]:
    return objective(
        {} if source is None else {"source": source},
        target,
        None if weights is None else {"source": weights},
        share=share,
    )


def _domain(n: int, *, classes: int = 2, seed: int = 0, labelled: bool = True) -> Domain:
    generator = torch.Generator().manual_seed(seed)
    return Domain(
        features={POOLED: torch.randn(n, 5, generator=generator)},
        logits=torch.randn(n, classes, generator=generator).requires_grad_(),
        labels=torch.randint(0, classes, (n,), generator=generator) if labelled else None,
    )


def _cross_entropy(domain: Domain) -> torch.Tensor:
    assert domain.labels is not None
    return functional.cross_entropy(domain.logits, domain.labels)


# The formula


@pytest.mark.parametrize(
    ("trade_off", "source", "target", "omega"),
    [
        (0.0, 1.0, 0.0, 0.3),
        (0.1, 1 / 1.1, 0.1 / 1.1, 0.3 / 1.1),
        (1.0, 0.5, 0.5, 0.15),
        (10.0, 1 / 11, 10 / 11, 0.3 / 11),
    ],
)
def test_weights_are_the_formulas_divided_by_one_plus_lambda(
    trade_off: float, source: float, target: float, omega: float
) -> None:
    objective = _objective(trade_off, strengths={"term": 0.3})
    assert objective.weight(SOURCE_LOSS) == pytest.approx(source)
    assert objective.weight(TARGET_LOSS) == pytest.approx(target)
    assert objective.weight("term") == pytest.approx(omega)


def test_target_only_weighs_the_target_with_one_and_a_term_with_its_strength() -> None:
    objective = _objective(math.inf, strengths={"term": 0.3})
    assert objective.weight(TARGET_LOSS) == 1
    assert objective.weight("term") == 0.3


@pytest.mark.parametrize("trade_off", LAMBDAS)
def test_the_minimiser_is_the_formulas(trade_off: float) -> None:
    """On parabolas: L_S = (x − 1)², L_T = 2(x + 3)², Ω = ½(x − 2)² with ω = 0.7; one Newton step is exact."""
    at = torch.zeros((), dtype=torch.float64, requires_grad=True)
    objective = _objective(trade_off, parameter_terms={"anchor": Parabola(at)}, strengths={"anchor": 0.7})
    terms = {
        TARGET_LOSS: TermValue(2 * (at + 3).square(), objective.weight(TARGET_LOSS)),
        **_terms(objective, None, None),
    }
    if objective.needs_source:
        terms[SOURCE_LOSS] = TermValue((at - 1).square(), objective.weight(SOURCE_LOSS))
    (slope,) = torch.autograd.grad(total(terms), at, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, at)
    found = float((at - slope / curvature).detach())
    if math.isinf(trade_off):
        expected = (4 * -3 + 0.7 * 2) / (4 + 0.7)
    else:
        expected = (2 * 1 + trade_off * 4 * -3 + 0.7 * 2) / (2 + trade_off * 4 + 0.7)
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("trade_off", LAMBDAS)
def test_a_proximal_term_leads_to_the_same_minimiser(trade_off: float) -> None:
    """The effective strength is ω / (1 + λ), as in the gradient: the same parabolas, Ω by L2-SP."""
    at = torch.nn.Parameter(torch.full((1,), 2.0, dtype=torch.float64))
    anchor = Anchored({"at": Anchor(at, at.detach().clone(), 1.0)})
    objective = _objective(trade_off, parameter_terms={"anchor": anchor}, strengths={"anchor": 0.7})
    optimiser = torch.optim.SGD([at], lr=0.05, momentum=0.5)
    for _ in range(600):
        terms = {TARGET_LOSS: TermValue(2 * (at + 3).square().sum(), objective.weight(TARGET_LOSS))}
        if objective.needs_source:
            terms[SOURCE_LOSS] = TermValue((at - 1).square().sum(), objective.weight(SOURCE_LOSS))
        optimiser.zero_grad()
        total(terms | _terms(objective, None, None, None)).backward()
        optimiser.step()
        objective.post_step(optimiser)
    if math.isinf(trade_off):
        expected = (4 * -3 + 0.7 * 2) / (4 + 0.7)
    else:
        expected = (2 * 1 + trade_off * 4 * -3 + 0.7 * 2) / (2 + trade_off * 4 + 0.7)
    assert at.item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("trade_off", LAMBDAS)
def test_the_total_is_the_weighted_sum_of_what_is_shown(trade_off: float) -> None:
    coral = build_coral()
    source, target = _domain(6), _domain(5, seed=1)
    features = {} if math.isinf(trade_off) else {"coral": coral}
    objective = _objective(trade_off, features=features, strengths={"coral": 0.5})
    terms = _terms(objective, source, target, None)
    scale = 1.0 if math.isinf(trade_off) else 1 + trade_off
    expected = torch.zeros(())
    if not math.isinf(trade_off):
        expected += _cross_entropy(source) + 0.5 * coral(source, target)
    if trade_off > 0:
        share = 1.0 if math.isinf(trade_off) else trade_off
        expected += share * _cross_entropy(target)
    torch.testing.assert_close(total(terms), expected / scale)
    assert (SOURCE_LOSS in terms) == (not math.isinf(trade_off))
    assert (TARGET_LOSS in terms) == (trade_off > 0)
    assert objective.needs_source == (not math.isinf(trade_off))
    assert objective.needs_target == (trade_off > 0 or bool(features))


def build_coral() -> torch.nn.Module:
    from medtransfer.transfer.features.coral import build

    return build(5, 2)


def test_target_only_works_without_a_source_and_ignores_one() -> None:
    objective = _objective(math.inf)
    source, target = _domain(6), _domain(5, seed=1)
    alone, beside = total(_terms(objective, None, target, None)), total(_terms(objective, source, target, None))
    assert torch.equal(alone, beside)
    beside.backward()
    assert source.logits.grad is None


def test_source_only_ignores_the_targets_labels() -> None:
    objective = _objective(0.0)
    target = _domain(5, seed=1)
    value = total(_terms(objective, _domain(6), target, None))
    value.backward()
    assert target.logits.grad is None
    assert torch.equal(value, total(_terms(objective, _domain(6), None, None)))


def test_an_unlabelled_target_still_aligns() -> None:
    objective = _objective(1.0, features={"coral": build_coral()}, strengths={"coral": 1.0})
    terms = _terms(objective, _domain(6), _domain(5, seed=1, labelled=False), None)
    assert set(terms) == {SOURCE_LOSS, "coral"}


def test_proximal_terms_are_shown_and_left_out_of_the_total() -> None:
    at = torch.nn.Parameter(torch.ones(3))
    term = Anchored({"at": Anchor(at, torch.zeros(3), 1.0)})
    objective = _objective(1.0, parameter_terms={"l2_sp": term}, strengths={"l2_sp": 0.4})
    terms = _terms(objective, _domain(6), _domain(5, seed=1), None)
    shown = terms["l2_sp"]
    assert (float(shown.value), shown.weight, shown.in_gradient) == (1.5, pytest.approx(0.2), False)
    assert not shown.value.requires_grad
    total(terms).backward()
    assert at.grad is None
    assert objective.anchored == {"at"}


# Weights of cases and classes


def test_uniform_weights_change_no_bit() -> None:
    objective = _objective(0.0)
    weighted = total(_terms(objective, _domain(6), None, torch.ones(6)))
    assert torch.equal(weighted, total(_terms(objective, _domain(6), None, None)))


def test_whole_weights_are_repeated_cases() -> None:
    """Mean weight 1 over all cases: weights 2, 1, 0, 1, 2, 0 are six cases, two of them twice."""
    weights = torch.tensor([2.0, 1.0, 0.0, 1.0, 2.0, 0.0])
    once = _domain(6)
    assert once.labels is not None
    repeats = weights.long()
    logits = once.logits.detach().repeat_interleave(repeats, dim=0).requires_grad_()
    twice = Domain(features={}, logits=logits, labels=once.labels.repeat_interleave(repeats))
    objective = _objective(0.5)
    weighted, repeated = total(_terms(objective, once, None, weights)), total(_terms(objective, twice, None, None))
    torch.testing.assert_close(weighted, repeated)
    weighted.backward()
    repeated.backward()
    assert once.logits.grad is not None
    assert logits.grad is not None
    summed = torch.zeros_like(once.logits).index_add(0, torch.arange(6).repeat_interleave(repeats), logits.grad)
    torch.testing.assert_close(once.logits.grad, summed)


def test_a_batchs_own_mean_weight_is_not_removed() -> None:
    objective = _objective(0.0)
    double = total(_terms(objective, _domain(6), None, torch.full((6,), 2.0)))
    torch.testing.assert_close(double, 2 * total(_terms(objective, _domain(6), None, None)))


def test_instance_weights_do_not_touch_the_target() -> None:
    objective = _objective(1.0)
    weights = torch.tensor([5.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    terms = _terms(objective, _domain(6), _domain(6, seed=1), weights)
    plain = _terms(objective, _domain(6), _domain(6, seed=1), None)
    assert torch.equal(terms[TARGET_LOSS].value, plain[TARGET_LOSS].value)
    assert not torch.equal(terms[SOURCE_LOSS].value, plain[SOURCE_LOSS].value)


def test_class_weights_multiply_each_cases_loss() -> None:
    weights = torch.tensor([0.5, 3.0])
    source, target = _domain(6), _domain(5, seed=1)
    terms = _terms(_objective(1.0, risk=Risk("multiclass", class_weights=weights.double().numpy())), source, target)
    for name, domain in ((SOURCE_LOSS, source), (TARGET_LOSS, target)):
        assert domain.labels is not None
        p = torch.softmax(domain.logits.detach().double(), dim=1).numpy()
        labels = domain.labels.numpy()
        by_hand = np.mean(weights.numpy()[labels] * -np.log(p[np.arange(len(labels)), labels]))
        assert terms[name].value.item() == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("source_classes", [2, 3])
def test_the_targets_class_weights_say_nothing_about_another_question(
    toy_model: Callable[..., Classifier],
    transfer_data: Callable[..., TransferData],
    source_classes: int,
) -> None:
    objective = build_objective(
        ObjectiveConfig(),
        model=toy_model(source_classes=source_classes),
        start=None,
        data=transfer_data(source=True),
        risk=Risk("multiclass", class_weights=np.array([0.5, 3.0])),
    )
    source, target = _domain(6, classes=source_classes), _domain(5, seed=1)
    terms = _terms(objective, source, target, None)
    expected = _cross_entropy(source)
    torch.testing.assert_close(terms[SOURCE_LOSS].value, expected)
    plain = _cross_entropy(target)
    assert not torch.allclose(terms[TARGET_LOSS].value, plain)


# What a term lacks is said at build time


@pytest.mark.parametrize(
    ("config", "source", "code"),
    [
        ({"trade_off": 1.0}, False, "NoSource"),
        ({"trade_off": 0.0}, False, "NoSource"),
        ({"trade_off": math.inf, "features": {"coral": {}}}, False, "NoSource"),
        ({"trade_off": math.inf, "instances": {"classifier_ratio": {}}}, False, "NoSource"),
        ({"trade_off": math.inf, "features": {"coral": {}}}, True, "ConflictingTerms"),
        ({"trade_off": math.inf, "instances": {"classifier_ratio": {}}}, True, "ConflictingTerms"),
        ({"trade_off": math.inf, "parameters": {"l2_sp": {}}}, False, "NoStart"),
    ],
)
def test_what_is_missing_is_refused_with_a_cure(
    toy_model: Callable[..., Classifier],
    transfer_data: Callable[..., TransferData],
    config: dict[str, Any],
    source: bool,
    code: str,
) -> None:
    with pytest.raises(ObjectiveError) as caught:
        build_objective(ObjectiveConfig(**config), model=toy_model(), start=None, data=transfer_data(source=source))
    assert caught.value.code == code
    assert caught.value.hint
    assert caught.value.path


def test_instance_weights_are_refused_where_the_questions_differ(
    toy_model: Callable[..., Classifier], transfer_data: Callable[..., TransferData]
) -> None:
    config = ObjectiveConfig(instances={"classifier_ratio": {}})
    with pytest.raises(ObjectiveError) as caught:
        build_objective(config, model=toy_model(source_classes=2), start=None, data=transfer_data(source=True))
    assert caught.value.code == "TwoQuestions"


@pytest.mark.parametrize(
    ("config", "error", "code"),
    [
        ({"features": {"corall": {}}}, CatalogueError, "UnknownEntry"),
        ({"parameters": {"l2_sp": {"hed": 1}}}, CatalogueError, "UnknownHyperparameter"),
        ({"parameters": {"l2_sp": {"strength": math.inf}}}, ConfigError, "BadStrength"),
        ({"parameters": {"l2_sp": {"strength": -1}}}, ConfigError, "BadStrength"),
        ({"parameters": {"l2_sp": {"strength": True}}}, ConfigError, "BadStrength"),
        ({"instances": {"classifier_ratio": {}, "other": {}}}, ConfigError, "ConflictingTerms"),
    ],
)
def test_a_config_that_names_what_is_not_there_is_refused(
    config: dict[str, Any], error: type[Exception], code: str
) -> None:
    with pytest.raises(error) as caught:
        ObjectiveConfig(**config)
    assert getattr(caught.value, "code", None) == code


def test_the_built_objective_has_the_configs_terms_and_strengths(
    toy_model: Callable[..., Classifier], transfer_data: Callable[..., TransferData]
) -> None:
    model = toy_model()
    config = ObjectiveConfig(
        trade_off=3.0,
        features={"coral": {"strength": 0.5}},
        parameters={"l2_sp": {"strength": 0.2, "head": 0.0}},
    )
    objective = build_objective(
        config, model=model, start=dict(model.named_parameters()), data=transfer_data(source=True)
    )
    terms = _terms(objective, _domain(6), _domain(5, seed=1), None)
    assert {name: term.weight for name, term in terms.items()} == pytest.approx(
        {SOURCE_LOSS: 0.25, TARGET_LOSS: 0.75, "coral": 0.125, "l2_sp": 0.05}
    )
    assert float(terms["l2_sp"].value) == 0, "head = 0 holds the stages alone, which have not moved"


def test_strength_zero_switches_a_term_off(
    toy_model: Callable[..., Classifier], transfer_data: Callable[..., TransferData]
) -> None:
    model = toy_model()
    config = ObjectiveConfig(features={"coral": {"strength": 0}}, parameters={"l2_sp": {"strength": 0}})
    objective = build_objective(
        config, model=model, start=dict(model.named_parameters()), data=transfer_data(source=True)
    )
    assert set(_terms(objective, _domain(6), _domain(5, seed=1), None)) == {SOURCE_LOSS, TARGET_LOSS}
    assert not objective.anchored


def test_the_source_is_weighed_only_where_asked_for() -> None:
    generator = np.random.default_rng(0)
    source, target = (Sample(features=generator.normal(size=(30, 3)), patients=np.arange(30)) for _ in range(2))
    assert weigh_source(ObjectiveConfig(), source, target) is None
    config = ObjectiveConfig(instances={"classifier_ratio": {"clip": 1.5, "folds": 3}})
    weights = weigh_source(config, source, target)
    assert weights is not None
    assert weights.values.shape == (30,)
    assert weights.values.max() <= 1.5 * (1 + 1e-9)


@pytest.mark.parametrize(("task", "classes"), [("multiclass", 2), ("multilabel", 4), ("ordinal", 3)])
def test_a_feature_term_is_told_the_pooled_length_and_the_number_of_classes(
    toy_model: Callable[..., Classifier],
    transfer_data: Callable[..., TransferData],
    monkeypatch: pytest.MonkeyPatch,
    task: Task,
    classes: int,
) -> None:
    """Not the encoder's length, and not the number of an ordinal head's cuts."""
    told = []
    monkeypatch.setattr(coral, "build", lambda *said, **_: told.append(said) or nn.Identity())
    backbone = toy_model().backbone
    model = Classifier(
        backbone,
        pooling=transformer.build(backbone.feature_dim, width=8, heads=2),
        question=Question(task, classes),
        weights=Loaded(spec=InputSpec()),
    )
    build_objective(ObjectiveConfig(features={"coral": {}}), model=model, start=None, data=transfer_data(source=True))
    assert told == [(8, classes)]


# Ramps, several sources


def test_the_targets_share_moves_along_a_line() -> None:
    objective = _objective(3.0, start=0.0, ramp=0.5, strengths={"term": 1.0})
    assert [objective.weight(TARGET_LOSS, share=s) for s in (0.0, 0.25, 0.5, 1.0)] == pytest.approx(
        [0, 0.375, 0.75, 0.75]
    )
    for share in (0.0, 0.1, 0.4, 0.9):
        source, target = (objective.weight(name, share=share) for name in (SOURCE_LOSS, TARGET_LOSS))
        assert source + target == pytest.approx(1)
        assert objective.weight("term", share=share) == pytest.approx(source), "ω / (1 + λ)"
    assert objective.needs_target


def test_a_strength_rises_from_0_along_its_ramp() -> None:
    objective = _objective(1.0, strengths={"term": 0.6}, ramps={"term": 0.5})
    assert [objective.weight("term", share=s) for s in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([0, 0.15, 0.3, 0.3])


def _two_sources(**changes: Any) -> Objective:
    risk = Risk("multiclass")
    return Objective(
        trade_off=TradeOff(end=1.0),
        target_risk=risk,
        source_risks={"north": risk, "south": risk},
        shares={"north": 3.0},
        **changes,
    )


def test_sources_are_added_up_by_their_shares() -> None:
    objective = _two_sources()
    north, south, target = _domain(6), _domain(4, seed=2), _domain(5, seed=1)
    terms = objective({"north": north, "south": south}, target)
    assert {name: term.weight for name, term in terms.items()} == pytest.approx(
        {"L_S:north": 0.375, "L_S:south": 0.125, "L_T": 0.5}
    )
    expected = 0.375 * _cross_entropy(north) + 0.125 * _cross_entropy(south) + 0.5 * _cross_entropy(target)
    torch.testing.assert_close(total(terms), expected)


def test_every_source_is_aligned_by_a_term_of_its_own() -> None:
    features = {name: {"coral": build_coral()} for name in ("north", "south")}
    objective = _two_sources(features=features, strengths={"coral": 2.0})
    domains = {"north": _domain(6), "south": _domain(4, seed=2)}
    target = _domain(5, seed=1, labelled=False)
    terms = objective(domains, target)
    assert {name for name in terms if name.startswith("coral")} == {"coral:north", "coral:south"}
    assert terms["coral:north"].weight == pytest.approx(0.75)
    for name, source in domains.items():
        torch.testing.assert_close(terms[f"coral:{name}"].value, build_coral()(source, target))


def test_a_term_that_needs_the_target_gets_it_even_at_lambda_0() -> None:
    class Needy(Parabola):
        needs_target = True

    at = torch.zeros((), requires_grad=True)
    assert not _objective(0.0, parameter_terms={"p": Parabola(at)}, strengths={"p": 1.0}).needs_target
    assert _objective(0.0, parameter_terms={"p": Needy(at)}, strengths={"p": 1.0}).needs_target


def test_two_proximal_terms_on_one_parameter_are_refused(
    toy_model: Callable[..., Classifier], transfer_data: Callable[..., TransferData]
) -> None:
    model = toy_model()
    config = ObjectiveConfig(trade_off=math.inf, parameters={"l2": {}, "l2_sp": {}})
    with pytest.raises(ObjectiveError) as caught:
        build_objective(config, model=model, start=dict(model.named_parameters()), data=transfer_data(source=False))
    assert caught.value.code == "ConflictingTerms"


@pytest.mark.parametrize(("source_classes", "fits"), [(None, True), (3, False)])
def test_terms_that_compare_classes_need_one_question(
    toy_model: Callable[..., Classifier],
    transfer_data: Callable[..., TransferData],
    source_classes: int | None,
    fits: bool,
) -> None:
    config = ObjectiveConfig(features={"cdan": {}})
    model, data = toy_model(source_classes=source_classes), transfer_data(source=True)
    if fits:
        assert build_objective(config, model=model, start=None, data=data).features
        return
    with pytest.raises(ObjectiveError) as caught:
        build_objective(config, model=model, start=None, data=data)
    assert caught.value.code == "TwoQuestions"


def test_a_stage_serves_features_of_its_own_length(
    toy_model: Callable[..., Classifier], transfer_data: Callable[..., TransferData]
) -> None:
    config = ObjectiveConfig(features={"dann": {"tap": "stem"}})
    model, data = toy_model(), transfer_data(source=True)
    objective = build_objective(config, model=model, start=None, data=data)
    assert objective.taps == ("stem",)
    output = model(data.target.batch(np.arange(3))[0], taps=objective.taps)
    domain = Domain(features={POOLED: output.features, **output.taps}, logits=output.logits, labels=None)
    assert _terms(objective, domain, domain)["dann"].value.isfinite()
    with pytest.raises(ObjectiveError) as caught:
        build_objective(ObjectiveConfig(features={"dann": {"tap": "stam"}}), model=model, start=None, data=data)
    assert caught.value.code == "UnknownTap"


@pytest.mark.parametrize("source", ["train", "items", "type"])
def test_sources_and_terms_may_be_called_as_a_modules_own_parts_are(source: str) -> None:
    """Terms of one's own are named by their module, dots and all; their parameters are the objective's."""
    features = {source: {"theirs.terms:build": nn.Linear(2, 1)}}
    objective = Objective(
        trade_off=TradeOff(end=1.0),
        target_risk=Risk("multiclass"),
        source_risks={source: Risk("multiclass")},
        features=features,
        strengths={"theirs.terms:build": 1.0},
    )
    assert objective.aligns
    assert len(list(objective.parameters())) == len(objective.state_dict()) == 2

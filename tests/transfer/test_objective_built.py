"""An objective as a config asks for it, and what it lacks said before training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from objectives import domain_of, terms_of
from torch import nn

from medtransfer.core.config.transfer import PARAMETERS, ObjectiveConfig
from medtransfer.core.errors import CatalogueError, ConfigError, ObjectiveError
from medtransfer.models.classifier import Classifier, Question
from medtransfer.models.pooling import transformer
from medtransfer.models.weights.load import Loaded
from medtransfer.models.weights.sidecar import InputSpec
from medtransfer.transfer.build import build_objective, check_objective, weigh_source
from medtransfer.transfer.features import coral
from medtransfer.transfer.objective import SOURCE_LOSS, TARGET_LOSS
from medtransfer.transfer.types import POOLED, Domain, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.core.types import Task
    from medtransfer.transfer.types import TransferData


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


@pytest.mark.parametrize("name", PARAMETERS.names())
def test_a_term_that_needs_a_start_can_say_so_before_there_are_cases(
    toy_model: Callable[..., Classifier], transfer_data: Callable[..., TransferData], name: str
) -> None:
    build = PARAMETERS.get(name)
    check = PARAMETERS.beside(build, "check_start")
    needs = _refused(lambda: build(toy_model(), None, transfer_data(source=False))) == "NoStart"
    assert (check is not None) is needs
    if check is not None:
        assert _refused(lambda: check(toy_model(), None)) == "NoStart"


def _refused(what: Callable[[], object]) -> str:
    """The code of the refusal; empty where there is none."""
    try:
        what()
    except ObjectiveError as error:
        return error.code
    return ""


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
        ({"parameters": {"l2_sp": {"head": "firm"}}}, CatalogueError, "BadValue"),
        ({"parameters": {"ewc": {"samples": 10.5}}}, CatalogueError, "BadValue"),
        ({"parameters": {"delta": {"attention": "no"}}}, CatalogueError, "BadValue"),
        ({"parameters": {"logit_distillation": {"temperature": "hot"}}}, CatalogueError, "BadValue"),
        ({"features": {"optimal_transport": {"marginal": True}}}, CatalogueError, "BadValue"),
        ({"instances": {"kmm": {"bound": "ten"}}}, CatalogueError, "BadValue"),
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
    terms = terms_of(objective, domain_of(6), domain_of(5, seed=1), None)
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
    assert set(terms_of(objective, domain_of(6), domain_of(5, seed=1), None)) == {SOURCE_LOSS, TARGET_LOSS}
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


def test_two_proximal_terms_on_one_parameter_are_refused(
    toy_model: Callable[..., Classifier], transfer_data: Callable[..., TransferData]
) -> None:
    model = toy_model()
    config = ObjectiveConfig(trade_off=math.inf, parameters={"l2": {}, "l2_sp": {}})
    with pytest.raises(ObjectiveError) as caught:
        build_objective(config, model=model, start=dict(model.named_parameters()), data=transfer_data(source=False))
    assert caught.value.code == "ConflictingTerms"


def test_terms_that_compare_classes_say_so_before_there_are_cases(toy_model: Callable[..., Classifier]) -> None:
    model = toy_model(source_classes=3)
    check_objective(ObjectiveConfig(features={"cdan": {"strength": 0}, "dann": {}}), model=model, sources=("source",))
    with pytest.raises(ObjectiveError) as caught:
        check_objective(ObjectiveConfig(features={"cdan": {}}), model=model, sources=("source",))
    assert (caught.value.code, caught.value.path) == ("TwoQuestions", "objective.features.cdan")


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
    assert terms_of(objective, domain, domain)["dann"].value.isfinite()
    with pytest.raises(ObjectiveError) as caught:
        build_objective(ObjectiveConfig(features={"dann": {"tap": "stam"}}), model=model, start=None, data=data)
    assert caught.value.code == "UnknownTap"

"""Each rule, its reason, and that whatever the user sets holds."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from tiny import write_hospital

from medtransfer.core.config.data import PreprocessConfig, ReadConfig, SplitConfig
from medtransfer.core.config.plan import Plan
from medtransfer.core.config.toml import read_toml, write_toml
from medtransfer.core.errors import CohortError, ConfigError
from medtransfer.data.cohort import Cohort, read_cohort
from medtransfer.data.convert import convert_cohort
from medtransfer.planning import plan as plan_module
from medtransfer.planning.plan import plan

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def cohort(tmp_path: Path) -> Callable[..., Cohort]:
    """A cohort of so many studies of each class, each its own patient; the files are never looked at."""

    def build(name: str = "here", *, positive: str | None = None, **per_class: int) -> Cohort:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        labels = [
            label for label, count in (per_class or {"normal": 60, "pneumonia": 60}).items() for _ in range(count)
        ]
        pd.DataFrame(
            {
                "path": [f"{i}.png" for i in range(len(labels))],
                "patient_id": [f"{name}{i}" for i in range(len(labels))],
                "label": labels,
            }
        ).to_csv(folder / "cohort.csv", index=False)
        return read_cohort(folder, positive=positive, allow_missing=True)

    return build


def _holds_reasons(made: Plan, *keys: str) -> None:
    for key in keys:
        assert made.reasons[key].endswith("."), key


# The rules


def test_a_converted_cohort_is_read_as_it_was_converted(tmp_path: Path) -> None:
    """Other settings would be refused; what the user sets holds all the same, and is refused when it is used."""
    hospital = write_hospital(tmp_path / "data", studies=24, seed=0)
    how = {"preprocess": PreprocessConfig(size=48, suv_range=(1, 9)), "read": ReadConfig(on_irregular="keep", volume=2)}
    convert_cohort(read_cohort(hospital), folder=tmp_path / "prepared", **how)
    prepared = read_cohort(tmp_path / "prepared")
    made = plan(prepared)
    assert (made.preprocess, made.read) == (how["preprocess"], how["read"])
    assert made.reasons["preprocess"] == "As the arrays in prepared were converted: others would be refused."
    _holds_reasons(made, "read")
    write_toml(made, tmp_path / "plan.toml", comments=made.reasons)
    assert read_toml(Plan, tmp_path / "plan.toml") == made.model_copy(update={"reasons": {}})
    other = plan(prepared, changes=["preprocess.size=64"])
    assert (other.preprocess.size, other.preprocess.suv_range) == (64, (1, 9))
    assert "preprocess" not in other.reasons
    assert plan(read_cohort(hospital)).preprocess == PreprocessConfig()


def test_without_source_the_plan_is_target_only(cohort: Callable[..., Cohort]) -> None:
    made = plan(cohort())
    assert made.sources == {}
    assert math.isinf(made.objective.trade_off)
    assert not made.objective.instances
    assert not made.objective.features
    _holds_reasons(made, "objective.trade_off")


def test_with_a_source_of_the_same_question_all_three_ways_in_are_open(cohort: Callable[..., Cohort]) -> None:
    made = plan(cohort(), source=cohort("there"))
    assert made.same_question("source")
    assert made.objective.trade_off == 1
    assert list(made.objective.instances) == ["classifier_ratio"]
    assert list(made.objective.features) == ["coral"]
    _holds_reasons(made, "objective.trade_off", "objective.instances", "objective.features")


def test_features_that_nothing_moves_are_not_aligned(cohort: Callable[..., Cohort]) -> None:
    made = plan(cohort(), source=cohort("there"), changes=["policy.name=head"])
    assert not made.objective.features
    assert list(made.objective.instances) == ["classifier_ratio"]


def test_a_source_of_another_question_is_not_weighed(cohort: Callable[..., Cohort]) -> None:
    made = plan(cohort(), source=cohort("there", normal=30, fracture=30))
    assert not made.same_question("source")
    assert not made.objective.instances
    assert "objective.instances" not in made.reasons
    assert list(made.objective.features) == ["coral"]


@pytest.mark.parametrize("kind", ["imagenet", "local file"])
def test_pretrained_weights_are_anchored_and_move_slowly(
    cohort: Callable[..., Cohort], tmp_path: Path, kind: str
) -> None:
    weights = "imagenet"
    if kind == "local file":
        weights = str(tmp_path / "own.pth")
        Path(weights).write_bytes(b"not opened when planning")
        sidecar = {"backbone": "resnet50", "pretrained_on": "scans", "sha256": "0" * 64, "input": {}}
        Path(weights).with_suffix(".json").write_text(json.dumps(sidecar), encoding="utf-8")
    made = plan(cohort(), weights=weights, backbone="resnet50")
    assert (made.model.weights, made.model.backbone) == (weights, "resnet50")
    assert made.objective.parameters["l2_sp"]["strength"] > 0
    assert made.policy.name == "full"
    assert made.policy.settings["backbone"] < 1
    _holds_reasons(made, "objective.parameters", "policy", "training.learning_rate")
    assert "model.weights" not in made.reasons


def test_a_random_start_has_nothing_to_be_anchored_at(cohort: Callable[..., Cohort]) -> None:
    made = plan(cohort())
    assert not made.objective.parameters
    assert made.policy.settings.get("backbone", 1.0) == 1
    _holds_reasons(made, "model.weights")


@pytest.mark.parametrize("per_class", [4, 10, 200])
def test_a_step_takes_no_more_studies_than_there_are(cohort: Callable[..., Cohort], per_class: int) -> None:
    made = plan(cohort(normal=per_class, pneumonia=per_class))
    n = int(made.reasons["training.batch_size"].split()[0])
    assert 0 < n < 2 * per_class
    assert made.training.batch_size == min(plan_module.BATCH, n)


def test_few_labels_validate_with_a_larger_share(cohort: Callable[..., Cohort]) -> None:
    few, many = plan(cohort()), plan(cohort("large", normal=300, pneumonia=300))
    assert few.split.validation == plan_module.SMALL_VALIDATION > many.split.validation
    assert many.split == SplitConfig()
    _holds_reasons(few, "split.validation")
    assert "split.validation" not in many.reasons


def test_a_label_budget_counts_as_few_labels_and_limits_training(cohort: Callable[..., Cohort]) -> None:
    made = plan(cohort(normal=300, pneumonia=300), labels_per_class=30)
    assert made.target.labels_per_class == 30
    assert made.split.validation == plan_module.SMALL_VALIDATION
    assert int(made.reasons["training.batch_size"].split()[0]) < 60


def test_stopping_early_needs_validation_events(cohort: Callable[..., Cohort]) -> None:
    few, many = plan(cohort()), plan(cohort("large", normal=700, pneumonia=700))
    _holds_reasons(few, "training.patience")
    assert "fixed" in few.reasons["training.patience"]
    assert "training.patience" not in many.reasons


def test_a_sensitivity_is_aimed_at_only_where_enough_studies_have_the_finding(cohort: Callable[..., Cohort]) -> None:
    few, many = plan(cohort(normal=60, pneumonia=20)), plan(cohort("large", normal=300, pneumonia=300))
    assert few.decision.rule == "youden"
    assert many.decision.rule == "sensitivity"
    _holds_reasons(few, "decision.rule")
    _holds_reasons(many, "decision.rule")


def test_the_positive_class_is_named(cohort: Callable[..., Cohort]) -> None:
    made = plan(cohort())
    assert made.target.positive == "pneumonia"
    assert made.target.classes == ("normal", "pneumonia")
    assert "pneumonia" in made.reasons["target.positive"]


def test_of_three_classes_none_is_positive_and_nothing_is_thresholded(cohort: Callable[..., Cohort]) -> None:
    made = plan(cohort(a=30, b=30, c=30))
    assert made.target.positive is None
    assert not {"target.positive", "decision.rule"} & set(made.reasons)


def test_the_plan_knows_its_cohorts(cohort: Callable[..., Cohort]) -> None:
    here, there = cohort(), cohort("there")
    made = plan(here, source=there, seed=7)
    assert made.seed == 7
    assert set(made.sources) == {"source"}
    assert (made.target.sha256, made.sources["source"].sha256) == (here.sha256, there.sha256)
    assert made.target.cohort == str(here.source.resolve())


def test_equal_cohorts_and_seeds_give_equal_plans(cohort: Callable[..., Cohort]) -> None:
    assert plan(cohort(), source=cohort("there"), seed=3) == plan(cohort(), source=cohort("there"), seed=3)


@pytest.mark.parametrize("weights", ["none", "imagenet"])
@pytest.mark.parametrize("with_source", [False, True])
def test_a_plan_survives_its_file(
    cohort: Callable[..., Cohort], tmp_path: Path, weights: str, with_source: bool
) -> None:
    made = plan(cohort(), source=cohort("there") if with_source else None, weights=weights)
    write_toml(made, tmp_path / "plan.toml", comments=made.reasons)
    assert read_toml(Plan, tmp_path / "plan.toml") == made.model_copy(update={"reasons": {}})


@pytest.mark.parametrize("weights", ["none", "imagenet"])
@pytest.mark.parametrize("with_source", [False, True])
def test_every_reason_belongs_to_a_key_of_the_plan(
    cohort: Callable[..., Cohort], weights: str, with_source: bool
) -> None:
    made = plan(cohort(), source=cohort("there") if with_source else None, weights=weights)
    values: Any = made.model_dump()
    for key in made.reasons:
        at = values
        for part in key.split("."):
            assert part in at, key
            at = at[part]


# What the user sets holds


@pytest.mark.parametrize(
    ("change", "key", "value"),
    [
        ("objective.trade_off=0.25", "objective.trade_off", 0.25),
        ("training.batch_size=4", "training.batch_size", 4),
        ("training.learning_rate=0.5", "training.learning_rate", 0.5),
        ("decision.rule=specificity", "decision.rule", "specificity"),
        ("split.validation=0.1", "split.validation", 0.1),
        ("objective.parameters.l2_sp.strength=9.5", "objective.parameters.l2_sp.strength", 9.5),
        ("objective.features.coral.strength=9.5", "objective.features.coral.strength", 9.5),
        ("objective.instances.classifier_ratio.clip=3", "objective.instances.classifier_ratio.clip", 3),
        ("policy.settings.backbone=0.7", "policy.settings.backbone", 0.7),
        ("policy.name=head", "policy.name", "head"),
        ("policy.name=lp_ft", "policy.name", "lp_ft"),
        ("objective.features={}", "objective.features", {}),
        ("objective.instances={}", "objective.instances", {}),
        ("seed=11", "seed", 11),
    ],
)
def test_a_change_wins_over_its_rule(cohort: Callable[..., Cohort], change: str, key: str, value: object) -> None:
    made = plan(cohort(), source=cohort("there"), weights="imagenet", changes=(c for c in [change]))
    at: Any = made.model_dump()
    for part in key.split("."):
        at = at[part]
    assert at == value
    assert key not in made.reasons, "a rule's reason does not stand above what the user chose"


def test_a_change_inside_a_term_keeps_the_rest_of_it(cohort: Callable[..., Cohort]) -> None:
    made = plan(cohort(), weights="imagenet", changes=["objective.parameters.l2_sp.head=0.5"])
    plain = plan(cohort(), weights="imagenet")
    assert made.objective.parameters["l2_sp"] == {**plain.objective.parameters["l2_sp"], "head": 0.5}


def test_the_users_target_only_plan_has_no_terms_that_need_the_source(cohort: Callable[..., Cohort]) -> None:
    made = plan(cohort(), source=cohort("there"), changes=["objective.trade_off=inf"])
    assert math.isinf(made.objective.trade_off)
    assert not made.objective.features
    assert not made.objective.instances


def test_weights_named_by_a_change_are_pretrained_too(cohort: Callable[..., Cohort]) -> None:
    assert "l2_sp" in plan(cohort(), changes=["model.weights=imagenet"]).objective.parameters
    assert not plan(cohort(), weights="imagenet", changes=["model.weights=none"]).objective.parameters


@pytest.mark.parametrize("change", ["training.epoch=3", "training.epochs=-1", "epochs"])
def test_a_change_that_is_not_allowed_is_refused(cohort: Callable[..., Cohort], change: str) -> None:
    with pytest.raises(ConfigError):
        plan(cohort(), changes=[change])


# Other kinds of questions


def labelled(folder: Path, name: str, *, studies: int = 80) -> Cohort:
    """Two labels at once; effusion is unknown in every fourth study."""
    (folder / name).mkdir()
    pd.DataFrame(
        {
            "path": [f"{i}.png" for i in range(studies)],
            "patient_id": [f"{name}{i}" for i in range(studies)],
            "pneumonia": [str(i % 2) for i in range(studies)],
            "effusion": ["" if i % 4 == 3 else str(int(i % 3 == 0)) for i in range(studies)],
        }
    ).to_csv(folder / name / "cohort.csv", index=False)
    return read_cohort(folder / name, labels=("pneumonia", "effusion"), allow_missing=True)


def test_several_labels_have_no_threshold_and_say_why(tmp_path: Path) -> None:
    made = plan(labelled(tmp_path, "here"), changes=["training.epochs=3"])
    assert (made.target.task, made.target.classes) == ("multilabel", ("pneumonia", "effusion"))
    assert (made.target.label, made.target.positive, made.training.epochs) == ("pneumonia,effusion", None, 3)
    assert "operating point" in made.reasons["target.task"]
    assert "decision.rule" not in made.reasons
    _holds_reasons(made, "target.task", "training.batch_size")
    assert made.reasons["training.batch_size"].startswith("42 training studies"), "studies count, not labels"
    write_toml(made, tmp_path / "plan.toml", comments=made.reasons)
    assert read_toml(Plan, tmp_path / "plan.toml") == made.model_copy(update={"reasons": {}})


def test_the_same_labels_in_another_order_are_the_same_question(tmp_path: Path) -> None:
    there = labelled(tmp_path, "there")
    turned = replace(there, classes=there.classes[::-1])
    made = plan(labelled(tmp_path, "here"), source=turned)
    assert made.same_question("source")
    assert list(made.objective.instances) == ["classifier_ratio"]


def test_labels_and_classes_of_the_same_names_are_two_questions(cohort: Callable[..., Cohort], tmp_path: Path) -> None:
    made = plan(labelled(tmp_path, "several"), source=cohort("classes", pneumonia=30, effusion=30))
    assert not made.same_question("source")
    assert not made.objective.instances
    assert "pneumonia (multiclass)" in made.reasons["objective.trade_off"]


def test_several_labels_have_no_budget(tmp_path: Path) -> None:
    several = labelled(tmp_path, "here")
    for budget, changes in ((5, ()), (None, ["target.labels_per_class=5"])):
        with pytest.raises(CohortError) as caught:
            plan(several, labels_per_class=budget, changes=changes)
        assert caught.value.code == "BudgetNeedsClasses"


def test_ordered_classes_keep_their_order_at_both_hospitals(cohort: Callable[..., Cohort]) -> None:
    """The source's classes, named as the target's, take the target's order; its own are in that of their letters."""
    grades = ("absent", "mild", "severe")
    target = read_cohort(
        cohort(mild=40, severe=40, absent=40).source, task="ordinal", classes=grades, allow_missing=True
    )
    made = plan(target, source=cohort("there", severe=20, mild=20, absent=20))
    assert (made.target.task, made.target.classes, made.target.positive) == ("ordinal", grades, None)
    assert set(made.sources) == {"source"}
    assert (made.sources["source"].task, made.sources["source"].classes) == ("ordinal", grades)
    assert made.same_question("source")
    assert "absent < mild < severe" in made.reasons["target.task"]
    assert "decision.rule" not in made.reasons


def test_two_ordered_classes_need_no_positive_one(cohort: Callable[..., Cohort]) -> None:
    two = read_cohort(cohort(low=40, high=40).source, task="ordinal", classes=("low", "high"), allow_missing=True)
    assert plan(two).target.positive is None


# What cannot be planned


def test_one_class_is_no_question(cohort: Callable[..., Cohort]) -> None:
    with pytest.raises(CohortError, match="pneumonia") as caught:
        plan(cohort(pneumonia=40))
    assert caught.value.code == "OneClass"


def test_of_two_findings_one_must_be_declared_positive(cohort: Callable[..., Cohort]) -> None:
    with pytest.raises(CohortError) as caught:
        plan(cohort(bacteria=40, virus=40))
    assert caught.value.code == "NoPositive"
    assert "--positive" in (caught.value.hint or "")
    assert plan(cohort(positive="virus", bacteria=40, virus=40)).target.positive == "virus"


def test_a_class_that_cannot_reach_every_split_is_refused(cohort: Callable[..., Cohort]) -> None:
    with pytest.raises(CohortError) as caught:
        plan(cohort(normal=40, pneumonia=2))
    assert caught.value.code == "OneClass"


@pytest.mark.parametrize("policy", ["lora", "domain_batch_norm"])
def test_no_anchor_is_proposed_for_policies_that_add_parameters(cohort: Callable[..., Cohort], policy: str) -> None:
    made = plan(cohort(), source=cohort("there"), weights="imagenet", changes=[f"policy.name={policy}"])
    assert not made.objective.parameters


def test_the_order_of_sources_is_a_part_of_the_plan(cohort: Callable[..., Cohort]) -> None:
    made = plan(cohort(), source={"north": cohort("north"), "south": cohort("south")})
    turned = made.model_copy(update={"sources": dict(reversed(made.sources.items()))})
    assert made.digest() != turned.digest()

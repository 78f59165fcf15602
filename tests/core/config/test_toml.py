"""Laws of plans as TOML: what is written comes back, and every mistake is answered with its cure."""

from __future__ import annotations

import math
import shlex
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.config.data import CohortConfig, SourceConfig
from medtransfer.core.config.plan import Plan
from medtransfer.core.config.toml import apply_change, changed, read_toml, to_toml, validated, write_toml
from medtransfer.core.errors import CatalogueError, ConfigError, MedTransferError, OutputError

if TYPE_CHECKING:
    from pathlib import Path

TARGET: dict[str, Any] = {"cohort": "cohort.csv", "classes": ["normal", "pneumonia"], "positive": "pneumonia"}
PLAN = Plan.model_validate({"target": TARGET})

texts = st.text(max_size=12)
positive = st.floats(min_value=0, exclude_min=True, allow_nan=False)
cohorts = st.fixed_dictionaries(
    {"cohort": texts, "classes": st.lists(texts, max_size=3)},
    optional={"positive": texts, "labels_per_class": st.integers(2, 10**6), "patients_unknown": st.booleans()},
)
plans = st.fixed_dictionaries(
    {"target": cohorts},
    optional={
        "seed": st.integers(0, 2**32 - 1),
        "sources": st.dictionaries(st.sampled_from(["source", "riverside", "b_2"]), cohorts, max_size=2),
        "split": st.fixed_dictionaries({"test": st.floats(0, 1, exclude_max=True)}),
        "augment": st.fixed_dictionaries({"flip": st.booleans(), "rotation": st.floats(0, 45)}),
        "objective": st.fixed_dictionaries(
            {"trade_off": st.floats(min_value=0, allow_nan=False)},
            optional={
                "instances": st.just({"classifier_ratio": {"clip": 5.0}}),
                "features": st.sampled_from([{}, {"coral": {}}, {"coral": {"strength": 0, "tap": 'a "b"\n'}}]),
                "parameters": st.fixed_dictionaries(
                    {"l2_sp": st.fixed_dictionaries({"strength": st.floats(0, 1e300), "head": positive})}
                ),
            },
        ),
        "policy": st.sampled_from([{"name": "lp_ft", "settings": {"head_epochs": 2.5}}, {"name": "head"}]),
        "training": st.fixed_dictionaries({"clip_norm": positive, "learning_rate": positive, "device": texts}),
        "decision": st.sampled_from([{"rule": "youden"}, {"rule": "cost", "goal": 20.0}, {"goal": 0.0}]),
        "reasons": st.dictionaries(texts, texts, max_size=3),
    },
)


@settings(deadline=None, max_examples=100)
@given(plans, st.dictionaries(st.sampled_from(["seed", "target", "objective.trade_off", "training"]), texts))
def test_a_plan_comes_back_from_toml_as_it_was(values: dict[str, Any], comments: dict[str, str]) -> None:
    plan = Plan.model_validate(values)
    text = to_toml(plan, comments=comments)
    for parsed in (tomllib.loads(text), tomlkit.parse(text).unwrap()):
        assert validated(Plan, parsed, path="plan.toml") == plan.model_copy(update={"reasons": {}})


def test_a_written_plan_is_read_through_the_files_bytes(tmp_path: Path) -> None:
    plan = changed(PLAN, ["objective.trade_off=inf", "target.label=Läsion"])
    path = tmp_path / "run" / "plan.toml"
    write_toml(plan, path, comments={"objective.trade_off": "No source:\nλ = ∞.", "training": "How long."})
    assert read_toml(Plan, path) == plan
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[lines.index("trade_off = inf") - 1] == "# No source: λ = ∞."
    assert lines[lines.index("[training]") + 1] == "# How long."


def test_reading_leaves_the_users_file_and_comments_alone(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    text = '# mine\nseed = 3   # lucky\n[target]\ncohort = "c.csv"\nclasses = ["a", "b"]\n'
    path.write_text(text)
    assert read_toml(Plan, path, changes=["seed=4"]).seed == 4
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("change", "look", "expected"),
    [
        ("seed=7", lambda p: p.seed, 7),
        (" training.epochs = 5 ", lambda p: p.training.epochs, 5),
        ("objective.trade_off=inf", lambda p: p.objective.trade_off, math.inf),
        ("model.backbone=resnet50", lambda p: p.model.backbone, "resnet50"),
        ('model.backbone="resnet50"', lambda p: p.model.backbone, "resnet50"),
        ("model.weights=/data/a=b.pth", lambda p: p.model.weights, "/data/a=b.pth"),
        ("model.download=true", lambda p: p.model.download, True),
        ('target.classes=["b", "a"]', lambda p: p.target.classes, ("b", "a")),
        ("objective.parameters.l2_sp.strength=0.1", lambda p: p.objective.parameters, {"l2_sp": {"strength": 0.1}}),
        ("objective.features={coral={tap='x'}}", lambda p: p.objective.features, {"coral": {"tap": "x"}}),
        ("policy.name=head", lambda p: p.policy.name, "head"),
    ],
)
def test_one_key_is_set_and_nothing_else(change: str, look: Any, expected: object) -> None:
    plan = changed(PLAN, [change])
    assert look(plan) == expected
    top = change.strip().partition(".")[0].partition("=")[0]
    assert plan.model_dump(exclude={top}) == PLAN.model_dump(exclude={top})


def test_later_changes_win_and_the_plan_itself_stays() -> None:
    before = PLAN.model_dump()
    plan = changed(PLAN, ["objective.features.coral.strength=1", "objective.features.coral.strength=2", "seed=1"])
    assert plan.objective.features == {"coral": {"strength": 2}}
    assert changed(plan, ["objective.features={}"]).objective.features == {}
    assert PLAN.model_dump() == before


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ("training.epoch=5", "UnknownKey", ["training.epoch", "Did you mean 'epochs'?", "Known here:", "batch_size"]),
        ("trainin.epochs=5", "UnknownKey", ["trainin", "Did you mean 'training'?", "objective"]),
        ("sources.source.lable=x", "UnknownKey", ["sources.source.lable", "Did you mean 'label'?", "patients_unknown"]),
        ("augment.flip.x=1", "BadChange", ["'flip'", "not a table"]),
        ("training.epochs=many", "BadValue", ["training.epochs", "'many'", "integer"]),
        ("training.epochs=0", "BadValue", ["training.epochs", "0", "greater than or equal to 1"]),
        ("training.clip_norm=0", "BadValue", ["training.clip_norm"]),
        ("objective.trade_off=-1", "BadValue", ["objective.trade_off", "-1"]),
        ("objective.trade_off=nan", "BadValue", ["objective.trade_off"]),
        ("seed=4294967296", "BadValue", ["seed"]),
        ("seed=-1", "BadValue", ["seed"]),
        ("decision.goal=90", "GoalOutOfRange", ["decision.goal", "90", "0.9"]),
        ("decision.goal=inf", "BadValue", ["decision.goal"]),
        ("objective.parameters.l2_sp.strength=-1", "BadStrength", ["l2_sp", "-1", "0 switches the term off"]),
        ("objective.parameters.l2_sp.strength=inf", "BadStrength", ["l2_sp"]),
        ("objective.features.coral.strength=nan", "BadStrength", ["coral"]),
        ("objective.features.coral.strength=true", "BadStrength", ["coral"]),
        ("objective.features.coral.strength=strong", "BadStrength", ["coral", "strong"]),
        ("objective.features.corl.strength=1", "UnknownEntry", ["corl", "Did you mean 'coral'?", "Available"]),
        ("objective.features.coral.tab='x'", "UnknownHyperparameter", ["tab", "Did you mean 'tap'?"]),
        ("objective.instances.classifier_ratio.strength=1", "UnknownHyperparameter", ["strength", "clip"]),
        ('objective.instances={classifier_ratio={}, "a:b"={}}', "ConflictingTerms", ["classifier_ratio", "a:b"]),
        ("policy.name=fulll", "UnknownEntry", ["fulll", "Did you mean 'full'?"]),
        ("policy.settings.backbon=1", "UnknownHyperparameter", ["backbon", "Did you mean 'backbone'?"]),
        ("seed", "BadChange", ["'seed'", "key=value"]),
        ("=3", "BadChange", ["key=value"]),
        ("training..epochs=3", "BadChange", ["key=value"]),
        ("seed.x=3", "BadChange", ["'seed'", "not a table"]),
    ],
)
def test_every_mistake_is_named_with_its_cure(change: str, code: str, said: list[str]) -> None:
    start = changed(PLAN, ["sources.source.cohort=b.csv", "sources.source.classes=['x']"])
    with pytest.raises(MedTransferError) as caught:
        changed(start, [change])
    assert isinstance(caught.value, ConfigError | CatalogueError)
    assert caught.value.exit_code == 2
    assert caught.value.code == code
    assert caught.value.hint
    for words in said:
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ("objective.instances.ulsif={}", {"ulsif": {}}),
        ("objective.instances.kmm.clip=5", {"kmm": {"clip": 5}}),
        ("""objective.instances={ulsif={}, "a.b:c"={x=[1, 2], y="it's", z=inf}}""",
         {"a.b:c": {"x": [1, 2], "y": "it's", "z": math.inf}}),
    ],
)  # fmt: skip
def test_a_second_instance_weighting_is_answered_with_the_command_that_replaces_the_first(
    change: str, kept: dict[str, Any]
) -> None:
    weighed = changed(PLAN, ["objective.instances.classifier_ratio={}"])
    with pytest.raises(ConfigError) as caught:
        changed(weighed, [change])
    option, cure = shlex.split(str(caught.value.hint).partition("others: ")[2])
    assert option == "--set"
    assert changed(weighed, [cure]).objective.instances == kept


def test_several_mistakes_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text("[training]\nepochs = 0\nbatch_size = 1\n")
    with pytest.raises(ConfigError, match="2 more like it") as caught:
        read_toml(Plan, path)
    assert caught.value.path == str(path)


@pytest.mark.parametrize(
    "content", [b"seed = ", b"seed = 1\nseed = 2\n", b"[target\n", b"\xff\xfe", b"just words", b"[a]\nb=1\n[a]\nc=1\n"]
)
def test_what_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_toml(Plan, path)
    assert (caught.value.code, caught.value.path) == ("BadToml", str(path))
    assert caught.value.hint


def test_an_absent_plan_is_refused_and_an_unwritable_one_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_toml(Plan, tmp_path / "none.toml")
    assert caught.value.code == "BadToml"
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        write_toml(PLAN, tmp_path / "file" / "plan.toml")


def test_changes_make_the_tables_they_need() -> None:
    values: dict[str, Any] = {}
    apply_change(values, "a.b.c=[1, 2.5, 'x']")
    apply_change(values, "a.b.d=2020-01-01x")
    assert values == {"a": {"b": {"c": [1, 2.5, "x"], "d": "2020-01-01x"}}}


def test_one_head_serves_where_both_hospitals_ask_the_same() -> None:
    target = CohortConfig.model_validate(TARGET)
    same = SourceConfig(**target.model_dump())
    other = same.model_copy(update={"classes": ("normal", "tumour")})
    plan = Plan(target=target, sources={"here": same, "there": other})
    assert plan.same_question("here")
    assert not plan.same_question("there")


def test_defaults_are_a_valid_plan() -> None:
    assert validated(Plan, PLAN.model_dump(exclude_none=True), path="plan") == PLAN
    assert not PLAN.augment.flip
    assert not PLAN.model.download

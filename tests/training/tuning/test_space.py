from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuned import plan_of

from medtransfer.core.config.tuning import TRADE_OFF, Choices, Range
from medtransfer.core.errors import CatalogueError, ConfigError
from medtransfer.training.tuning.space import (
    STRENGTHS,
    default_space,
    own_settings,
    parsed,
    relevant,
    search_space,
    target_share,
    trade_off_at,
    with_settings,
)

RATE = "training.learning_rate"
ANCHOR = "objective.parameters.l2.strength"
ALIGNED = "objective.features.coral.strength"


def test_with_sources_the_default_space_is_the_trade_off_with_both_ends_and_every_strength() -> None:
    plan = plan_of(sources=1, parameters={"l2": {"strength": 0.02}}, features={"coral": {}})
    trade_off, *strengths = default_space(plan)
    assert isinstance(trade_off, Choices)
    assert trade_off.key == TRADE_OFF
    assert {0.0, 1.0, math.inf} <= set(trade_off.values)
    assert [d.key for d in strengths] == [ANCHOR, ALIGNED]
    assert [d.values for d in strengths if isinstance(d, Choices)] == [
        tuple(sorted({*STRENGTHS, 0.02})),
        STRENGTHS,  # a strength that is not stated is 1
    ]


def test_a_source_with_another_question_cannot_be_all_there_is() -> None:
    (trade_off,) = default_space(plan_of(sources=1, same=False))
    assert isinstance(trade_off, Choices)
    assert 0.0 not in trade_off.values
    assert math.inf in trade_off.values


def test_without_sources_there_is_one_knob() -> None:
    plan = plan_of(trade_off=math.inf, parameters={"l2": {}})
    assert [dimension.key for dimension in search_space(plan)] == [ANCHOR]
    with pytest.raises(ConfigError, match="one degree of freedom") as raised:
        search_space(plan, [f"{TRADE_OFF}=0:inf"])
    assert raised.value.code == "OneKnob"


def test_the_plans_own_settings_are_in_its_default_space() -> None:
    plan = plan_of(sources=2, trade_off=0.7, parameters={"l2": {"strength": 0.02}}, features={"coral": {}})
    assert own_settings(plan, default_space(plan)) == {TRADE_OFF: 0.7, ANCHOR: 0.02, ALIGNED: 1.0}
    assert own_settings(plan, (Range(key=TRADE_OFF, low=1, high=2),)) is None
    assert own_settings(plan, (Choices(key="policy.name", values=("head", "lp_ft")),)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{RATE}=1e-4:1e-2:log", Range(key=RATE, low=1e-4, high=1e-2, log=True)),
        (f" {RATE} = 1e-4:1e-2 ", Range(key=RATE, low=1e-4, high=1e-2)),
        ("training.epochs=2:20", Range(key="training.epochs", low=2, high=20, whole=True)),
        ("training.momentum=0:1", Range(key="training.momentum", low=0, high=1)),
        (f"{TRADE_OFF}=0:inf", Range(key=TRADE_OFF, low=0, high=math.inf)),
        (f"{TRADE_OFF}=0,1,inf", Choices(key=TRADE_OFF, values=(0, 1, math.inf))),
        ("policy.name=full,head", Choices(key="policy.name", values=("full", "head"))),
        ("augment.flip=true,false", Choices(key="augment.flip", values=(True, False))),
    ],
)
def test_a_space_by_hand(text: str, expected: Choices | Range) -> None:
    assert parsed(text, plan_of(sources=1)) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("training.learning_rate", "BadSearch"),
        ("training.learning_rate=", "BadSearch"),
        ("=1:2", "BadSearch"),
        (f"{RATE}=1e-2:1e-4", "BadSearch"),
        (f"{RATE}=0:1:log", "BadSearch"),
        (f"{RATE}=1e-4:inf", "BadSearch"),
        (f"{RATE}=1e-4:1e-2:linear", "BadSearch"),
        (f"{RATE}=1:2:3:4", "BadSearch"),
        (f"{RATE}=0.1", "BadSearch"),
        (f"{RATE}=0.1,0.1", "BadSearch"),
        (f"{TRADE_OFF}=1:10:log", "BadSearch"),
        (f"{TRADE_OFF}=-1:1", "BadSearch"),
        ("model.backbone=resnet18,resnet50", "NotSearched"),
        ("preprocess.size=32,64", "NotSearched"),
        ("seed=1,2", "NotSearched"),
        (f"{RATE}=-1:1", "BadValue"),
        (f"{RATE}=fast,slow", "BadValue"),
        ("training.learning_rat=0.1:0.2", "UnknownKey"),
        ("objective.features.coral.strength=-1,1", "BadStrength"),
        ("objective.features.coral.kernls=1,2", "UnknownHyperparameter"),
        ("policy.name=full,fulll", "UnknownEntry"),
        (f"{RATE}.of.head=1,2", "BadSearch"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_before_anything_is_read(text: str, code: str) -> None:
    with pytest.raises((ConfigError, CatalogueError)) as raised:
        search_space(plan_of(sources=1, features={"coral": {}}), [text])
    assert raised.value.code == code
    assert raised.value.hint


def test_nothing_to_search() -> None:
    with pytest.raises(ConfigError) as raised:
        search_space(plan_of(trade_off=math.inf))
    assert raised.value.code == "NothingToSearch"
    assert len(search_space(plan_of(trade_off=math.inf), [f"{RATE}=1e-4:1e-2"])) == 1


def test_what_is_searched_by_hand_replaces_the_default_of_its_key_or_is_added_or_is_all() -> None:
    plan, texts = plan_of(sources=1, features={"coral": {}}), [f"{TRADE_OFF}=1,3", f"{RATE}=1e-4:1e-2"]
    space = search_space(plan, texts)
    assert [dimension.key for dimension in space] == [TRADE_OFF, ALIGNED, RATE]
    assert space[0] == Choices(key=TRADE_OFF, values=(1, 3))
    assert [dimension.key for dimension in search_space(plan, texts, only=True)] == [TRADE_OFF, RATE]


def test_settings_change_their_keys_and_nothing_else() -> None:
    plan = plan_of(sources=1, features={"coral": {"strength": 0.5}}, parameters={"l2": {}})
    changed = with_settings(plan, {TRADE_OFF: 3.0, ANCHOR: 0.1, RATE: 0.01})
    assert changed.objective.parameters == {"l2": {"strength": 0.1}}
    back = with_settings(changed, {TRADE_OFF: 1.0, RATE: plan.training.learning_rate})
    assert back.model_copy(update={"objective": plan.objective}) == plan
    assert back.objective.features == plan.objective.features


def test_target_only_leaves_out_what_needs_a_source() -> None:
    plan = plan_of(sources=1, features={"coral": {}}, parameters={"l2": {}})
    plan = with_settings(plan, {"objective.trade_off_start": 0.5})
    alone = with_settings(plan, {TRADE_OFF: math.inf, ALIGNED: 0.1})
    assert alone.objective.features == alone.objective.instances == {}
    assert alone.objective.trade_off_start is None
    assert list(alone.objective.parameters) == ["l2"]
    assert relevant(plan, {TRADE_OFF: math.inf, ALIGNED: 0.1, ANCHOR: 0.1}) == {TRADE_OFF: math.inf, ANCHOR: 0.1}
    assert relevant(plan, {TRADE_OFF: 3.0, ALIGNED: 0.1}) == {TRADE_OFF: 3.0, ALIGNED: 0.1}


@given(trade_off=st.floats(0, 1e6) | st.just(math.inf))
def test_a_share_stands_for_its_trade_off(trade_off: float) -> None:
    assert 0 <= target_share(trade_off) <= 1
    assert trade_off_at(target_share(trade_off)) == pytest.approx(trade_off, rel=1e-6, abs=1e-12)

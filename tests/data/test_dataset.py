"""Laws of batches and their order: every case comes up, none twice an epoch, and any step can be had at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.config.data import AugmentConfig
from medtransfer.data.augment import augment
from medtransfer.data.dataset import StudySet
from medtransfer.data.order import Order

sizes = st.integers(1, 60)


@settings(deadline=None, max_examples=80)
@given(sizes, st.integers(1, 16), st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_an_epoch_has_no_case_twice(n: int, batch_size: int, seed: int, salt: int) -> None:
    order = Order(n, batch_size=batch_size, seed=seed, salt=salt)
    steps = order.steps_per_epoch
    assert steps == max(n // batch_size, 1)
    for epoch in range(3):
        seen = []
        for position in range(steps):
            cases, of_epoch = order.at(epoch * steps + position)
            assert of_epoch == epoch
            assert len(cases) == min(n, batch_size)
            seen += cases.tolist()
        assert len(seen) == len(set(seen))
        assert set(seen) <= set(range(n))
        if n % batch_size == 0 or n < batch_size:
            assert len(seen) == n


@pytest.mark.parametrize(("n", "batch_size"), [(10, 4), (33, 32), (7, 7), (3, 8)])
def test_every_case_comes_up_over_several_epochs(n: int, batch_size: int) -> None:
    order = Order(n, batch_size=batch_size, seed=0, salt=1)
    seen = {int(case) for step in range(30 * order.steps_per_epoch) for case in order.at(step)[0]}
    assert seen == set(range(n))


@settings(deadline=None, max_examples=40)
@given(sizes, st.integers(1, 16), st.lists(st.integers(0, 200), min_size=1, max_size=20), st.booleans())
def test_any_step_can_be_had_without_those_before_it(n: int, batch: int, steps: list[int], weighted: bool) -> None:
    weights = np.arange(1.0, n + 1) if weighted else None
    sequential = Order(n, batch_size=batch, seed=3, salt=0, weights=weights)
    expected = [sequential.at(step) for step in range(201)]
    jumping = Order(n, batch_size=batch, seed=3, salt=0, weights=weights)
    for step in steps:
        cases, epoch = jumping.at(step)
        assert np.array_equal(cases, expected[step][0])
        assert epoch == expected[step][1]


def test_seed_salt_and_epoch_each_change_the_order() -> None:
    def first(seed: int, salt: int, step: int) -> tuple[int, ...]:
        return tuple(Order(50, batch_size=50, seed=seed, salt=salt).at(step)[0].tolist())

    orders = {first(*key) for key in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1))}
    assert len(orders) == 5


def test_weights_are_how_often_a_case_comes_up() -> None:
    weights = np.array([0.0, 1.0, 2.0, 5.0] * 5)
    order = Order(20, batch_size=20, seed=0, salt=0, weights=weights)
    drawn = np.concatenate([order.at(step)[0] for step in range(1000)])
    share = np.bincount(drawn, minlength=20) / len(drawn)
    expected = weights / weights.sum()
    assert (share[weights == 0] == 0).all()
    error = np.sqrt(expected * (1 - expected) / len(drawn))
    assert (np.abs(share - expected) <= 4.5 * error).all()


def pictures_of(n: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 65536, (n, channels, 16, 16), dtype=np.uint16)


def picture_set(n: int, channels: int = 1) -> StudySet:
    return StudySet.of_pictures(
        pictures_of(n, channels),
        labels=np.arange(n) % 2,
        patients=np.arange(n) // 2,
        names=tuple(f"{i}.png" for i in range(n)),
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_a_batch_holds_the_cases_in_the_order_asked_for(channels: int) -> None:
    cases = picture_set(6, channels)
    assert len(cases) == 6
    batch, labels = cases.batch(np.array([4, 0, 3]))
    pictures = batch.load(np.arange(3))
    assert pictures.dtype == torch.float32
    assert labels.tolist() == [0, 0, 1]
    expected = pictures_of(6, channels)[[4, 0, 3]].astype(np.float64) / 65535
    assert np.allclose(pictures.numpy(), expected, atol=1e-7)
    assert pictures.min() >= 0
    assert pictures.max() <= 1


def test_the_ends_of_the_range_are_black_and_white() -> None:
    ends = np.zeros((1, 1, 2, 2), dtype=np.uint16)
    ends[0, 0, 0] = 65535
    cases = StudySet.of_pictures(
        ends, labels=np.zeros(1, dtype=np.int64), patients=np.zeros(1, dtype=np.int64), names=("a",)
    )
    pictures = cases.batch(np.array([0]))[0].load(np.array([0]))
    assert pictures[0, 0].tolist() == [[1, 1], [0, 0]]


def test_augmentation_is_applied_where_it_is_asked_for() -> None:
    cases, chosen = picture_set(4), np.array([2, 1])
    plain = cases.batch(chosen)[0].load(np.arange(2))
    changed = cases.batch(chosen, augmentation=AugmentConfig(), seed=1, epoch=2)[0].load(np.arange(2))
    assert torch.equal(changed, augment(plain, AugmentConfig(), seed=1, epoch=2, cases=chosen))
    assert not torch.equal(changed, plain)

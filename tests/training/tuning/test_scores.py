from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from questions import ends

from medtransfer.core.types import StudyTargets
from medtransfer.training.tuning.scores import (
    HeldOut,
    auroc_estimate,
    log_loss_estimate,
    over_parts,
    over_repeats,
    source_estimate,
)

DRAWN = {"seed": 0, "replicates": 200}


def held_out(
    seed: int, cases: int = 20, *, part: int = 0, repeats: int = 1, truth: StudyTargets | None = None
) -> HeldOut:
    generator = np.random.default_rng(seed)
    truth = generator.permutation(np.arange(cases) % 2) if truth is None else truth
    probability = generator.random((repeats, cases, 2)).round(1)  # with ties
    return HeldOut(
        losses=generator.random(cases),
        probability=probability,
        truth=truth,
        patients=generator.integers(0, cases // 2, cases),
        parts=np.full(cases, part, dtype=np.int64),
    )


def pairs_in_order(found: HeldOut, column: int, repeat: int = 0) -> tuple[float, int]:
    """One pair after the other."""
    right, pairs = 0.0, 0
    for i, j in itertools.product(range(len(found.losses)), repeat=2):
        if found.parts[i] == found.parts[j] and found.truth[i] == column != found.truth[j]:
            p, q = found.probability[repeat, i, column], found.probability[repeat, j, column]
            right, pairs = right + (p > q) + (p == q) / 2, pairs + 1
    return right, pairs


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 999))
def test_auroc_compares_pairs_within_a_part_alone(seed: int) -> None:
    found = over_parts([held_out(seed, 14), held_out(seed + 1, 9, part=1)])
    right, pairs = pairs_in_order(found, 1)
    assert auroc_estimate(found, [1], **DRAWN).value == pytest.approx(right / pairs)


def test_auroc_is_the_mean_over_repeats_and_classes() -> None:
    found = over_parts([held_out(3, repeats=2), held_out(4, part=1, repeats=2)])
    each = [np.divide(*pairs_in_order(found, column, repeat)) for column in (0, 1) for repeat in (0, 1)]
    estimate = auroc_estimate(found, [0, 1], **DRAWN)
    assert estimate.name == "macro AUROC"
    low, value, high = ends(estimate)
    assert value == pytest.approx(np.mean(each))
    assert low < value < high


def test_a_part_on_a_scale_of_its_own_does_no_harm() -> None:
    """Both parts rank perfectly; pooled, the first one's positives would stand below the other one's negatives."""
    one, other = held_out(5), held_out(6, part=1)
    one.probability[0, :, 1] = 0.1 * one.truth
    other.probability[0, :, 1] = 0.8 + 0.1 * other.truth
    estimate = auroc_estimate(over_parts([one, other]), [1], **DRAWN)
    assert estimate.value == 1.0
    assert estimate.low is not None
    assert 0.6 < estimate.low < 1.0
    assert estimate.method.startswith("exact")


def test_a_label_that_is_not_known_takes_no_part() -> None:
    truth = np.array([[1, np.nan], [0, 1], [np.nan, 0], [1, 0], [0, 1], [0, np.nan]], dtype=np.float32)
    found = held_out(1, 6, truth=truth)
    found.probability[0, :, 0] = [0.9, 0.1, 0.95, 0.8, 0.85, 0.2]
    found.probability[0, :, 1] = [1.0, 0.9, 0.1, 0.2, 0.8, 0.0]
    assert auroc_estimate(found, [0], **DRAWN).value == pytest.approx(5 / 6)
    assert auroc_estimate(found, [0, 1], **DRAWN).value == pytest.approx((5 / 6 + 1) / 2)


def test_a_class_that_nobody_has_leaves_auroc_open() -> None:
    estimate = auroc_estimate(held_out(0, truth=np.zeros(20, dtype=np.int64)), [1], **DRAWN)
    assert estimate.value is None
    assert "missing" in estimate.note


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 999), sizes=st.lists(st.integers(4, 12), min_size=2, max_size=4))
def test_parts_count_alike_whatever_their_size(seed: int, sizes: list[int]) -> None:
    parts = [held_out(seed + i, size, part=i) for i, size in enumerate(sizes)]
    whole = over_parts(parts)
    assert whole.part_losses == pytest.approx([part.losses.mean() for part in parts])
    assert log_loss_estimate(whole, **DRAWN).value == pytest.approx(np.mean(whole.part_losses))


def test_no_patient_of_one_part_is_taken_for_one_of_another() -> None:
    parts = [held_out(i, part=i) for i in range(3)]
    shared = [set(over_parts(parts).patients[over_parts(parts).parts == i].tolist()) for i in range(3)]
    assert not set.intersection(*shared)
    assert sum(map(len, shared)) == sum(len(np.unique(part.patients)) for part in parts)


def test_sources_count_by_their_shares() -> None:
    found = {
        "near": over_parts([held_out(1), held_out(2, part=1)]),
        "far": over_parts([held_out(3, 8), held_out(4, 8, part=1)]),
    }
    means = {name: np.mean(one.part_losses) for name, one in found.items()}
    estimate = source_estimate(found, {"near": 3.0, "far": 1.0}, **DRAWN)
    assert estimate.value == pytest.approx(0.75 * means["near"] + 0.25 * means["far"])
    alone = source_estimate({"near": found["near"]}, {"near": 3.0}, **DRAWN)
    assert alone == log_loss_estimate(found["near"], **DRAWN)


def test_repeats_are_averaged_study_by_study() -> None:
    one = held_out(1)
    other = held_out(2, truth=one.truth)
    both = over_repeats([one, other])
    assert both.losses == pytest.approx((one.losses + other.losses) / 2)
    assert both.probability.shape == (2, 20, 2)


def test_sources_of_other_kinds_count_by_their_shares() -> None:
    """Three classes, and several labels: nothing but losses and patients is put together."""
    two, several = held_out(5), held_out(6, 12, truth=np.eye(12, 4, dtype=np.float32))
    three = dataclasses.replace(held_out(7, 8), probability=np.full((1, 8, 3), 1 / 3))
    found = source_estimate({"a": two, "b": several, "c": three}, {"a": 1.0, "b": 2.0, "c": 1.0}, **DRAWN)
    expected = (two.losses.mean() + 2 * several.losses.mean() + three.losses.mean()) / 4
    assert found.value == pytest.approx(expected)
    assert found.n == 40

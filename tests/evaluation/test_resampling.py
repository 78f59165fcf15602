"""The drawing: whole patients, the same bytes however it is worked on, and nothing that depends on names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from medtransfer.core.errors import ConfigError
from medtransfer.evaluation import resampling
from medtransfer.evaluation.blas import one_blas_thread
from medtransfer.evaluation.intervals import class_strata, weighted_mean
from medtransfer.evaluation.resampling import resampled


def everything(weights: np.ndarray) -> np.ndarray:
    return weights.copy()


def drawn(groups: np.ndarray, *, strata: np.ndarray | None = None, workers: int = 1, seed: int = 0) -> np.ndarray:
    return resampled({"": everything}, groups, seed=seed, replicates=300, strata=strata, workers=workers)[""]


@st.composite
def patients(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """The patient of each study, and its class."""
    groups = np.array(draw(st.lists(st.integers(0, 9), min_size=1, max_size=30)))
    return groups, np.array(draw(st.lists(st.integers(0, 1), min_size=groups.size, max_size=groups.size)))


@given(patients(), st.booleans())
@settings(deadline=None, max_examples=60)
def test_a_replicate_holds_as_many_patients_of_each_stratum_as_there_are(
    case: tuple[np.ndarray, np.ndarray], stratified: bool
) -> None:
    groups, truth = case
    strata = class_strata(truth, groups) if stratified else None
    weights = drawn(groups, strata=strata)
    assert weights.shape == (300, groups.size)
    codes, first = np.unique(groups, return_index=True)
    for code in codes:
        assert (weights[:, groups == code] == weights[:, groups == code][:, :1]).all()
    of_patient = np.zeros(codes.size) if strata is None else strata[first]
    for stratum in np.unique(of_patient):
        assert (weights[:, first[of_patient == stratum]].sum(axis=1) == (of_patient == stratum).sum()).all()


@given(patients(), st.booleans(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_names_of_patients_change_nothing(case: tuple[np.ndarray, np.ndarray], stratified: bool, random) -> None:
    groups, truth = case
    names = list(range(100, 110))
    random.shuffle(names)
    renamed = np.array(names)[groups]
    one, other = (drawn(of, strata=class_strata(truth, of) if stratified else None) for of in (groups, renamed))
    assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("studies", [1, 3])
def test_any_number_of_workers_gives_the_same_bytes(studies: int) -> None:
    generator = np.random.default_rng(0)
    groups = np.repeat(generator.permutation(3_000), studies)
    truth = (np.arange(groups.size) % 7 == 0).astype(np.int64)
    values = generator.normal(size=groups.size)
    columns = generator.normal(size=(groups.size, 4))
    wanted = {"mean": weighted_mean(values), "sums": lambda weights: weights @ columns}
    for strata in (None, class_strata(truth, groups)):
        first, *others = (
            resampled(wanted, groups, seed=4, replicates=250, strata=strata, workers=workers) for workers in (1, 2, 5)
        )
        assert first["sums"].shape == (250, 4)
        for other in others:
            assert {name: one.tobytes() for name, one in other.items()} == {
                name: one.tobytes() for name, one in first.items()
            }


def test_threads_are_used_where_the_work_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    pool = resampling.ThreadPoolExecutor
    monkeypatch.setattr(resampling, "ThreadPoolExecutor", lambda workers: started.append(workers) or pool(workers))
    monkeypatch.setattr(resampling, "_cores", lambda: 2)
    mean = {"": weighted_mean(np.ones(2_000))}
    resampled(mean, np.arange(2_000), seed=0, replicates=200)
    assert started == []
    monkeypatch.setattr(resampling, "_WORTH_A_THREAD", 2_000 * 200)
    resampled(mean, np.arange(2_000), seed=0, replicates=200)
    assert started == [2]


def test_the_drawing_is_the_same_whatever_is_asked_of_it() -> None:
    groups = np.random.default_rng(0).integers(0, 40, 90)
    mean, seven = weighted_mean(np.arange(90.0)), lambda weights: weights[:, 7]
    alone = resampled({"mean": mean}, groups, seed=3, replicates=400)["mean"]
    together = resampled({"seven": seven, "mean": mean}, groups, seed=3, replicates=400)["mean"]
    assert alone.tobytes() == together.tobytes()
    more = resampled({"mean": mean}, groups, seed=3, replicates=500)["mean"]
    assert more[:384].tobytes() == alone[:384].tobytes()
    other = resampled({"mean": mean}, groups, seed=4, replicates=400)["mean"]
    assert other.tobytes() != alone.tobytes()


def test_repeating_every_study_changes_nothing() -> None:
    groups, five = np.arange(70), np.repeat(np.arange(70), 5)
    assert (drawn(five)[:, ::5] == drawn(groups)).all()


def test_counts_are_those_of_drawing_with_replacement() -> None:
    counts = resampled({"": everything}, np.arange(50), seed=0, replicates=20_000)[""]
    assert counts.mean(axis=0) == pytest.approx(np.ones(50), abs=0.05)
    assert counts.var(axis=0) == pytest.approx(np.full(50, 1 - 1 / 50), abs=0.06)
    assert np.cov(counts[:, 0], counts[:, 1])[0, 1] == pytest.approx(-1 / 50, abs=0.03)
    assert (counts == 0).mean() == pytest.approx((1 - 1 / 50) ** 50, abs=0.005)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_statistic_comes_out(workers: int) -> None:
    def wrong(weights: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        resampled({"": wrong}, np.arange(5_000), seed=0, replicates=200, workers=workers)


def test_too_few_replicates_are_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        resampled({"": everything}, np.arange(5), seed=0, replicates=99)
    assert caught.value.code == "TooFewReplicates"


def test_the_blas_gets_its_threads_back() -> None:
    def threads() -> set[int]:
        return {
            one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas" and "numpy" in one["filepath"]
        }

    before = threads()
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    assert threads() <= {1}
    first.__exit__(None, None, None)  # those who come first may leave first
    assert threads() <= {1}
    second.__exit__(None, None, None)
    assert threads() == before

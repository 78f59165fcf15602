"""Class weights are p_T(y) / p_S(y), a function of the label alone; what cannot be estimated is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.errors import ObjectiveError
from medtransfer.transfer.instances import label_shift
from medtransfer.transfer.instances.label_shift import class_weights, weigh
from medtransfer.transfer.types import Sample


def _hospital(seed: int, n: int, shares: list[float], *, apart: float = 2.0) -> Sample:
    """Classes are normal around places of their own, equal at every hospital; their numbers are what differs."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.repeat(np.arange(len(shares)), np.round(np.array(shares) * n).astype(int)))
    places = apart * np.eye(len(shares), 6)
    features = places[labels] + generator.normal(size=(len(labels), 6))
    return Sample(features=features, patients=np.arange(len(labels)) // 4, labels=labels, classes=len(shares))


def _by_class(source: Sample, values: np.ndarray) -> np.ndarray:
    assert source.labels is not None
    return np.array([values[source.labels == k].mean() for k in range(source.classes)])


@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize(
    ("at_source", "at_target"),
    [([0.5, 0.5], [0.8, 0.2]), ([0.9, 0.1], [0.5, 0.5]), ([0.5, 0.3, 0.2], [0.2, 0.3, 0.5])],
)
def test_the_true_class_weights_are_recovered(at_source: list[float], at_target: list[float], soft: bool) -> None:
    truth = np.array(at_target) / at_source
    found = []
    for seed in range(2):
        source, target = _hospital(2 * seed, 4000, at_source), _hospital(2 * seed + 1, 4000, at_target)
        weights = weigh(source, replace(target, labels=None), soft=soft)
        found.append(_by_class(source, weights.values))
        assert abs(weights.values.mean() - 1) <= 1e-9
    np.testing.assert_allclose(np.mean(found, axis=0), truth, rtol=0.05)


def test_without_a_shift_weights_are_one() -> None:
    source, target = _hospital(0, 2000, [0.7, 0.3]), _hospital(1, 2000, [0.7, 0.3])
    weights = weigh(source, target)
    np.testing.assert_allclose(weights.values, 1, atol=0.08)
    assert weights.effective_size > 0.99 * 2000


def test_weights_are_a_function_of_the_label_alone() -> None:
    source, target = _hospital(0, 500, [0.5, 0.3, 0.2]), _hospital(1, 300, [0.2, 0.3, 0.5])
    values = weigh(source, target).values
    assert source.labels is not None
    assert [len(np.unique(values[source.labels == k])) for k in range(3)] == [1, 1, 1]
    assert len(np.unique(values)) == 3


def test_no_source_case_is_judged_by_a_model_that_saw_its_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first feature is the patient's mark; the models of a fold see no mark of those that they judge."""
    seen: list[list[set[float]]] = []
    fit = label_shift.fit_components

    class Watched:
        def __init__(self, features: np.ndarray, kept: int) -> None:
            self.fitted = fit(features, kept)
            seen.append([set(features[:, 0].tolist())])

        def of(self, features: np.ndarray) -> np.ndarray:
            seen[-1].append(set(features[:, 0].tolist()))
            return self.fitted.of(features)

    monkeypatch.setattr(label_shift, "fit_components", Watched)
    source, target = _hospital(0, 120, [0.5, 0.5], apart=4.0), _hospital(1, 80, [0.8, 0.2], apart=4.0)
    marked = np.concatenate([source.patients[:, None], source.features], axis=1)
    weigh(replace(source, features=marked), replace(target, features=np.pad(target.features, ((0, 0), (1, 0)))))
    assert len(seen) == 5
    for components, train, held_out, _ in seen:
        assert components == train
        assert not train & held_out
    assert set.union(*(held_out for _, _, held_out, _ in seen)) == set(range(30))


def test_a_rare_class_is_predicted_too() -> None:
    """The classifier is class-balanced: otherwise 3 in 100 would never be the likeliest, and C would be singular."""
    source, target = _hospital(0, 4000, [0.97, 0.03], apart=0.8), _hospital(1, 4000, [0.9, 0.1], apart=0.8)
    found = _by_class(source, weigh(source, target, soft=False).values)
    assert 1.5 < found[1] < 0.1 / 0.03 * 1.3


def test_the_targets_labels_are_not_looked_at() -> None:
    source, target = _hospital(0, 150, [0.5, 0.5]), _hospital(1, 80, [0.8, 0.2])
    assert target.labels is not None
    for labels in (None, 1 - target.labels, np.full_like(target.labels, -1)):
        np.testing.assert_array_equal(
            weigh(source, replace(target, labels=labels)).values, weigh(source, target).values
        )


def test_fewer_cases_are_held_nearer_to_one() -> None:
    source, target = _hospital(0, 600, [0.5, 0.5]), _hospital(1, 60, [0.9, 0.1])
    spans = [np.ptp(weigh(source, target, shrinkage=pull).values) for pull in (0.0, 1.0, 10.0, 1e6)]
    assert spans == sorted(spans, reverse=True)
    assert spans[-1] < 0.01


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_the_system_is_solved(data: st.DataObject) -> None:
    """Without a pull w is C⁻¹q; with C's own row sums for q it is 1, whatever the pull."""
    k = data.draw(st.integers(2, 5))
    shares = np.array(data.draw(st.lists(st.floats(0.1, 1), min_size=k, max_size=k)))
    truth = np.array(data.draw(st.lists(st.floats(0, 5), min_size=k, max_size=k)))
    mistakes = data.draw(st.floats(0, 0.5))
    joint = ((1 - mistakes) * np.eye(k) + mistakes / k) * (shares / shares.sum())
    np.testing.assert_allclose(class_weights(joint, joint @ truth, 0.0), truth, rtol=1e-7, atol=1e-7)
    ridge = data.draw(st.floats(0, 10))
    np.testing.assert_allclose(class_weights(joint, joint.sum(axis=1), ridge), 1, rtol=1e-7)


def test_the_pulled_solution_is_the_ridge_formula() -> None:
    joint, predicted, ridge = np.array([[0.4, 0.1], [0.1, 0.4]]), np.array([0.6, 0.4]), 0.03
    expected = np.linalg.solve(joint.T @ joint + ridge * np.eye(2), joint.T @ predicted + ridge)
    np.testing.assert_allclose(class_weights(joint, predicted, ridge), expected, rtol=1e-12)


@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_predictions_by_chance_are_refused(seed: int, soft: bool) -> None:
    source, target = _hospital(seed, 300, [0.6, 0.4], apart=0.0), _hospital(seed + 50, 200, [0.6, 0.4], apart=0.0)
    with pytest.raises(ObjectiveError, match="near singular") as caught:
        weigh(source, target, soft=soft)
    assert caught.value.code == "NearSingular"
    assert caught.value.hint


def test_one_class_that_looks_like_another_is_refused() -> None:
    source, target = _hospital(0, 600, [0.4, 0.6]), _hospital(1, 300, [0.4, 0.6])
    assert source.labels is not None
    split = np.where(source.labels == 1, 1 + np.arange(600) % 2, 0)
    with pytest.raises(ObjectiveError) as caught:
        weigh(replace(source, labels=split, classes=3), target)
    assert caught.value.code == "NearSingular"


def _damaged(source: Sample) -> list[tuple[Sample, dict[str, Any], str]]:
    labels = source.labels
    assert labels is not None
    several = np.zeros((len(labels), 3), dtype=np.float32)
    return [
        (replace(source, labels=None), {}, "NoClasses"),
        (replace(source, labels=several), {}, "NoClasses"),
        (replace(source, labels=np.where(np.arange(len(labels)) == 3, -1, labels)), {}, "UnknownLabels"),
        (replace(source, labels=labels + 1), {}, "UnknownLabels"),
        (replace(source, labels=np.zeros_like(labels)), {}, "MissingClass"),
        (replace(source, labels=np.zeros_like(labels), classes=1), {}, "MissingClass"),
        (replace(source, classes=3), {}, "MissingClass"),
        (
            replace(source, patients=np.where(labels == 1, np.arange(len(labels)) % 3, 5 + np.arange(len(labels)))),
            {},
            "TooFewPatients",
        ),
        (source, {"shrinkage": -1.0}, "BadHyperparameter"),
        (source, {"penalty": 0.0}, "BadHyperparameter"),
    ]


@pytest.mark.parametrize("which", range(10))
def test_labels_that_do_not_serve_are_refused(which: int) -> None:
    source, settings_, code = _damaged(_hospital(0, 60, [0.5, 0.5]))[which]
    with pytest.raises(ObjectiveError) as caught:
        weigh(source, _hospital(1, 60, [0.5, 0.5]), **settings_)
    assert caught.value.code == code
    assert caught.value.hint
    assert str(caught.value.path).startswith("objective.instances.label_shift.")


def test_two_patients_do_not_make_a_fold_fail_silently() -> None:
    """Both folds keep both classes in training, or it is said."""
    source = _hospital(0, 60, [0.5, 0.5])
    assert source.labels is not None
    weights = weigh(replace(source, patients=np.arange(60) % 2), _hospital(1, 60, [0.5, 0.5]), folds=2)
    assert np.isfinite(weights.values).all()

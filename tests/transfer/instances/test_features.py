"""Components are scikit-learn's; folds keep patients together and have cases of both domains."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from medtransfer.transfer.instances._features import at_most, common_components, fit_components, patient_folds
from medtransfer.transfer.instances._kernels import gaussian, median_distance
from medtransfer.transfer.types import Sample


def _mixed(n: int, width: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n, width)) @ generator.normal(size=(width, width)) + generator.normal(size=width)


@pytest.mark.parametrize(("n", "width", "kept"), [(80, 12, 5), (30, 90, 6), (40, 40, 40), (9, 3, 7)])
def test_components_are_those_of_scikit_learn(n: int, width: int, kept: int) -> None:
    features, others = _mixed(n, width), _mixed(7, width, seed=1)
    fitted = fit_components(features, kept)
    scaler = StandardScaler().fit(features)
    pca = PCA(min(kept, n - 1, width), svd_solver="full").fit(scaler.transform(features))
    spread = pca.transform(scaler.transform(features)).std(axis=0)
    for rows in (features, others):
        ours, theirs = fitted.of(rows), pca.transform(scaler.transform(rows)) / spread
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(np.abs(ours), np.abs(theirs), rtol=1e-6, atol=1e-7)


def test_components_are_standardised_and_uncorrelated() -> None:
    inside = fit_components(_mixed(200, 20), 8).of(_mixed(200, 20))
    np.testing.assert_allclose(inside.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(inside.T @ inside / 200, np.eye(8), atol=1e-10)


def test_cases_in_another_order_give_the_same_components() -> None:
    features, order = _mixed(50, 80), np.random.default_rng(3).permutation(50)
    np.testing.assert_allclose(
        fit_components(features[order], 6).of(features), fit_components(features, 6).of(features)
    )


def test_constant_and_repeated_features_add_nothing() -> None:
    features = _mixed(60, 4)
    more = np.concatenate([features, features[:, :1], np.full((60, 3), 0.1)], axis=1).astype(np.float32)
    assert fit_components(more, 8).of(more).shape == (60, 4)
    alike = np.full((10, 5), 0.3, dtype=np.float32)
    assert not fit_components(alike, 3).of(alike).any()


def test_no_more_components_than_a_fifth_of_the_smaller_domain() -> None:
    source, target = (Sample(features=_mixed(n, 30), patients=np.arange(n)) for n in (100, 27))
    assert [part.shape[1] for part in common_components(source, target, 32)] == [5, 5]
    assert at_most(4, source, target) == 4
    assert at_most(9, Sample(features=_mixed(3, 2), patients=np.arange(3))) == 1


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_folds_keep_patients_together_and_have_both_domains(data: st.DataObject) -> None:
    folds = data.draw(st.integers(2, 5))
    domains = []
    for _ in range(2):
        sizes = data.draw(st.lists(st.integers(1, 9), min_size=folds, max_size=12))
        codes = data.draw(st.permutations(np.repeat(np.arange(len(sizes)), sizes).tolist()))
        domains.append(Sample(features=np.zeros((len(codes), 1)), patients=np.array(codes)))
    dealt = list(patient_folds(domains[0], domains[1], folds))
    assert len(dealt) == folds
    for place, domain in enumerate(domains):
        held_out = [fold[place] for fold in dealt]
        assert sorted(np.concatenate(held_out)) == list(range(len(domain.patients)))
        assert all(len(cases) for cases in held_out)
        owners = [set(domain.patients[cases].tolist()) for cases in held_out]
        assert sum(map(len, owners)) == len(set.union(*owners))


def test_the_kernel_and_its_width_are_their_formulas() -> None:
    rows, columns = _mixed(6, 3), _mixed(4, 3, seed=1)
    for i, j in ((0, 0), (5, 3)):
        expected = np.exp(-np.sum((rows[i] - columns[j]) ** 2) / (2 * 1.7**2))
        assert gaussian(rows, columns, 1.7)[i, j] == pytest.approx(expected, rel=1e-12)
    assert median_distance(rows, rows) == pytest.approx(np.median(pdist(rows)))
    assert median_distance(np.zeros((5, 2)), np.zeros((3, 2))) == 1.0, "no distance at all: any width will do"
    assert median_distance(np.array([[0.0]] * 9 + [[2.0]]), np.zeros((1, 1))) == 2.0

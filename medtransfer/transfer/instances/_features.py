"""Standardised principal components of frozen features, and which cases may judge which.

Densities are compared in few dimensions: with as many features as cases any two domains separate, and distances
between cases all look alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from sklearn.model_selection import GroupKFold

from medtransfer.core.types import Groups
from medtransfer.transfer.instances._shapes import FrozenFeatures, HeldOut, Rows, SourceRows, TargetRows
from medtransfer.transfer.instances._weights import refusal
from medtransfer.transfer.types import Sample

CASES_PER_COMPONENT = 5
"""No more components than the smaller domain's cases over this."""

LEAST_CASES = 2
"""Of each domain: one case has no distribution."""

_CONSTANT = 1e-7
"""A feature whose standard deviation is a smaller share of its mean is constant: float32 resolves no less."""

_RANK = 1e-10
"""Components whose variance is a smaller share of the first one's are rounding."""


@dataclass(frozen=True)
class Components:
    """z = ((x − centre) / scale) · axes: uncorrelated, with variance 1 on the cases they were fitted to.

    Attributes:
        centre: Mean of each feature.
        scale: Standard deviation of each feature; infinite where it is constant, which leaves it out.
        axes: `feature component`, divided by the components' standard deviations.
    """

    centre: np.ndarray
    scale: np.ndarray
    axes: np.ndarray

    def of(self, features: FrozenFeatures) -> Rows:
        """`row component`."""
        return ((features - self.centre) / self.scale) @ self.axes


def fit_components(features: FrozenFeatures, kept: int) -> Components:
    """The `kept` first principal components of standardised features, fewer where the rank is less.

    Axes are the leading eigenvectors of the covariance, or where cases are fewer than features, of the cases' Gram
    matrix; each axis' largest entry is positive, so that the same cases in another order give the same components.
    Where all cases are equal there is one component, and it is 0.
    """
    features = np.asarray(features, dtype=np.float64)
    centre, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > _CONSTANT * np.abs(centre), scale, np.inf)
    standard = (features - centre) / scale
    n, width = standard.shape
    product = standard.T @ standard if width <= n else standard @ standard.T
    last = len(product) - 1
    variances, vectors = eigh(product / n, subset_by_index=(max(0, last + 1 - kept), last))
    if variances[-1] <= 0:
        return Components(centre, scale, np.zeros((width, 1)))
    real = variances > _RANK * variances[-1]
    variances, vectors = variances[real][::-1], vectors[:, real][:, ::-1]
    axes = vectors if width <= n else standard.T @ vectors / np.sqrt(n * variances)
    largest = np.abs(axes).argmax(axis=0)
    return Components(centre, scale, axes * np.sign(axes[largest, np.arange(axes.shape[1])]) / np.sqrt(variances))


def common_components(source: Sample, target: Sample, kept: int) -> tuple[SourceRows, TargetRows]:
    """Both domains in components of the two together."""
    both = fit_components(np.concatenate([source.features, target.features]), at_most(kept, source, target))
    return both.of(source.features), both.of(target.features)


def at_most(kept: int, *domains: Sample) -> int:
    """How many components the domains bear: a fifth of the smallest one's cases, and one at least."""
    return max(1, min(kept, *(len(domain.features) // CASES_PER_COMPONENT for domain in domains)))


def check_samples(entry: str, source: Sample, target: Sample) -> None:
    """Refuse lone cases, and features that are no numbers.

    Raises:
        ObjectiveError: Naming the domain, and the first case.
    """
    for name, domain in (("source", source), ("target", target)):
        if (n := len(domain.features)) < LEAST_CASES:
            message = f"{n} {name} cases are fewer than {LEAST_CASES}"
            hint = "Gather more, or leave instance weights out."
            raise refusal(entry, name, message, code="TooFewCases", hint=hint)
        bad = np.flatnonzero(~np.isfinite(domain.features).all(axis=1))
        if bad.size:
            raise refusal(
                entry,
                name,
                f"{bad.size} of {n} {name} cases have features that are NaN or infinite; the first is case {bad[0]}",
                code="NotFinite",
                hint="Look at those images, and at the weights that computed the features.",
            )


def check_patients(entry: str, folds: int, name: str, patients: Groups) -> None:
    """Refuse fewer patients than folds; `name` says whose cases these are (`source`).

    Raises:
        ObjectiveError: With both numbers.
    """
    if (n := len(np.unique(patients))) < folds:
        message = f"{n} {name} patients are fewer than {folds} folds"
        hint = "Use fewer folds, or leave instance weights out."
        raise refusal(entry, "folds", message, code="TooFewPatients", hint=hint)


def patient_folds(source: Sample, target: Sample, folds: int) -> Iterator[tuple[HeldOut, HeldOut]]:
    """Which cases of the source and of the target each fold holds out, as indices.

    Each domain's patients are dealt out by themselves, so that every fold has cases of both: equal codes at both
    hospitals are different patients. The folds depend on patients and their numbers of cases alone, not on the order.
    """
    parts = [
        [held_out for _, held_out in GroupKFold(folds).split(domain.patients, groups=domain.patients)]
        for domain in (source, target)
    ]
    return zip(*parts, strict=True)

"""Who is X-rayed, in closed form: how likely each age, circumstance and label is at a hospital.

    p(age, ill) ∝ m(age) · p(ill | age) · κ^ill
    logit p(ill | age) = logit 0.30 + ln 1.35 · (age − 60 years) / 10 years

m is the hospital's mix of ages; κ is how much likelier the ill are to be recruited than the well. So

    m changed alone    covariate shift: p(ill | age) stays
    κ changed alone    label shift: p(age | ill) stays, and with it all that is seen of the ill and of the well

Circumstances follow from illness, p(portable | ill), and the label from illness and severity.

Source: pneumonia that needs a hospital is 2.5 times as frequent in adults of 65 to 79 years as in all adults, and
6.6 times from 80 years on (Jain et al., N Engl J Med 2015;373:415-27). Among those who are X-rayed for cause the rise
is flatter; odds of 1.35 per decade are chosen between none and theirs, and so is a risk of 0.30 at 60 years.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .exact import exp, log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from .hospitals import Hospital
    from .person import AgeMix

RISK_AT_60 = 0.30
ODDS_PER_DECADE = 1.35


@dataclass(frozen=True, kw_only=True)
class Study:
    """What the density ratio is about.

    Attributes:
        age: Years, or None where it is missing.
        portable: Was the patient X-rayed in bed?
        positive: Has the study the label of the finding?
    """

    age: int | None
    portable: bool
    positive: bool

    @classmethod
    def of(cls, row: Mapping[str, str]) -> Study:
        """The study of a line of `cohort.csv`."""
        age = int(row["age"]) if row["age"] else None
        return cls(age=age, portable=row["portable"] == "yes", positive=row["label"] != "normal")


def risk(age: ArrayLike, *, odds: float = 1.0) -> NDArray[np.float64]:
    """p(ill | age), all comers recruited alike, or with κ = `odds`."""
    logit = log(odds * RISK_AT_60 / (1 - RISK_AT_60)) + log(ODDS_PER_DECADE) * (np.asarray(age) - 60) / 10
    return 1 / (1 + exp(-logit))


def prevalence(hospital: Hospital) -> float:
    """Share of the ill among a hospital's studies."""
    return float(_ages_and_illness(hospital)[:, 1].sum())


def odds_for(ages: AgeMix, share: float) -> float:
    """The κ with which so large a share of the studies is ill: the ratio of its odds to those of all comers."""
    as_they_come = sum(of_age * float(risk(age)) for age, of_age in ages.shares().items())
    return share / (1 - share) * (1 - as_they_come) / as_they_come


def joint(hospital: Hospital) -> NDArray[np.float64]:
    """p(age, portable, positive): `age portable positive`, ages from the mix's lowest on. Its sum is 1.

        p(age, portable, positive) = Σ_ill p(age, ill) · p(portable | ill) · p(positive | ill)

    Severity decides on the label, the circumstances do not, and severity does not depend on age.
    """
    by_illness = _ages_and_illness(hospital)
    portable = np.array([[1 - share, share] for share in (hospital.portable.well, hospital.portable.ill)])
    labelled = hospital.label_rule.shares(hospital.severity)
    positive = np.array([[1 - share, share] for share in (labelled.well, labelled.ill)])
    return np.einsum("ai,ip,il->apl", by_illness, portable, positive)


def density_ratio(studies: Sequence[Study], *, source: Hospital, target: Hospital) -> NDArray[np.float64]:
    """The true p_target(z) / p_source(z) of each study, z = (age, portable, positive).

    Its mean over studies of the source is 1, but for chance. Where an age is missing, both densities are summed
    over all ages: ages are missing by chance, equally often at all hospitals.

    Raises:
        ValueError: An age is outside both mixes.
    """
    p_source, p_target = (_with_unknown_age(hospital) for hospital in (source, target))
    ratios = []
    for study in studies:
        key = (study.age, int(study.portable), int(study.positive))
        if key not in p_source:
            raise ValueError(f"no such age at {source.name}: {study.age}")
        ratios.append(p_target.get(key, 0.0) / p_source[key])
    return np.array(ratios)


def _ages_and_illness(hospital: Hospital) -> NDArray[np.float64]:
    """p(age, ill), `age ill`."""
    shares = hospital.ages.shares()
    ill = risk(np.array(list(shares)))
    weights = np.array(list(shares.values()))[:, None] * np.stack([1 - ill, hospital.case_odds * ill], axis=1)
    return weights / weights.sum()


def _with_unknown_age(hospital: Hospital) -> dict[tuple[int | None, int, int], float]:
    """p(age, portable, positive) by age in years, and its sum over ages under None."""
    density = joint(hospital)
    ages: list[tuple[int | None, NDArray[np.float64]]] = [(None, density.sum(axis=0))]
    ages += [(hospital.ages.lowest + place, slab) for place, slab in enumerate(density)]
    return {(age, p, y): float(slab[p, y]) for age, slab in ages for p in (0, 1) for y in (0, 1)}

"""Does it hold at every site: each by itself, and a random-effects meta-analysis of AUROC, sensitivity and specificity.

    yᵢ = logit θᵢ,   vᵢ = Var(θᵢ) / (θᵢ·(1 − θᵢ))²      (delta method; a proportion: 1/(n_eff·p·(1 − p)))

A site where θᵢ is 0 or 1 gets half a success and half a failure more in tᵢ independent trials (Haldane, Anscombe):
θ = (tᵢ·θᵢ + ½)/(tᵢ + 1), v = 1/(tᵢ·θᵢ + ½) + 1/(tᵢ·(1 − θᵢ) + ½). For AUROC, tᵢ counts pairs that share no patient.

Below five sites nothing is pooled: τ² can then hardly be told from 0. Leaving out each site in turn shows whether one
site makes the result.

Reference: van Klaveren et al. 2014 (pooling AUROC on the logit scale); IntHout, Ioannidis, Borm 2014; Riley et al. 2021
(heterogeneity of performance, prediction intervals).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Final

import numpy as np
import pandas as pd

from medtransfer.core.evaluated.heterogeneity import PooledFigure, Sites, Subgroups, WithoutSite
from medtransfer.core.results import Estimate, OperatingPoint
from medtransfer.evaluation.heterogeneity.grouping import SITE, UNKNOWN, Grouping, attributes_of, groups_of
from medtransfer.evaluation.heterogeneity.measured import Measured, measured, too_few
from medtransfer.evaluation.heterogeneity.meta_analysis import Estimator, Pooling, pooled, spread
from medtransfer.evaluation.heterogeneity.subgroups import by_groups, coded, part_of
from medtransfer.evaluation.intervals import Interval
from medtransfer.evaluation.positive import Positive

FEWEST_SITES: Final = 5
POOLED: Final = ("AUROC", "sensitivity", "specificity")

_NAMED: Final = 5
"""Sites named in a note; the others are counted."""


@dataclass(frozen=True, kw_only=True)
class _AtSite:
    """One figure of one site, on the logit scale."""

    site: str
    n: int
    effect: float
    variance: float
    corrected: bool


def sites(
    view: Positive,
    table: pd.DataFrame,
    *,
    point: OperatingPoint | None = None,
    prespecified: bool = False,
    of: str | None = None,
    level: float = 0.95,
) -> Sites | None:
    """Every site against all others, and all together from five sites on.

    Args:
        view: The studies, as one finding against the rest.
        table: Of each study of the view, **in the view's order**, its row of the prediction table.
        point: The locked threshold of this finding; None for a finding without one.
        prespecified: Whether the comparison of sites was planned before the data were seen.
        of: The class or label, where there are several.
        level: Of the intervals.

    Returns:
        None where there are not two sites.
    """
    if SITE not in attributes_of(table):
        return None
    grouping = groups_of(table, SITE, most=None)
    if len(set(grouping.names) - {UNKNOWN}) < 2:
        return None
    view = coded(view)
    by_site = by_groups(view, grouping, point=point, prespecified=prespecified, of=of, level=level)
    found = _at_sites(view, grouping, threshold=point.threshold if point else None, level=level)
    named = [name for name in grouping.names if name != UNKNOWN]
    return Sites(
        by_site=by_site,
        pooled=tuple(
            _pooled(name, of_sites, named, level=level)
            for name, of_sites in found.items()
            if len(of_sites) >= FEWEST_SITES
        ),
        note="; ".join(_notes(by_site, found)),
    )


def _at_sites(view: Positive, grouping: Grouping, *, threshold: float | None, level: float) -> dict[str, list[_AtSite]]:
    """By figure, the sites where it is estimable."""
    found = {name: [] for name in POOLED[: 1 if threshold is None else None]}
    patients = int(view.groups.max(initial=-1)) + 1
    for code, site in enumerate(grouping.names):
        group = part_of(view, grouping.codes == code)
        if site == UNKNOWN or too_few(group):
            continue
        for one in measured(group, patients=patients, threshold=threshold, level=level):
            if one.estimate.name in found and (at := _on_logit_scale(one, site)) is not None:
                found[one.estimate.name].append(at)
    return found


def _on_logit_scale(one: Measured, site: str) -> _AtSite | None:
    """None where the data say nothing of its variance, as where all probabilities are equal."""
    value, n = one.estimate.value, one.estimate.n
    if value is None:
        return None
    if value in {0.0, 1.0}:
        with_it, without = one.trials * value + 0.5, one.trials * (1 - value) + 0.5
        effect, variance = log(with_it / without), 1 / with_it + 1 / without
        return _AtSite(site=site, n=n, effect=effect, variance=variance, corrected=True)
    variance = one.variance / (value * (1 - value)) ** 2
    if not 0 < variance < float("inf"):
        return None
    return _AtSite(site=site, n=n, effect=log(value / (1 - value)), variance=variance, corrected=False)


def _pooled(name: str, at: Sequence[_AtSite], named: Sequence[str], *, level: float) -> PooledFigure:
    effects, variances = (np.array([getattr(one, what) for one in at]) for what in ("effect", "variance"))
    n, k = sum(one.n for one in at), len(at)
    overall, far = pooled(effects, variances, level=level), spread(effects, variances, level=level)
    corrected = [one.site for one in at if one.corrected]
    note = f"half a success and half a failure added at {_some(corrected)}" if corrected else ""
    without = [pooled(np.delete(effects, i), np.delete(variances, i), level=level) for i in range(k)]
    moved = int(np.argmax([abs(one.effect - overall.effect) for one in without]))
    ahead = overall.prediction
    return PooledFigure(
        estimate=_back(name, overall, n=n, sites=k, level=level, note=note),
        sites=k,
        prediction_low=_expit(ahead.low) if ahead else None,
        prediction_high=_expit(ahead.high) if ahead else None,
        equal_effects=_back(
            name,
            pooled(effects, variances, estimator="equal", level=level),
            n=n,
            sites=k,
            level=level,
            estimator="equal",
        ),
        q=far.q,
        degrees=far.degrees,
        p=far.p,
        between_variance=_holding("τ²", far.between, far.between_interval, k, level),
        between_variance_dl=far.between_dl,
        between_share=_holding("I²", far.share, far.share_interval, k, level),
        left_out=tuple(sorted(set(named) - {one.site for one in at})),
        without=tuple(
            WithoutSite(site=one.site, estimate=_back(name, other, n=n - one.n, sites=k - 1, level=level))
            for one, other in zip(at, without, strict=True)
        ),
        moved_most_by=at[moved].site,
    )


def _back(
    name: str, one: Pooling, *, n: int, sites: int, level: float, estimator: Estimator = "REML", note: str = ""
) -> Estimate:
    """From the logit scale to the figure's own."""
    how = "equal effects" if estimator == "equal" else "random effects (REML, modified Hartung–Knapp)"
    return Estimate(
        name=name,
        value=_expit(one.effect),
        low=_expit(one.interval.low),
        high=_expit(one.interval.high),
        level=level,
        method=f"{how} over {sites} sites, logit scale",
        n=n,
        note=note,
    )


def _holding(name: str, value: float, interval: Interval, k: int, level: float) -> Estimate:
    """The Q-profile interval belongs to no one estimator: it is widened where REML's value lies outside."""
    low, high = min(value, interval.low), max(value, interval.high)
    return Estimate(name=name, value=value, low=low, high=high, level=level, method="REML, Q-profile interval", n=k)


def _notes(by_site: Subgroups, found: dict[str, list[_AtSite]]) -> Iterator[str]:
    for name, at in found.items():
        if len(at) < FEWEST_SITES:
            are = "is one site" if len(at) == 1 else f"are {len(at) or 'no'} sites"
            yield (
                f"{name} is not pooled: there {are} where it can be estimated, and below {FEWEST_SITES} the spread "
                "between sites cannot be judged"
            )
    unknown = sum(one.n for one in by_site.groups if one.name == UNKNOWN)
    if unknown:
        yield f"{unknown} studies of an unknown site are in the table and in no pooled figure"
    if any(one.shared_patients for one in by_site.groups):
        yield "some patients have studies at several sites, which pooling takes for independent"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _expit(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))

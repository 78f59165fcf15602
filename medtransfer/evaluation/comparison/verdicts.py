"""What may be said of differences: Holm's adjustment over the models, then a finding, and non-inferiority.

    better, worse    adjusted p < 1 − level, and the interval excludes 0
    no evidence      otherwise: which is no proof that the models are equal

    non-inferior     the interval's unfavourable end lies above −δ, and Holm's adjusted one-sided p < (1 − level)/2
    refuted          the whole interval lies below −δ

with Δ taken so that more is better. The margin δ is to be stated before anything is seen.

Reference: Holm 1979; ICH E9, §3.3.2 and ICH E10 (two-sided 95 % interval, one-sided 2.5 % test).
"""

from __future__ import annotations

from collections.abc import Sequence

from medtransfer.core.evaluated.comparison import Difference, Discordance, Finding, Margin, NonInferiority
from medtransfer.evaluation.comparison.multiplicity import holm


def judged(differences: Sequence[Difference]) -> tuple[Difference, ...]:
    """The differences of all models in one figure by one method: adjusted, and each with its finding."""
    adjusted = holm([one.p for one in differences])
    one_sided = holm([one.non_inferiority.p if one.non_inferiority else None for one in differences])
    return tuple(
        one.model_copy(
            update={
                "p_adjusted": p,
                "finding": _finding(one, p),
                "non_inferiority": _non_inferiority(one, below),
            }
        )
        for one, p, below in zip(differences, adjusted, one_sided, strict=True)
    )


def judged_decisions(discordances: Sequence[Discordance]) -> tuple[Discordance, ...]:
    """Those of all models among the same studies, adjusted."""
    adjusted = holm([one.p_exact for one in discordances])
    return tuple(one.model_copy(update={"p_adjusted": p}) for one, p in zip(discordances, adjusted, strict=True))


def _finding(one: Difference, p: float | None) -> Finding:
    if p is None or one.value is None:
        return "not_estimable"
    if one.low is None or one.high is None or p >= 1 - one.level or one.low <= 0 <= one.high:
        return "no_evidence"
    return "better" if (one.value > 0) == (one.better == "higher") else "worse"


def _non_inferiority(one: Difference, p: float | None) -> NonInferiority | None:
    asked = one.non_inferiority
    if asked is None:
        return None
    return asked.model_copy(update={"p_adjusted": p, "finding": _margin(one, asked.margin, p)})


def _margin(one: Difference, margin: float, p: float | None) -> Margin:
    if one.low is None or one.high is None or p is None:
        return "not_estimable"
    low, high = (one.low, one.high) if one.better == "higher" else (-one.high, -one.low)
    if high < -margin:
        return "refuted"
    return "shown" if low > -margin and p < (1 - one.level) / 2 else "not_shown"

"""The natural frequency: of 100 calibration patients scored like this one, how many had the finding.

*Scored like this* are its neighbours in the order of scores, as many below as above: a fifth of the scored studies,
at least 20 and at most 50. Near either end, where one side has fewer, the other side takes no more than it has, but 20
there are always. Studies of equal score are taken all or none. So the neighbourhood is the same whatever rising
function the scores are put through, recalibration among them, and as narrow as the studies allow.

The frequency is a proportion p of those studies, with Wilson's interval at the effective sample size where patients
repeat (`proportions`). Fewer than 20 scored studies allow none.

Where the finding is as frequent as stated (π′), and not as among the scored studies (π), the neighbourhood's likelihood
ratio carries frequency and interval over:

    LR = odds p / odds π,   odds p′ = LR · odds π′ = odds p · odds π′ / odds π

What the interval holds is the frequency among patients whose scores lie between the lowest and the highest of the
neighbours, which are said with it. Simulated with 60 to 400 studies, well and badly calibrated, with patients who
repeat, and shifted to another prevalence, it held that in 94 to 98 % of cohorts
(`tests/evaluation/test_natural_frequency.py`). The frequency at exactly this score, which only more studies can tell,
it held in 92 to 96 % from 250 studies on (in 86 % where nearly all scores lie at the ends), and in 71 to 87 % with 60.

Reference: Wilson 1927; Gigerenzer, Hoffrage 1995 (natural frequencies); Saerens, Latinne, Decaestecker 2002, eq. 2.4.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from medtransfer.core.records import Record
from medtransfer.core.results import SCORE_DECIMALS, Estimate, ScoredStudies
from medtransfer.core.types import Probabilities, Truths
from medtransfer.evaluation.patients import patient_count
from medtransfer.evaluation.prevalence import ASSUMPTION, checked_prevalence, probability_at
from medtransfer.evaluation.proportions import proportion

FEWEST: Final = 20
"""Studies that a natural frequency rests on at least."""

MOST: Final = 50
"""Studies it rests on at most, equal scores apart."""

NAME: Final = "natural frequency"

_FIFTH: Final = 5


class NaturalFrequency(Record):
    """How many of those scored like a study had the finding."""

    of: str
    """The class or label."""
    split: str
    """Where the studies come from."""
    estimate: Estimate
    """The frequency, in [0, 1]; `n` is the number of neighbours."""
    present: int
    """Neighbours with the finding."""
    patients: int
    """To whom the neighbours belong."""
    lowest: float | None
    """Score of the lowest neighbour; None, as `highest` is, where there are none."""
    highest: float | None
    scored: int
    """All studies they were taken from."""
    share: float | None
    """Of all these studies, how many have the finding."""
    prevalence: float | None
    """The stated one; None where the frequency is that among the scored studies."""
    assumption: str = ""
    """What has to hold for a stated prevalence, to be said wherever one is used."""


def natural_frequency(
    scored: ScoredStudies, probability: float, *, prevalence: float | None = None, level: float = 0.95
) -> NaturalFrequency:
    """How many had the finding of those scored like a study with this probability.

    Args:
        scored: Of the same class or label, from the bundle that gave the probability.
        probability: As the bundle gives it.
        prevalence: Where the finding is as frequent as stated; None for the frequency among the scored studies.
        level: Coverage aimed at.

    Raises:
        ConfigError: `PrevalenceOutOfRange`.
    """
    present = np.array(scored.present, dtype=bool)
    values = np.array(scored.probabilities, dtype=np.float64)
    near = _neighbours(values, float(np.round(probability, SCORE_DECIMALS)))
    owners = np.array(scored.patients, dtype=np.int64)[near]
    otherwise = f"only {values.size} studies were scored, and {FEWEST} are needed"
    estimate = proportion(NAME, present[near], owners, level=level, otherwise=otherwise)
    estimate = estimate.model_copy(update={"of": scored.of})
    share = float(present.mean()) if present.size else None
    if near.any():
        estimate = _beyond(estimate, values, probability)
        if prevalence is not None:
            estimate = _shifted(estimate, share=float(present.mean()), prevalence=checked_prevalence(prevalence))
    return NaturalFrequency(
        of=scored.of,
        split=scored.split,
        estimate=estimate,
        present=int(present[near].sum()),
        patients=patient_count(owners),
        lowest=float(values[near][0]) if near.any() else None,
        highest=float(values[near][-1]) if near.any() else None,
        scored=int(values.size),
        share=share,
        prevalence=prevalence,
        assumption="" if prevalence is None else ASSUMPTION,
    )


def _neighbours(values: Probabilities, probability: float) -> Truths:
    """Which of the ascending scores are those like this one; none where there are too few."""
    n = values.size
    if n < FEWEST:
        return np.zeros(n, dtype=bool)
    centre = int(np.searchsorted(values, probability, "left") + np.searchsorted(values, probability, "right")) // 2
    wanted = min(max(n // _FIFTH, FEWEST), MOST) // 2
    each = max(min(wanted, centre, n - centre), FEWEST // 2)
    first = min(max(centre - each, 0), n - 2 * each)
    return (values >= values[first]) & (values <= values[first + 2 * each - 1])


def _beyond(estimate: Estimate, values: Probabilities, probability: float) -> Estimate:
    """With a note where nobody scored as high, or as low."""
    value = float(np.round(probability, SCORE_DECIMALS))
    if values[0] <= value <= values[-1]:
        return estimate
    note = f"no scored study has so {'low' if value < values[0] else 'high'} a probability"
    return estimate.model_copy(update={"note": note})


def _shifted(estimate: Estimate, *, share: float, prevalence: float) -> Estimate:
    """At the stated prevalence; where all or none of the scored studies have the finding there is no way to it."""
    at = f"at a prevalence of {100 * prevalence:g} %"
    if share in {0.0, 1.0}:
        note = f"{'all' if share else 'none'} of the scored studies have the finding"
        return estimate.model_copy(update={"value": None, "low": None, "high": None, "note": note})
    moved = {
        name: None if end is None else probability_at(end, prior=share, stated=prevalence)
        for name, end in (("value", estimate.value), ("low", estimate.low), ("high", estimate.high))
    }
    return estimate.model_copy(update={**moved, "note": "; ".join(filter(None, [estimate.note, at]))})

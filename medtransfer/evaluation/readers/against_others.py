"""Each reader judged by the consensus of the others, and the model by the same consensus on the same studies.

A reader who is part of the reference standard agrees with himself; without him the comparison is fair to the model, and
both are judged alike.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.evaluated.readers import AgainstOthers, ConsensusRule
from medtransfer.core.results import Estimate
from medtransfer.core.types import ClassIndices, Groups, Truths
from medtransfer.evaluation.intervals import class_strata
from medtransfer.evaluation.proportions import proportion
from medtransfer.evaluation.readers.consensus import consensus, without
from medtransfer.evaluation.readers.question import Figure, Question, estimates
from medtransfer.evaluation.readers.sums import OfSums, ratio


def against_others(
    asked: Question,
    rule: ConsensusRule,
    *,
    called: Truths | None = None,
    seed: int,
    replicates: int,
    level: float = 0.95,
) -> tuple[AgainstOthers, ...]:
    """One row a reader; a reader whose answer is the whole reference is not judged.

    Args:
        asked: The readers' answers.
        rule: Of the consensus.
        called: Which studies the model calls positive at its threshold; None where it has none.
        seed: Of the bootstrap of differences.
        replicates: Of the bootstrap of differences.
        level: Of the intervals.
    """
    rows = []
    for index, name in enumerate(asked.readers):
        left = without(rule, name)
        if left is None or len(asked.readers) < 2:
            continue
        others = [other for other in range(len(asked.readers)) if other != index]
        reference = consensus(
            asked.answers[:, others],
            left,
            readers=[asked.readers[other] for other in others],
            classes=asked.classes,
            positive=asked.positive,
        )
        kept = (reference >= 0) & (asked.answers[:, index] >= 0)
        said, truth, groups = asked.answers[kept, index], reference[kept], asked.groups[kept]
        row = AgainstOthers(
            reader=name,
            of=asked.of,
            studies=int(kept.sum()),
            estimates=_figures(asked, said, truth, groups, level),
            model=(),
            differences=(),
        )
        if called is not None and asked.positive is not None:
            ill = truth == asked.positive
            figures = _difference_figures(said == asked.positive, called[kept], ill)
            strata = class_strata(ill.astype(np.int64), groups)
            found = estimates(
                figures, groups, of=asked.of, strata=strata, seed=seed, replicates=replicates, level=level
            )
            model = _figures(asked, np.where(called[kept], asked.positive, -1), truth, groups, level)
            row = row.model_copy(update={"model": model, "differences": tuple(found.values())})
        rows.append(row)
    return tuple(rows)


def _figures(
    asked: Question, said: ClassIndices, truth: ClassIndices, groups: Groups, level: float
) -> tuple[Estimate, ...]:
    """Sensitivity and specificity, or the share of equal answers where no class is positive."""
    wanted = (("agreement", truth >= 0, said == truth, "no study that the others settled"),)
    if asked.positive is not None:
        ill, called = truth == asked.positive, said == asked.positive
        wanted = (
            ("sensitivity", ill, called, "no positive study"),
            ("specificity", ~ill, ~called, "no negative study"),
        )
    return tuple(
        proportion(name, right[among], groups[among], level=level, otherwise=otherwise).model_copy(
            update={"of": asked.of}
        )
        for name, among, right, otherwise in wanted
    )


def _difference_figures(reader: Truths, model: Truths, ill: Truths) -> dict[str, Figure]:
    """Reader − model; both are judged on each drawing of patients."""
    return {
        "difference of sensitivity": Figure(
            kept=ill, statistic=_difference(reader[ill], model[ill]), otherwise="no positive study"
        ),
        "difference of specificity": Figure(
            kept=~ill, statistic=_difference(~reader[~ill], ~model[~ill]), otherwise="no negative study"
        ),
    }


def _difference(first: Truths, second: Truths) -> OfSums:
    """The share of right answers of the one less that of the other."""
    columns = np.stack([first.astype(np.float64) - second, np.ones(first.size)], axis=1)
    return OfSums(columns=columns, value=lambda sums: ratio(sums[:, 0], sums[:, 1]))

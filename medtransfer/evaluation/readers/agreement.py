"""How far readers agree, with intervals from the patient bootstrap: one drawing for all figures of a question."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from medtransfer.core.evaluated.readers import Agreement, Pair
from medtransfer.evaluation.readers.kappa import alpha, class_counts, cohen, fleiss, percent_agreement
from medtransfer.evaluation.readers.question import Figure, Question, estimates
from medtransfer.evaluation.readers.truth import UNCERTAIN

MOST_READERS = 8
"""Of more readers than this, pairs are not shown: there would be too many to read."""

_ONE_CLASS = "all definite answers are one class, or no study has two of them"


def agreement(asked: Question, *, seed: int, replicates: int, level: float = 0.95) -> Agreement:
    """Percent agreement, κ and α of the readers, and κ of each pair of them.

    Answers that are no class are left out, and the uncertain ones counted.

    Args:
        asked: The readers' answers.
        seed: Of the bootstrap.
        replicates: Of the bootstrap.
        level: Of the intervals.
    """
    overall, pairs = _overall(asked), _pairs(asked)
    of_pairs = {f"{first}/{second}": figure for (first, second), figure in pairs.items()}
    found = estimates(overall | of_pairs, asked.groups, of=asked.of, seed=seed, replicates=replicates, level=level)
    kind = _kappa_name(asked)
    return Agreement(
        of=asked.of,
        studies=int(((asked.answers >= 0).sum(axis=1) >= 2).sum()),
        uncertain=int((asked.answers == UNCERTAIN).sum()),
        estimates=tuple(found[name] for name in overall),
        pairs=tuple(
            Pair(
                first=asked.readers[first],
                second=asked.readers[second],
                kappa=found[f"{first}/{second}"].model_copy(update={"name": kind}),
            )
            for first, second in pairs
        ),
    )


def _overall(asked: Question) -> dict[str, Figure]:
    definite = asked.answers >= 0
    read_by = definite.sum(axis=1)
    several, complete = read_by >= 2, read_by == len(asked.readers)
    counts = class_counts(asked.answers, asked.classes)
    figures = {
        "percent agreement": Figure(kept=several, statistic=percent_agreement(counts[several]), otherwise=_ONE_CLASS)
    }
    if len(asked.readers) == 2:
        plain = cohen(asked.answers[several], asked.classes)
        figures["Cohen's kappa"] = Figure(kept=several, statistic=plain, otherwise=_ONE_CLASS)
        if asked.ordered:
            weighted = cohen(asked.answers[several], asked.classes, ordered=True)
            figures[_kappa_name(asked)] = Figure(kept=several, statistic=weighted, otherwise=_ONE_CLASS)
    if len(asked.readers) > 2:
        every = fleiss(counts[complete])
        none = "no study was read by all readers, or all answers are one class"
        figures["Fleiss' kappa"] = Figure(kept=complete, statistic=every, otherwise=none)
    name = "Krippendorff's alpha" + (", ordinal" if asked.ordered else "")
    some = alpha(counts[several], ordered=asked.ordered)
    figures[name] = Figure(kept=several, statistic=some, otherwise=_ONE_CLASS)
    return figures


def _pairs(asked: Question) -> dict[tuple[int, int], Figure]:
    """κ of every two of more than two readers, quadratic-weighted where the classes have an order."""
    figures = {}
    if 2 < len(asked.readers) <= MOST_READERS:
        for pair in combinations(range(len(asked.readers)), 2):
            theirs = asked.answers[:, list(pair)]
            both = np.asarray((theirs >= 0).all(axis=1))
            statistic = cohen(theirs[both], asked.classes, ordered=asked.ordered)
            figures[pair] = Figure(kept=both, statistic=statistic, otherwise=_ONE_CLASS)
    return figures


def _kappa_name(asked: Question) -> str:
    return "quadratic-weighted kappa" if asked.ordered else "Cohen's kappa"

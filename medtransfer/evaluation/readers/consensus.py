"""From the answers of several readers to one truth, by a stated rule.

    majority      the most frequent answer, "uncertain" being an answer as any other; a tie is uncertain, or what a
                  named adjudicator says, who has no vote otherwise
    unanimous     the answer that every reader gave who gave one; otherwise uncertain
    any_positive  positive where any reader said so; otherwise uncertain where any was uncertain; otherwise negative
    reader        what that reader said

Empty answers are no answers. The order of the readers decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medtransfer.core.errors import ConfigError
from medtransfer.core.evaluated.readers import ConsensusRule
from medtransfer.core.types import ClassIndices
from medtransfer.evaluation.readers.truth import EMPTY, UNCERTAIN, Answers

TIED = -3
"""Of a majority that there is not."""


def consensus(
    answers: Answers, rule: ConsensusRule, *, readers: Sequence[str], classes: int, positive: int | None
) -> ClassIndices:
    """One answer for each study: index of a class, `UNCERTAIN`, `EMPTY`, or `TIED`.

    Args:
        answers: Of the readers, as codes.
        rule: How they become one.
        readers: Names, in the order of the columns.
        classes: How many there are; 2 of a label.
        positive: Index of the positive class, which `any_positive` needs, of two.

    Raises:
        ConfigError: `UnknownReader`, or `NoPositive`.
    """
    if rule.reader and rule.reader not in readers:
        raise ConfigError(
            f"there is no reader {rule.reader!r}",
            code="UnknownReader",
            path="consensus",
            hint=f"The readers are {', '.join(readers)}.",
        )
    if rule.rule == "reader":
        return answers[:, list(readers).index(rule.reader)]
    if rule.rule == "majority":
        return _majority(answers, rule.reader, readers, classes)
    if rule.rule == "unanimous":
        return _unanimous(answers)
    if positive is None or classes != 2:
        raise ConfigError(
            f"any_positive asks for a positive class of two, and there are {classes} without one",
            code="NoPositive",
            path="consensus",
            hint="Use majority, unanimous or reader:NAME.",
        )
    return _any_positive(answers, positive)


def without(rule: ConsensusRule, reader: str) -> ConsensusRule | None:
    """The rule for all but one reader, whom it then does not depend on; None where he is the whole of it."""
    if reader != rule.reader:
        return rule
    return None if rule.rule == "reader" else ConsensusRule(rule=rule.rule)


def _majority(answers: Answers, adjudicator: str, readers: Sequence[str], classes: int) -> ClassIndices:
    voting = [index for index, name in enumerate(readers) if name != adjudicator]
    options = np.array([UNCERTAIN, *range(classes)])
    votes = (answers[:, voting][:, :, None] == options).sum(axis=1)
    most = votes.max(axis=1)
    found = np.where((votes == most[:, None]).sum(axis=1) == 1, options[votes.argmax(axis=1)], TIED)
    found = np.where(most == 0, EMPTY, found)
    if adjudicator:
        said = answers[:, list(readers).index(adjudicator)]
        open_ = (found == TIED) | (found == EMPTY)
        found = np.where(open_ & (said != EMPTY), said, found)
    return found.astype(np.int64)


def _unanimous(answers: Answers) -> ClassIndices:
    given = answers != EMPTY
    high = np.where(given, answers, np.iinfo(np.int64).min).max(axis=1, initial=np.iinfo(np.int64).min)
    low = np.where(given, answers, np.iinfo(np.int64).max).min(axis=1, initial=np.iinfo(np.int64).max)
    return np.where(~given.any(axis=1), EMPTY, np.where(high == low, high, UNCERTAIN)).astype(np.int64)


def _any_positive(answers: Answers, positive: int) -> ClassIndices:
    found = np.full(len(answers), 1 - positive)
    found[(answers == UNCERTAIN).any(axis=1)] = UNCERTAIN
    found[(answers == positive).any(axis=1)] = positive
    found[(answers == EMPTY).all(axis=1)] = EMPTY
    return found.astype(np.int64)

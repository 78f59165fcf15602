"""What several readers said of the studies, how far they agree, and how the model compares with each of them."""

from __future__ import annotations

from typing import Final, Literal, get_args

from pydantic import model_validator

from medtransfer.core.errors import ConfigError
from medtransfer.core.records import Record
from medtransfer.core.results import Estimate

Rule = Literal["majority", "unanimous", "any_positive", "reader"]

_WORDS: Final = {
    "majority": "the most frequent answer",
    "unanimous": "the answer that all readers gave",
    "any_positive": "positive where any reader said so",
    "reader": "the answer of one reader",
}


class ConsensusRule(Record):
    """How the answers of several readers become one truth."""

    rule: Rule = "majority"
    reader: str = ""
    """Of `reader`, whose answer counts; of `majority`, who decides where answers tie (and has no vote otherwise)."""

    @model_validator(mode="after")
    def _fits(self) -> ConsensusRule:
        if self.rule == "reader" and not self.reader:
            raise _unknown("reader", "no reader is named")
        if self.rule in {"unanimous", "any_positive"} and self.reader:
            raise _unknown(f"{self.rule}:{self.reader}", f"{self.rule} needs no reader")
        return self

    @classmethod
    def parse(cls, text: str) -> ConsensusRule:
        """`majority`, `majority:ADJUDICATOR`, `unanimous`, `any_positive` or `reader:NAME`.

        Raises:
            ConfigError: `UnknownRule`.
        """
        rule, _, reader = text.partition(":")
        if rule not in get_args(Rule):
            raise _unknown(text, "there is no such rule")
        return cls.model_validate({"rule": rule, "reader": reader.strip()})

    def words(self) -> str:
        """The rule for people."""
        if self.rule == "reader":
            return f"the answer of reader {self.reader}"
        if self.rule == "majority":
            tie = f"decided by {self.reader}" if self.reader else "uncertain"
            return f"{_WORDS['majority']}; a tie is {tie}"
        return f"{_WORDS[self.rule]}; otherwise " + (
            "uncertain" if self.rule == "unanimous" else "negative, or uncertain where a reader was"
        )


class ReaderCounts(Record):
    """What one reader said of the studies of the truth table; one of several labels counts as a study each."""

    reader: str
    definite: int
    uncertain: int
    empty: int
    """Not read, or left empty."""


class TruthAccount(Record):
    """What became of the truth when a truth table replaced it.

    predictions = settled + uncertain + tied + unread + without_truth
    """

    rule: ConsensusRule
    sha256: str
    """Of the truth table, as read."""
    uncertain_words: tuple[str, ...]
    readers: tuple[ReaderCounts, ...]
    truths: int
    """Studies of the truth table."""
    not_predicted: int
    """Studies of the truth table that the predictions lack."""
    predictions: int
    without_truth: int
    """Studies of the predictions that the truth table lacks."""
    settled: int
    """Studies with a definite consensus; of several labels, with one of any of them."""
    uncertain: int
    """The consensus itself is that nobody can say, or the readers differ where they must not."""
    tied: int
    unread: int
    """In the truth table, but without any answer."""
    changed: int
    """Settled studies of which the predictions said something else before."""

    @model_validator(mode="after")
    def _reconcile(self) -> TruthAccount:
        ended = self.settled + self.uncertain + self.tied + self.unread + self.without_truth
        if ended != self.predictions or self.truths - self.not_predicted != self.predictions - self.without_truth:
            msg = f"{self.predictions} predictions and {self.truths} truths, but {ended} accounted for"
            raise ValueError(msg)
        return self


class Pair(Record):
    """Two readers, on the studies to which both gave a definite answer."""

    first: str
    second: str
    kappa: Estimate


class Agreement(Record):
    """How far the readers agree; answers that are uncertain or missing are left out of it, and counted."""

    of: str | None = None
    """The label, where there are several."""
    studies: int
    """Read by two readers or more."""
    uncertain: int
    """Answers left out because they are uncertain."""
    estimates: tuple[Estimate, ...]
    pairs: tuple[Pair, ...]


class AgainstOthers(Record):
    """One reader, judged by the consensus of the others, and the model judged by the same on the same studies."""

    reader: str
    of: str | None = None
    studies: int
    estimates: tuple[Estimate, ...]
    """Sensitivity and specificity; without a positive class, agreement with the others."""
    model: tuple[Estimate, ...]
    """The same of the model at its threshold; empty where it has none."""
    differences: tuple[Estimate, ...]
    """Reader − model, of each figure in turn; empty where the model has none."""


class Readers(Record):
    """The reference standard, and the readers behind it."""

    account: TruthAccount
    positive: str | None
    agreement: tuple[Agreement, ...]
    against_others: tuple[AgainstOthers, ...]


def _unknown(rule: str, why: str) -> ConfigError:
    return ConfigError(
        f"consensus rule {rule!r}: {why}",
        code="UnknownRule",
        path="consensus",
        hint="Use majority, majority:ADJUDICATOR, unanimous, any_positive or reader:NAME.",
    )

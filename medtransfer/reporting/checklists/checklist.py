"""A checklist: its items from a TOML file, and its rows, filled where the tool knows the answer.

[[items]]
number = "20a"
section = "Results: participants"
subject = "flow of participants"     our own words, not the guideline's
answers = ["flow", "sample"]         functions of `answers`
sections = ["flow"]                  parts of the report that answer it, where the report has one of them
left = "follow-up time"              what a person must add; then the item is filled in part at most
"""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Final, Literal

from medtransfer.core.errors import ConfigError
from medtransfer.core.records import Record
from medtransfer.reporting.checklists.answers import answer
from medtransfer.reporting.checklists.known import Known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medtransfer.core.evaluated.evaluation import Evaluation
    from medtransfer.models.bundle import Manifest

CHECKLISTS: Final = ("tripod_ai", "claim_2024", "stard_ai")
"""Those there are, by file name."""

State = Literal["filled", "in part", "left"]

WORDS: Final[dict[State, str]] = {
    "filled": "filled by the tool",
    "in part": "filled in part: a person completes it",
    "left": "left for a person",
}


class Item(Record):
    """One item of a checklist."""

    number: str
    section: str
    subject: str
    answers: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    left: str = ""


class Checklist(Record):
    """A reporting guideline's checklist."""

    name: str
    title: str
    reference: str
    items: tuple[Item, ...]


class Row(Record):
    """One item with its answer."""

    number: str
    section: str
    subject: str
    answer: str
    """Empty where only a person knows."""
    where: str
    """Headings of the report, or the model card."""
    to_add: str
    """What a person must add."""
    state: State


def read_checklist(name: str) -> Checklist:
    """A checklist by the name of its file.

    Raises:
        ConfigError: `UnknownChecklist`.
    """
    if name not in CHECKLISTS:
        hint = f"There are {', '.join(CHECKLISTS)}."
        raise ConfigError(f"there is no checklist {name!r}", code="UnknownChecklist", path=name, hint=hint)
    text = resources.files("medtransfer.reporting.checklists").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return Checklist.model_validate(tomllib.loads(text))


def filled(
    checklist: Checklist,
    evaluation: Evaluation,
    manifest: Manifest | None = None,
    *,
    sections: Mapping[str, str] | None = None,
) -> tuple[Row, ...]:
    """Every item in its order, with what the tool knows of it.

    Args:
        checklist: The guideline.
        evaluation: What was measured.
        manifest: Of the bundle, where it is at hand.
        sections: Parts of the report by name, with their headings.
    """
    known = Known(evaluation=evaluation, manifest=manifest, sections=sections or {})
    return tuple(_row(item, known) for item in checklist.items)


def _row(item: Item, known: Known) -> Row:
    found = [one for name in item.answers if (one := answer(name, known)) is not None]
    headings = [known.sections[name] for name in item.sections if name in known.sections]
    texts = [one.text for one in found]
    if headings:
        texts.append(f"The report has the part {' and the part '.join(map(repr, headings))}.")
    complete = len(found) == len(item.answers) and (bool(headings) or not item.sections)
    state: State = "left"
    if texts:
        state = "filled" if complete and not item.left else "in part"
    return Row(
        number=item.number,
        section=item.section,
        subject=item.subject,
        answer=" ".join(texts),
        where="; ".join(dict.fromkeys([*(one.where for one in found), *headings])),
        to_add=item.left or ("" if complete and texts else item.subject),
        state=state,
    )

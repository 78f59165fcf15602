"""What a reader says of a study, before the model's answer (`impression`) or after it (`feedback`), as content."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

Agreement = Literal["agree", "disagree", "unsure"]
Said = Literal["present", "absent", "cannot say"]
Quality = Literal["good", "limited", "not diagnostic"]

_SAID: Final = frozenset(get_args(Said))


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """One reader's words.

    Attributes:
        answer: The class; empty where there are several labels, or where the reader cannot say.
        answers: Where there are several labels at once: what is said of each.
        confidence: In the answer, from 0 (a guess) to 100 (certain); None where the reader cannot say.
        agreement: With the model; empty before it was seen.
        reasons: Why, in a few words each.
        image_quality: Of the study; empty where nothing was said.
        remarks: Free text.
        follows: Number of the impression that this feedback follows.
        corrects: Number of the entry in whose place this one stands.
    """

    answer: str = ""
    answers: Mapping[str, Said] = field(default_factory=dict)
    confidence: int | None = None
    agreement: Agreement | Literal[""] = ""
    reasons: tuple[str, ...] = ()
    image_quality: Quality | Literal[""] = ""
    remarks: str = ""
    follows: int | None = None
    corrects: int | None = None

    @property
    def cannot_say(self) -> bool:
        """No answer at all."""
        return not self.answer and all(said == "cannot say" for said in self.answers.values())

    def as_text(self) -> str:
        """`pneumonia`, `pneumonia: present; effusion: absent`, or `cannot say`."""
        several = "; ".join(f"{name}: {said}" for name, said in self.answers.items())
        return several or self.answer or "cannot say"

    def as_content(self) -> dict[str, Any]:
        """For an entry: what was said, and that nothing could be."""
        said = {
            "agreement": self.agreement,
            "answer": self.answer,
            "answers": dict(self.answers),
            "cannot_say": self.cannot_say,
            "confidence": self.confidence,
            "reasons": list(self.reasons),
            "image_quality": self.image_quality,
            "remarks": self.remarks,
            "follows_entry": self.follows,
            "corrects_entry": self.corrects,
        }
        return {key: value for key, value in said.items() if value or (value == 0 and value is not False)}


def opinion_of(content: Mapping[str, Any]) -> Opinion:
    """From an entry's content; what is missing or of another kind is as if nothing had been said."""
    answers = content.get("answers")
    reasons = content.get("reasons")
    return Opinion(
        answer=_text(content, "answer"),
        answers={name: said for name, said in answers.items() if said in _SAID} if isinstance(answers, dict) else {},
        confidence=_number(content, "confidence"),
        agreement=_one_of(content, "agreement", Agreement),
        reasons=tuple(str(reason) for reason in reasons) if isinstance(reasons, list) else (),
        image_quality=_one_of(content, "image_quality", Quality),
        remarks=_text(content, "remarks"),
        follows=_number(content, "follows_entry"),
        corrects=_number(content, "corrects_entry"),
    )


def _text(content: Mapping[str, Any], key: str) -> str:
    value = content.get(key)
    return value if isinstance(value, str) else ""


def _number(content: Mapping[str, Any], key: str) -> int | None:
    value = content.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _one_of(content: Mapping[str, Any], key: str, choices: Any) -> Any:
    value = _text(content, key)
    return value if value in get_args(choices) else ""

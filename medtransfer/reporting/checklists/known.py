"""What the tool knows about an evaluation, from which checklists are answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medtransfer.core.evaluated.evaluation import Evaluation
    from medtransfer.models.bundle import Manifest


@dataclass(frozen=True, kw_only=True)
class Known:
    """Everything an answer may be derived from.

    Attributes:
        evaluation: What was measured.
        manifest: Of the bundle that predicted, where it is at hand.
        sections: Parts of the report, by name (`Section.name`), with their headings.
    """

    evaluation: Evaluation
    manifest: Manifest | None = None
    sections: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the tool knows of an item, and where it stands."""

    text: str
    where: str

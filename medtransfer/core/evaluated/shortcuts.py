"""What the finding can be told from without looking at the anatomy, and whether the score follows the scanner."""

from __future__ import annotations

from medtransfer.core.records import Record
from medtransfer.core.results import Estimate


class Shortcut(Record):
    """How well the finding is told from one thing alone."""

    name: str
    """`metadata`, `thumbnail`, `border`, or an attribute."""
    auroc: Estimate
    """Cross-fitted; 0.5 where nothing can be told."""
    made_of: tuple[str, ...] = ()
    """The attributes that it was told from."""


class GivenLabel(Record):
    """Whether the score differs between studies of one value and all others **with the same truth**."""

    attribute: str
    value: str
    studies: int
    superiority: Estimate
    """Chance that a study with this value scores above one without it, of the same truth; 0.5 is no association."""
    p_holm: float | None = None
    """Adjusted over all values of all attributes of the table."""


class Shortcuts(Record):
    """The shortcut panel of one finding."""

    of: str
    model: Estimate
    """AUROC of the model on the same studies."""
    panel: tuple[Shortcut, ...]
    """`metadata`, `thumbnail` and `border`; those that cannot be had say why."""
    attributes: tuple[Shortcut, ...] = ()
    """Each attribute alone, the one that tells most first."""
    given_label: tuple[GivenLabel, ...] = ()
    method: str
    seed: int
    warnings: tuple[str, ...] = ()

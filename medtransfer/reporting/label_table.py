"""What is known of each of several labels, and the figures that say most about it: one row a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medtransfer.reporting.words import slug

if TYPE_CHECKING:
    from medtransfer.core.evaluated.evaluation import Evaluation
    from medtransfer.core.results import Estimate, LabelCounts

SHOWN: Final = ("auroc", "average_precision", "brier_score")
"""Figures of a label, as columns."""


@dataclass(frozen=True, kw_only=True)
class LabelRow:
    """One label."""

    name: str
    counts: LabelCounts
    figures: tuple[Estimate | None, ...]
    """`SHOWN`; None where the evaluation has none such."""


def label_rows(evaluation: Evaluation) -> tuple[LabelRow, ...]:
    """The labels in their order; none where the classes exclude each other."""
    found = {(estimate.of, slug(estimate.name)): estimate for estimate in evaluation.estimates}
    return tuple(
        LabelRow(name=name, counts=counts, figures=tuple(found.get((name, key)) for key in SHOWN))
        for name, counts in evaluation.flow.per_label.items()
    )

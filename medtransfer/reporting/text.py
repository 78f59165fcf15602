"""An evaluation in a few lines for terminals and logs."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from medtransfer.core.inert import visible
from medtransfer.reporting.label_table import label_rows
from medtransfer.reporting.words import count, figure, is_macro_auroc, number, rule, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medtransfer.core.evaluated.evaluation import Evaluation
    from medtransfer.core.results import Flow

WIDTH = 100


def summary(evaluation: Evaluation) -> str:
    """Headline, figures of labels or ordered classes, operating point, flow and warnings, wrapped at 100 columns.

    Without colours or markup; control characters in titles and class names are spelt out, so that nothing in it moves
    the cursor.
    """
    return "\n".join(
        textwrap.fill(visible(line), WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        for line in _lines(evaluation)
    )


def _lines(evaluation: Evaluation) -> Iterator[str]:
    yield verdict(evaluation)
    yield from _by_task(evaluation)
    if not evaluation.operating_by_finding:
        yield "Operating point: none chosen; only probabilities were judged."
    for one in evaluation.operating_by_finding.values():
        point, figures = one.point, "; ".join(map(figure, one.estimates)) or "nothing was measured there"
        goal = "" if point.met else ", which no threshold reached"
        yield (
            f"Operating point ({rule(point)}{goal}): {point.positive} from {number(point.threshold)} on, "
            f"chosen on {point.chosen_on}. Here: {figures}."
        )
    yield _flow(evaluation.flow)
    yield from (f"Warning: {warning}" for warning in evaluation.warnings)


def _by_task(evaluation: Evaluation) -> Iterator[str]:
    """What a macro AUROC does not say: each label's figures, or how far off misses are where classes have an order."""
    if evaluation.task == "ordinal":
        yield "; ".join(figure(e) for e in evaluation.estimates if e.of is None and not is_macro_auroc(e)) + "."
    for row in label_rows(evaluation):
        yield f"{row.name}: {'; '.join(figure(e) for e in row.figures if e) or 'nothing was estimated'}."


def _flow(flow: Flow) -> str:
    classes = ", ".join(f"{n:,} {name}" for name, n in flow.per_class.items())
    classes += "; ".join(
        f"{name}: {n.present:,} with, {n.absent:,} without, {n.unknown:,} unknown" for name, n in flow.per_label.items()
    )
    return (
        f"Flow: {count(flow.inputs, 'input')} = {sum(flow.excluded.values()):,} excluded"
        f" + {sum(flow.failed.values()):,} failed + {flow.unlabelled:,} unlabelled"
        f" + {flow.evaluated:,} evaluated{f' ({classes})' if classes else ''}."
    )

"""A run as one self-contained page: what it was trained with, what every term did, and what to be wary of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medtransfer.core.files import write_text
from medtransfer.reporting.blocks import ReportBlock, blocks
from medtransfer.reporting.figures import PlotFigure
from medtransfer.reporting.page import render
from medtransfer.reporting.training_log import TermCourse, read_terms
from medtransfer.reporting.training_plots import term_plot, validation_plot
from medtransfer.reporting.words import RESEARCH_USE, significant

if TYPE_CHECKING:
    from medtransfer.core.config.plan import Plan
    from medtransfer.models.bundle import TrainingRecord

PAGE: Final = "training.html"


@dataclass(frozen=True, kw_only=True)
class EpochLoss:
    """Validation after one epoch."""

    steps: int
    log_loss: float


def write_training(
    plan: Plan, record: TrainingRecord, *, log: Path, validation: Sequence[EpochLoss], folder: Path
) -> Path:
    """Write `training.html`, whole or not at all.

    Args:
        plan: What was trained.
        record: How it went.
        log: `terms.csv` of the run.
        validation: Epochs that were validated.
        folder: Where the page goes.

    Returns:
        Its path.

    Raises:
        OutputError: It cannot be written.
    """
    write_text(folder / PAGE, render_training(plan, record, courses=read_terms(log), validation=validation))
    return folder / PAGE


def render_training(
    plan: Plan, record: TrainingRecord, *, courses: Sequence[TermCourse], validation: Sequence[EpochLoss]
) -> str:
    """The page; equal runs give equal bytes, but for the time they took."""
    return _page(plan, record, courses, [*_terms(courses), *_validation(record, validation)])


def training_words(plan: Plan, record: TrainingRecord, *, courses: Sequence[TermCourse]) -> tuple[ReportBlock, ...]:
    """The page without its drawings, as plain pieces: from the table of the objective on."""
    page = _page(plan, record, courses, [])
    return blocks(page[page.index("<main>") : page.index("</main>")])


def training_verdict(plan: Plan, record: TrainingRecord) -> str:
    """What was trained, and which epoch is kept, in one sentence."""
    kept = "the last epoch is kept" if record.best_epoch is None else f"epoch {record.best_epoch + 1} is kept"
    if plan.averaging.name != "none":
        kept += f", as the average {plan.averaging.name}"
    return (
        f"{plan.model.backbone} from {'random' if plan.model.weights == 'none' else plan.model.weights} weights, "
        f"{record.steps} steps in {record.epochs} epochs; {kept}."
    )


def _page(plan: Plan, record: TrainingRecord, courses: Sequence[TermCourse], plots: Sequence[PlotFigure]) -> str:
    sentence, _, rest = RESEARCH_USE.partition(". ")
    return render(
        "training.html.j2",
        title=f"{' or '.join(plan.target.classes)}: training",
        verdict=training_verdict(plan, record),
        research_use=(sentence, rest),
        record=record,
        objective=_objective(plan, courses),
        plots=plots,
    )


def _objective(plan: Plan, courses: Sequence[TermCourse]) -> list[tuple[str, str, str, str]]:
    """Rows of the table of terms: name, weight in J, first and last value."""
    return [
        (course.name, _range(course), significant(float(course.values[0])), significant(float(course.values[-1])))
        for course in courses
    ]


def _range(course: TermCourse) -> str:
    low, high = float(course.weights[0]), float(course.weights[-1])
    return f"{low:.3g}" if low == high else f"{low:.3g} → {high:.3g}"


def _terms(courses: Sequence[TermCourse]) -> list[PlotFigure]:
    return [
        PlotFigure(
            course.name,
            term_plot(course, name=f"term-{index}"),
            f"Multiplied by {_range(course)} in the objective.",
        )
        for index, course in enumerate(courses)
    ]


def _validation(record: TrainingRecord, validation: Sequence[EpochLoss]) -> list[PlotFigure]:
    if not validation:
        return []
    svg = validation_plot(
        [row.steps for row in validation], [row.log_loss for row in validation], best=record.best_epoch
    )
    return [PlotFigure("Validation", svg, "Log-loss after each epoch; orange: the one that was kept.")]

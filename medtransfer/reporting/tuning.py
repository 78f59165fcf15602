"""A search as files: JSON for programs, CSV for tables, one self-contained HTML page for readers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medtransfer.core.config.tuning import TRADE_OFF, Choices
from medtransfer.core.files import write_text
from medtransfer.core.inert import csv_cell
from medtransfer.core.tuning_results import Trial, Tuning
from medtransfer.reporting.figures import PlotFigure
from medtransfer.reporting.page import render
from medtransfer.reporting.tuning_plots import key_plot, trade_off_plot
from medtransfer.reporting.tuning_words import key_words, settings_words, state_words, value_words, verdict, why
from medtransfer.reporting.words import RESEARCH_USE, number

if TYPE_CHECKING:
    from medtransfer.core.config.tuning import Dimension
    from medtransfer.core.results import Estimate

JSON_NAME: Final = "tuning.json"
CSV_NAME: Final = "trials.csv"
HTML_NAME: Final = "tuning.html"


def write_tuning(tuning: Tuning, folder: Path) -> Path:
    """Write `tuning.json`, `trials.csv` and `tuning.html`, whole or not at all; the page comes last.

    Returns:
        The path of the HTML page.

    Raises:
        OutputError: The folder cannot be written to.
    """
    page = render_tuning(tuning)
    write_text(folder / JSON_NAME, tuning.model_dump_json(indent=2) + "\n")
    write_text(folder / CSV_NAME, trials_csv(tuning))
    write_text(folder / HTML_NAME, page)
    return folder / HTML_NAME


def trials_csv(tuning: Tuning) -> str:
    """Every trial, one a row: what was set, and what came of it. λ = ∞ is `inf`; what made no difference is empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    keys = [dimension.key for dimension in tuning.space]
    figures = [f"{name}{end}" for name in ("log_loss", "auroc", "source_log_loss") for end in ("", "_low", "_high")]
    parts = [f"part_{part}" for part in range(1, tuning.folds + 1)]
    marks = ["best", "chosen", "own", "front"]
    writer.writerow(["trial", "state", *keys, *figures, "standard_error", *parts, *marks, "seconds", "reason"])
    for trial in tuning.trials:
        losses = [*trial.fold_losses, *[""] * (tuning.folds - len(trial.fold_losses))]
        marked = [trial.number == one for one in (tuning.best, tuning.chosen, tuning.own)]
        row = [
            trial.number,
            trial.state,
            *(trial.settings.get(key, "") for key in keys),
            *(cell for one in (trial.log_loss, trial.auroc, trial.source_log_loss) for cell in _cells(one)),
            "" if trial.standard_error is None else trial.standard_error,
            *losses,
            *(int(mark) for mark in (*marked, trial.number in tuning.front)),
            trial.seconds,
            trial.reason,
        ]
        writer.writerow([csv_cell(cell) for cell in row])
    return buffer.getvalue()


def render_tuning(tuning: Tuning) -> str:
    """The page: one HTML document that asks for nothing from anywhere. Equal searches give equal bytes."""
    sentence, _, rest = RESEARCH_USE.partition(". ")
    chosen = tuning.trial(tuning.chosen)
    return render(
        "tuning.html.j2",
        title=tuning.title,
        tuning=tuning,
        verdict=verdict(tuning),
        research_use=(sentence, rest),
        cards=tuple(_cards(chosen)),
        why=why(tuning),
        chosen=tuple((key, value_words(value)) for key, value in chosen.settings.items()),
        plots=tuple(_plots(tuning)),
        keys=tuple(key_words(dimension.key) for dimension in tuning.space),
        space=tuple((key_words(dimension.key), dimension.key, _range_words(dimension)) for dimension in tuning.space),
        rows=tuple(_row(trial, tuning) for trial in _by_loss(tuning)),
        has_sources=any(trial.source_log_loss is not None for trial in tuning.trials),
    )


def _cards(chosen: Trial) -> Iterator[tuple[str, str, Estimate | None, str]]:
    """Name, value, the estimate behind it, and words where there is none."""
    yield "Chosen", f"Trial {chosen.number}", None, settings_words(chosen.settings)
    for name, estimate in (
        ("Held-out log-loss", chosen.log_loss),
        ("Held-out AUROC", chosen.auroc),
        ("Log-loss on the sources", chosen.source_log_loss),
    ):
        if estimate is not None:
            yield name, number(estimate.value), estimate, ""


def _plots(tuning: Tuning) -> Iterator[PlotFigure]:
    if len(tuning.front) > 1:
        yield PlotFigure(
            "What one hospital costs the other",
            trade_off_plot(tuning),
            "Each point is a setting; down and to the left is better. No setting is below the staircase, the Pareto "
            "front. Crosses are 95 % intervals over patients.",
            marked=tuning.trial(tuning.chosen).source_log_loss is not None,
        )
    for index, dimension in enumerate(tuning.space):
        if any(trial.state == "complete" and dimension.key in trial.settings for trial in tuning.trials):
            yield PlotFigure(
                f"Log-loss by {key_words(dimension.key)}",
                key_plot(tuning, dimension, name=f"key-{index}"),
                "Each point is a finished setting, with one standard error over the parts to either side. Below the "
                "dashed line it is as good as the best, as far as that can tell.",
                marked=True,
            )


def _by_loss(tuning: Tuning) -> list[Trial]:
    """The best first; what did not come to its end last, in order."""
    return sorted(tuning.trials, key=lambda trial: (trial.loss, trial.number))


def _row(trial: Trial, tuning: Tuning) -> dict[str, object]:
    return {
        "trial": trial,
        "values": tuple(value_words(trial.settings.get(dimension.key)) for dimension in tuning.space),
        "words": state_words(trial, tuning),
        "near": trial.loss <= tuning.threshold,
        "parts": ", ".join(number(loss) for loss in trial.fold_losses),
    }


def _range_words(dimension: Dimension) -> str:
    if isinstance(dimension, Choices):
        return ", ".join(value_words(value) for value in dimension.values)
    scale = " on a logarithmic scale" if dimension.log else ""
    share = ", even in λ / (1 + λ)" if dimension.key == TRADE_OFF else ""
    return f"{value_words(dimension.low)} to {value_words(dimension.high)}{scale}{share}"


def _cells(estimate: Estimate | None) -> tuple[float | str, float | str, float | str]:
    if estimate is None:
        return "", "", ""
    low, value, high = ("" if end is None else end for end in (estimate.low, estimate.value, estimate.high))
    return value, low, high

"""Which model is better on these studies? Predictions of several bundles, compared, as a page, tables and a record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medtransfer.core.evaluated.comparison import Comparison
from medtransfer.core.files import writable_folder
from medtransfer.core.results import Predictions
from medtransfer.evaluation.cautions import QUOTABLE_REPLICATES
from medtransfer.evaluation.comparison.compare import compared
from medtransfer.evaluation.comparison.pairing import paired_cases
from medtransfer.evaluation.comparison.question import one_question
from medtransfer.evaluation.predictions_io import TABLE, read_predictions
from medtransfer.reporting.comparison import write_comparison


def compare(
    *predictions: Predictions | str | Path,
    names: Sequence[str] = (),
    metric: str | None = None,
    margin: float | None = None,
    out: str | Path | None = None,
    title: str = "",
    seed: int = 0,
    replicates: int = QUOTABLE_REPLICATES,
) -> Comparison:
    """Compare models on the studies that all of them answered; the first is the reference, nothing is chosen.

    Args:
        predictions: Of two bundles or more, or the folders or CSVs that they were written to.
        names: What the models are called; default: what tells their folders apart, or `model 1`, `model 2`, …
        metric: The primary metric (`auroc`, `average_precision`, `brier`, `log_loss`, `sensitivity`, `specificity`,
            of several classes or labels `macro_auroc`, …), or `module:function`; default: AUROC.
        margin: So much worse in the primary metric would still do: asks for non-inferiority. State it beforehand.
        out: Folder for `comparison.html`, `comparison.json`, `comparison.csv`, and `left_out.csv`, which names the
            studies that are not compared.
        title: What the page is headed by.
        seed: Of the bootstrap.
        replicates: Of the bootstrap.

    Raises:
        PredictionsError: They cannot be compared as they are.
        ConfigError: Names, margin or replicates cannot be used.
        CatalogueError: The question has no such metric.
        OutputError: The folder cannot be written to.
    """
    folder = None if out is None else writable_folder(Path(out))
    read = [one if isinstance(one, Predictions) else read_predictions(Path(one)) for one in predictions]
    called = tuple(names) or told_apart(predictions)
    same = one_question(read, called)
    paired = paired_cases(same, called)
    found = compared(same, paired, metric=metric, margin=margin, title=title, seed=seed, replicates=replicates)
    if folder is not None:
        write_comparison(found, paired.left_out, folder)
    return found


def told_apart(places: Sequence[Predictions | str | Path]) -> tuple[str, ...]:
    """Names from folders: their paths without what they begin and end with in common."""
    numbered = tuple(f"model {i}" for i in range(1, len(places) + 1))
    if any(isinstance(one, Predictions) for one in places):
        return numbered
    paths = [Path(one).resolve() for one in places if not isinstance(one, Predictions)]
    parts = [list((path.parent if path.name == TABLE else path).parts) for path in paths]
    for end in (0, -1):
        while all(len(one) > 1 for one in parts) and len({one[end] for one in parts}) == 1:
            for one in parts:
                one.pop(end)
    found = tuple("/".join(one) for one in parts)
    return found if len(set(found)) == len(found) and not any(";" in one for one in found) else numbered

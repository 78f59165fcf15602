"""Predictions → figures, with whatever a user puts beside them: a truth table, a reference, the ledger of the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from medtransfer.core.config.evaluation import EvaluationConfig
from medtransfer.core.errors import ConfigError
from medtransfer.core.evaluated.readers import ConsensusRule
from medtransfer.core.files import writable_folder
from medtransfer.core.results import Predictions
from medtransfer.data.tables import read_table
from medtransfer.evaluation.evaluate import Beside
from medtransfer.evaluation.evaluate import evaluate as evaluate_predictions
from medtransfer.evaluation.predictions_io import read_predictions
from medtransfer.evaluation.readers.truth import read_truth
from medtransfer.models.bundle import Bundle, read_bundle
from medtransfer.pipeline.origins import origins_of
from medtransfer.reporting.card_files import require_its_own
from medtransfer.reporting.evaluation import PAGE_SUFFIX, write_evaluation, write_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from medtransfer.core.evaluated.evaluation import Evaluation

LEDGER = "ledger.csv"


def evaluate(  # noqa: PLR0913 - a user's questions, each by its name
    predictions: Predictions | str | Path,
    *,
    truth: str | Path | None = None,
    consensus: str = "majority",
    by: Sequence[str] = (),
    prespecified: Sequence[str] = (),
    prevalence: float | Mapping[str, float] | None = None,
    level: Literal["study", "patient"] = "study",
    pooling: Literal["mean", "max"] = "mean",
    reference: Predictions | str | Path | None = None,
    gallery: bool = False,
    title: str = "",
    seed: int = 0,
    replicates: int = 2000,
) -> Evaluation:
    """Measure predictions against the truth they carry; the threshold is the bundle's own.

    Args:
        predictions: The predictions, or the folder or CSV they were written to.
        truth: CSV with `study_id` and `truth`, and with `reader` where several have read; it takes the place of the
            cohort's labels.
        consensus: How several readers become one truth: `majority`, `majority:NAME` (who settles ties), `unanimous`,
            `any_positive`, `reader:NAME`.
        by: Attributes whose subgroups are looked at, such as `sex`, `age`, `site`, `manufacturer`.
        prespecified: Those of them that were named before the data were seen; the others are exploratory.
        prevalence: Where the model is to be used: of the positive class, or by class or label.
        level: Judge each study, or the studies of a patient together.
        pooling: How the probabilities of a patient's studies become one.
        reference: Predictions of the same bundle to measure drift against, such as those of its validation split.
        gallery: Name the most confident errors by study id.
        title: What the report is headed by.
        seed: Of every random draw.
        replicates: Of the bootstrap.

    Raises:
        PredictionsError: They cannot be evaluated as they are.
        CohortError: The truth table cannot be read.
        ConfigError: A setting does not fit.
    """
    place = None if isinstance(predictions, Predictions) else Path(predictions)
    found = predictions if isinstance(predictions, Predictions) else read_predictions(Path(predictions))
    if reference is not None and not isinstance(reference, Predictions):
        reference = read_predictions(Path(reference))
    table = None if truth is None else read_truth(truth, found.classes, found.task)
    config = EvaluationConfig(
        by=tuple(by),
        prespecified=tuple(prespecified),
        prevalence=prevalence if prevalence is None or isinstance(prevalence, float | int) else dict(prevalence),
        level=level,
        pooling=pooling,
        gallery=gallery,
        seed=seed,
        replicates=replicates,
    )
    beside = Beside(
        truth=table,
        rule=ConsensusRule.parse(consensus),
        reference=reference,
        ledger=None if place is None else ledger_beside(place),
        origins=origins_of(None, truth_sha256=table.sha256 if table else ""),
    )
    return evaluate_predictions(found, title=title, config=config, beside=beside)


def report(
    evaluation: Evaluation,
    *,
    out: str | Path,
    bundle: Bundle | str | Path | None = None,
    images: str | Path | None = None,
) -> Path:
    """Write `report.html`, `evaluation.json`, `estimates.csv`, `figures/` and `checklists/` into a folder.

    Args:
        evaluation: What was measured.
        out: The folder; or, where it ends in `.html`, the page itself, and nothing else is written.
        bundle: The one that predicted: more of the checklists is filled, and a model card is written.
        images: The cohort's folder: the most confident errors link to their images, where the page names them.

    Returns:
        The path of the page.

    Raises:
        OutputError: The folder or page cannot be written.
        PredictionsError: `OtherBundle`.
        BundleError: It cannot be read.
    """
    place = Path(out)
    own = bundle if bundle is None or isinstance(bundle, Bundle) else read_bundle(bundle)
    if own is not None:
        require_its_own(evaluation, own)
    if place.suffix.lower() == PAGE_SUFFIX:
        return write_page(evaluation, place, images=images)
    return write_evaluation(evaluation, writable_folder(place), bundle=own, images=images)


def ledger_beside(predictions: Path) -> pd.DataFrame | None:
    """The ledger that `predict` wrote beside the predictions, if it is there."""
    path = (predictions if predictions.is_dir() else predictions.parent) / LEDGER
    return read_table(path, "ledger")[0] if path.is_file() else None


def words_of(text: str) -> tuple[str, ...]:
    """`sex, age` as its words."""
    return tuple(filter(None, (word.strip() for word in text.split(","))))


def stated_prevalence(text: str) -> float | dict[str, float] | None:
    """`0.08`, or `mild=0.2,severe=0.05`, or nothing.

    Raises:
        ConfigError: `NotANumber`.
    """
    if not text:
        return None
    pairs = [word.rpartition("=") for word in words_of(text)]
    named = {name.strip(): share for name, equals, share in pairs if equals}
    try:
        if named and len(named) == len(pairs):  # each with its name, and none twice
            return {name: float(share) for name, share in named.items()}
        return float(text)
    except ValueError as error:
        raise ConfigError(
            f"'{text}' is no prevalence",
            code="NotANumber",
            path="--prevalence",
            hint="Write 0.08 for the positive class, or name=share for each class, separated by commas.",
        ) from error

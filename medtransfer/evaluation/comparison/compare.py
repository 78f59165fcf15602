"""Compare two models or more on the same studies. The first is the reference; nothing is chosen here.

One drawing of patients serves every model, so that all differences are paired. The primary metric is named beforehand,
and what is said rests on it; the other figures stand beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final, TypeVar

from medtransfer.core.errors import ConfigError
from medtransfer.core.evaluated.comparison import ComparedModel, Comparison, Difference
from medtransfer.core.results import Estimate, Predictions
from medtransfer.evaluation.cautions import QUOTABLE_REPLICATES
from medtransfer.evaluation.comparison.cautions import comparison_cautions
from medtransfer.evaluation.comparison.decisions import discordances
from medtransfer.evaluation.comparison.differences import Setting
from medtransfer.evaluation.comparison.measured import measured
from medtransfer.evaluation.comparison.measures import measures_of, positive_view
from medtransfer.evaluation.comparison.pairing import Paired, paired_cases
from medtransfer.evaluation.comparison.question import one_question
from medtransfer.evaluation.evaluate import PATIENTS_UNKNOWN
from medtransfer.evaluation.provenance import provenance

LEVEL: Final = 0.95

_Noted = TypeVar("_Noted", Estimate, Difference)


def compare(
    predictions: Sequence[Predictions],
    names: Sequence[str],
    *,
    metric: str | None = None,
    margin: float | None = None,
    title: str = "",
    seed: int = 0,
    replicates: int = QUOTABLE_REPLICATES,
) -> Comparison:
    """Measure every model on the studies that all of them answered, and their differences from the first.

    Args:
        predictions: Of two bundles or more; the first is the reference.
        names: What the models are called.
        metric: The primary one: of the catalogue, `sensitivity`, `specificity`, or `module:function`; default: AUROC,
            or its mean over classes or labels.
        margin: So much worse in the primary metric would still do; asks for non-inferiority. To be stated beforehand.
        title: Of the report.
        seed: Of the bootstrap.
        replicates: Of the bootstrap.

    Raises:
        PredictionsError: The predictions cannot be compared (codes in `question`, `pairing` and `cases`).
        ConfigError: Names, margin or replicates cannot be used.
        CatalogueError: The question has no such metric.
    """
    predictions = one_question(predictions, names)
    paired = paired_cases(predictions, names)
    return compared(predictions, paired, metric=metric, margin=margin, title=title, seed=seed, replicates=replicates)


def compared(
    predictions: Sequence[Predictions],
    paired: Paired,
    *,
    metric: str | None,
    margin: float | None,
    title: str,
    seed: int,
    replicates: int,
) -> Comparison:
    """`compare`, of studies that are paired already."""
    if margin is not None and not 0 < margin < inf:
        msg = f"{margin} is no margin"
        raise ConfigError(msg, code="NoMargin", hint="Give a positive number on the metric's own scale, such as 0.05.")
    first, groups = predictions[0], paired.cases[0].groups
    view = positive_view(paired, predictions)
    measures = measures_of(paired, predictions, view, primary=metric)
    setting = Setting(names=paired.names, groups=groups, level=LEVEL, margin=margin)
    found = measured(measures, view, setting, seed=seed, replicates=replicates)
    stamp = PATIENTS_UNKNOWN if any(one.patients_unknown for one in predictions) else ""
    called = None if view is None else view.called
    return Comparison(
        title=title,
        task=first.task,
        classes=first.classes,
        positive=first.positive,
        metric=measures[0].metric,
        margin=margin,
        n_studies=int(groups.size),
        n_patients=setting.patients,
        flow=paired.flow,
        models=tuple(
            ComparedModel(
                name=name,
                inputs=len(one.table),
                measurable=measurable,
                operating_point=one.operating_point,
                figures={key: _stamped(figures[k], stamp) for key, figures in found.figures.items()},
                provenance=provenance(one, seed=seed),
            )
            for k, (name, one, measurable) in enumerate(zip(paired.names, predictions, paired.measurable, strict=True))
        ),
        differences=tuple(_stamped(one, stamp) for one in found.differences),
        discordances=()
        if view is None or called is None
        else tuple(discordances(view.truth, called, groups, paired.names)),
        warnings=comparison_cautions(paired, predictions, replicates=replicates),
        replicates=replicates,
    )


def _stamped(one: _Noted, stamp: str) -> _Noted:
    return one.model_copy(update={"note": "; ".join(filter(None, [one.note, stamp]))})

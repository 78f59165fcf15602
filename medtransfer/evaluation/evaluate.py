"""Measure one set of predictions: everything that a reader may ask of them, in one record.

The threshold is the one that came with the predictions. Nothing here chooses, and nothing here could:
this room may not import the one that does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from medtransfer.core.config.evaluation import EvaluationConfig
from medtransfer.core.evaluated.calibration import Calibration
from medtransfer.core.evaluated.discrimination import Discrimination
from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.core.results import Estimate, Predictions
from medtransfer.evaluation.accounting.drift import drift
from medtransfer.evaluation.accounting.errors_gallery import errors_gallery
from medtransfer.evaluation.accounting.missing import missing_table
from medtransfer.evaluation.accounting.reconciliation import reconciled
from medtransfer.evaluation.accounting.shortcuts import shortcuts
from medtransfer.evaluation.accounting.spectrum import spectrum_table
from medtransfer.evaluation.cases import Cases, measured_cases, with_text_once
from medtransfer.evaluation.cautions import cautions
from medtransfer.evaluation.findings import Draws, Findings, is_one_finding, measured_findings, rows_of, views
from medtransfer.evaluation.flow import flow
from medtransfer.evaluation.heterogeneity.sites import sites
from medtransfer.evaluation.heterogeneity.subgroups import subgroups
from medtransfer.evaluation.many_classes import many_class_estimates
from medtransfer.evaluation.many_labels import many_label_estimates
from medtransfer.evaluation.ordered_classes import ordinal_estimates
from medtransfer.evaluation.paths import with_paths
from medtransfer.evaluation.patient_level import patient_level
from medtransfer.evaluation.positive import against_the_rest
from medtransfer.evaluation.prevalence import stated_shares
from medtransfer.evaluation.provenance import Origins, provenance
from medtransfer.evaluation.readers.reference import with_truth
from medtransfer.evaluation.readers.study import readers_part
from medtransfer.evaluation.two_classes import two_class_estimates

if TYPE_CHECKING:
    import pandas as pd

    from medtransfer.core.evaluated.readers import ConsensusRule
    from medtransfer.evaluation.readers.truth import TruthTable

PATIENTS_UNKNOWN = "patients unknown: interval may be too narrow"

_DEFAULT = EvaluationConfig()


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What an evaluation may look at beside the predictions.

    Attributes:
        truth: Reference standard that takes the place of the cohort's labels.
        rule: How several readers become one truth.
        reference: Earlier predictions of the same bundle, to measure drift against.
        ledger: Of the images that were predicted.
        origins: Digests for the footer.
    """

    truth: TruthTable | None = None
    rule: ConsensusRule | None = None
    reference: Predictions | None = None
    ledger: pd.DataFrame | None = None
    origins: Origins | None = None


def evaluate(
    predictions: Predictions, *, title: str = "", config: EvaluationConfig = _DEFAULT, beside: Beside | None = None
) -> Evaluation:
    """Measure the studies that were read and have a truth. The order of the rows does not matter.

    With two classes and a positive one everything is about that one. Otherwise every class is held against the rest, or
    every label looked at where it is known, and averages come first. What cannot be had has value None and a note.

    Args:
        predictions: The table, and what judges it.
        title: Of the report.
        config: What is asked for beyond the overall figures.
        beside: What else is looked at.

    Raises:
        PredictionsError: The predictions cannot be evaluated (codes in `cases`), or the truth table does not fit.
        ConfigError: A setting does not fit the predictions, such as a prevalence of a class that there is not.
    """
    beside = beside or Beside()
    made_from = provenance(predictions, seed=config.seed, origins=beside.origins)  # before a truth table changes them
    predictions = with_text_once(predictions)
    readers = None
    if beside.truth is not None:
        readers = readers_part(predictions, beside.truth, beside.rule, seed=config.seed, replicates=config.replicates)
        predictions, _ = with_truth(predictions, beside.truth, beside.rule)
    judged, left_out = predictions, 0
    if config.level == "patient":
        pooled = patient_level(predictions, pooling=config.pooling)
        judged, left_out = pooled.predictions, pooled.left_out
    cases = measured_cases(judged)
    stated = None if config.prevalence is None else stated_shares(judged, config.prevalence)
    found = measured_findings(cases, judged, stated=stated, draws=Draws(seed=config.seed, replicates=config.replicates))
    inputs, panels = flow(predictions), shortcuts(predictions, seed=config.seed)
    said = cautions(cases, judged, replicates=config.replicates, left_out=left_out)
    evaluation = Evaluation(
        title=title,
        task=predictions.task,
        classes=predictions.classes,
        positive=predictions.positive,
        level=config.level,
        n_studies=inputs.evaluated,
        n_patients=int(np.unique(cases.groups).size),
        flow=inputs,
        reconciliation=None if beside.ledger is None else reconciled(inputs, beside.ledger),
        estimates=_overall(cases, judged, found, config),
        discrimination=found.discrimination,
        calibration=found.calibration,
        uncalibrated=found.uncalibrated,
        prevalence=stated,
        operating=found.operating,
        operating_per_label=found.operating_per_label,
        usefulness=found.usefulness,
        missing=missing_table(predictions),
        spectrum=spectrum_table(predictions),
        drift=drift(predictions, reference=beside.reference, seed=config.seed),
        shortcuts=panels,
        errors=errors_gallery(with_paths(predictions, beside.ledger)) if config.gallery else (),
        readers=readers,
        warnings=(*said, *(warning for panel in panels for warning in panel.warnings)),
        provenance=made_from,
        **_by_group(cases, judged, config),
    )
    return _stamped(evaluation, PATIENTS_UNKNOWN) if predictions.patients_unknown else evaluation


def _overall(cases: Cases, predictions: Predictions, found: Findings, config: EvaluationConfig) -> tuple[Estimate, ...]:
    """The overall figures that the question asks for, the headline first."""
    classes = predictions.classes
    seeds = {"seed": config.seed, "replicates": config.replicates}
    if is_one_finding(predictions) and isinstance(found.discrimination, Discrimination):
        view = against_the_rest(cases, classes.index(str(predictions.positive)))
        figures = two_class_estimates(view, found=found.discrimination, **seeds)
        assert isinstance(found.calibration, Calibration)
        return (*figures, found.calibration.intercept, found.calibration.slope)
    assert not isinstance(found.discrimination, Discrimination)
    if predictions.task == "multilabel":
        return many_label_estimates(cases, classes, found=found.discrimination, **seeds)
    if predictions.task == "ordinal":
        return ordinal_estimates(cases, classes, found=found.discrimination, **seeds)
    return many_class_estimates(cases, classes, found=found.discrimination, **seeds)


def _by_group(cases: Cases, predictions: Predictions, config: EvaluationConfig) -> dict[str, Any]:
    """Subgroups and sites of each finding that is looked at."""
    by_attribute, by_site = [], []
    one = is_one_finding(predictions)
    for name, view in views(cases, predictions).items():
        if not view.truth.size:
            continue
        point = predictions.points.get(name)
        of = None if one else name
        table = cases.table.iloc[rows_of(cases, predictions, name)].reset_index(drop=True)
        by_attribute += subgroups(view, table, config.by, point=point, prespecified=config.prespecified, of=of)
        at_sites = sites(view, table, point=point, prespecified="site" in config.prespecified, of=of)
        by_site += [at_sites] if at_sites else []
    return {"subgroups": tuple(by_attribute), "sites": tuple(by_site)}


@singledispatch
def _stamped(found: Any, stamp: str) -> Any:
    """Every estimate in a record with one more note."""
    return found


@_stamped.register
def _(found: Estimate, stamp: str) -> Estimate:
    return found.model_copy(update={"note": "; ".join(filter(None, [found.note, stamp]))})


@_stamped.register
def _(found: BaseModel, stamp: str) -> BaseModel:
    return found.model_copy(update={name: _stamped(getattr(found, name), stamp) for name in type(found).model_fields})


@_stamped.register
def _(found: tuple, stamp: str) -> tuple[Any, ...]:
    return tuple(_stamped(one, stamp) for one in found)


@_stamped.register
def _(found: dict, stamp: str) -> dict[str, Any]:
    return {name: _stamped(one, stamp) for name, one in found.items()}

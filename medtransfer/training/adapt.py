"""From cohorts to a trained network: prepare, build, weigh, train, undo what imbalance settings shifted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from medtransfer.core.config.plan import Plan
from medtransfer.core.files import patient_digest
from medtransfer.core.types import CaseWeights, Task
from medtransfer.data.cache import PreparedCohort, prepare_cohort
from medtransfer.data.cohort import Cohort, patients
from medtransfer.data.dataset import StudySet
from medtransfer.data.ledger import Ledger, LedgerRow
from medtransfer.data.names import case_names
from medtransfer.data.splits import BUDGET_RULE
from medtransfer.data.targets import counts, targets_of
from medtransfer.models.assemble import new_classifier
from medtransfer.models.classifier import HEAD, SOURCE_HEAD, Classifier, Question
from medtransfer.models.features import encoded_once, frozen_features
from medtransfer.models.weights.sidecar import InputSpec, check_modalities
from medtransfer.training.checkpoint import LoopState
from medtransfer.training.fit import fit, training_device
from medtransfer.training.refusals import check_classes, check_frozen, check_moving, refuse_shared_patients
from medtransfer.training.step import FitData
from medtransfer.transfer.objective import build_objective, check_objective, weigh_source
from medtransfer.transfer.types import Sample, SampleWeights, TransferData


@dataclass(frozen=True, kw_only=True)
class Adapted:
    """A trained network, and what it has seen."""

    tensors: dict[str, np.ndarray]
    state: LoopState
    input_spec: InputSpec
    studies: dict[str, dict[str, int]]
    """Domain → class → studies."""
    sites: tuple[str, ...]
    modalities: tuple[str, ...]
    patients: tuple[str, ...]
    """`patient_digest` of each, with their site and without one; sorted."""
    instance_weights: dict[str, float] | None


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A network with its starting weights, and the images of everyone who takes part.

    Attributes:
        seen: `target`, `validation` and `source`, each where the plan has it.
        prepared: Their pictures.
        start: The pretrained parameters by name; None where they are random.
        ledger: One row for every row of both cohorts.
    """

    model: Classifier
    start: dict[str, nn.Parameter] | None
    seen: dict[str, Cohort]
    prepared: dict[str, PreparedCohort]
    ledger: Ledger


def prepare(plan: Plan, *, target: Cohort, source: Cohort | None, cache: Path, quiet: bool = True) -> Ready:
    """Load weights and images; what can be refused is refused before the first image is decoded.

    Args:
        plan: The plan.
        target: The target cohort, splits assigned.
        source: The source cohort, or None. Its own `test` rows, where it has any, stay locked.
        cache: Folder of prepared pictures.
        quiet: Show no progress bars.

    Raises:
        UnusableInputError: A part of the plan lacks something.
    """
    seen = _cohorts(plan, target, source)
    model = new_classifier(
        plan.model,
        question=Question(plan.target.task, len(plan.target.classes)),
        source=None if source is None or plan.same_question else Question(_task(plan, "source"), len(source.classes)),
        seed=plan.seed,
    ).to(training_device(plan.training.device))
    check_objective(plan.objective, model=model, has_source=source is not None)
    check_frozen(plan, model)
    check_moving(plan, model)
    prepared = {
        name: prepare_cohort(cohort, preprocess=plan.preprocess, read=plan.read, folder=cache, quiet=quiet)
        for name, cohort in seen.items()
    }
    kinds = {kind for part in prepared.values() for kind in part.modalities}
    check_modalities(model.weights.modalities, kinds, weights=plan.model.weights)
    return Ready(
        model=model,
        start=None if plan.model.weights == "none" else dict(model.named_parameters()),
        seen=seen,
        prepared=prepared,
        ledger=_ledger(prepared, seen, target, source),
    )


def adapt(
    plan: Plan,
    ready: Ready,
    *,
    folder: Path,
    on_start: Callable[[], None],
    resume: bool = False,
    quiet: bool = True,
) -> Adapted:
    """Train what the plan says.

    Args:
        plan: The plan.
        ready: What `prepare` made of it.
        folder: The run's folder: checkpoint and logs.
        on_start: Called when nothing stands in the way of training any more.
        resume: Go on from the folder's checkpoint.
        quiet: Show no progress bars.

    Raises:
        MedTransferError: A term lacks something, or training went wrong.
    """
    model, seen, prepared = ready.model, ready.seen, ready.prepared
    sets = {name: study_set(part, seen[name].classes, _task(plan, name)) for name, part in prepared.items()}
    check_classes(sets, seen)
    if plan.training.features == "frozen":
        sets = {name: encoded_once(model, part, quiet=quiet) for name, part in sets.items()}
    weights = _instance_weights(plan, model, sets)
    class_weights = _class_weights(plan, sets["target"])
    objective = build_objective(
        plan.objective,
        model=model,
        start=ready.start,
        data=TransferData(target=sets["target"], source=sets.get("source")),
        class_weights=class_weights if plan.training.imbalance == "weighted" else None,
    )
    data = _fit_data(plan, sets, weights, class_weights)
    on_start()
    fitted = fit(model, objective, data, plan, folder=folder, resume=resume, quiet=quiet)
    tensors = {key: value for key, value in fitted.tensors.items() if not key.startswith(f"heads.{SOURCE_HEAD}.")}
    if class_weights is not None:
        tensors[f"heads.{HEAD}.bias"] = without_offset(tensors[f"heads.{HEAD}.bias"], class_weights)
    return Adapted(
        tensors=tensors,
        state=fitted.state,
        input_spec=model.spec,
        studies={
            name: dict(zip(seen[name].classes, counts(part.labels, len(seen[name].classes)).tolist(), strict=True))
            for name, part in sets.items()
        },
        sites=tuple(sorted({site for part in prepared.values() for site in part.table["site"]})),
        modalities=tuple(sorted({kind for part in prepared.values() for kind in part.modalities})),
        patients=_digests(prepared),
        instance_weights=None
        if weights is None
        else {"effective_size": round(weights.effective_size, 2), "clipped": weights.clipped},
    )


def _cohorts(plan: Plan, target: Cohort, source: Cohort | None) -> dict[str, Cohort]:
    """The rows that take part: `target`, `validation` and `source`, each where the plan has it.

    Raises:
        CohortError: Source and target share patients.
    """
    seen = {"target": _labelled(target.split("train"))}
    if (target.table["split"] == "validation").any():
        seen["validation"] = _labelled(target.split("validation"))
    if source is not None and not np.isinf(plan.objective.trade_off):
        refuse_shared_patients(target, source)
        rows = source.table[source.table["split"].isin(["", "train"]) & (source.table["label"] != "")]
        seen["source"] = source.with_table(rows)
    return seen


def _labelled(cohort: Cohort) -> Cohort:
    return cohort.with_rows(cohort.table[cohort.table["label"] != ""])


def _fit_data(
    plan: Plan, sets: dict[str, StudySet], weights: SampleWeights | None, class_weights: CaseWeights | None
) -> FitData:
    shares = class_weights if plan.training.imbalance == "balanced" else None
    return FitData(
        target=sets["target"],
        validation=sets.get("validation"),
        source=sets.get("source"),
        source_weights=None if weights is None else weights.values,
        target_sampling=None if shares is None else shares[sets["target"].labels],
        source_sampling=shares[sets["source"].labels]
        if shares is not None and plan.same_question and "source" in sets
        else None,
        log_offset=None if class_weights is None else np.log(class_weights),
    )


def study_set(prepared: PreparedCohort, classes: tuple[str, ...], task: Task) -> StudySet:
    """Labelled studies as the training loop wants them: each with all of its rows that could be read."""
    table = prepared.table.reset_index(drop=True)
    rows = tuple(tuple(part.index.tolist()) for _, part in table.groupby("study_id", sort=False))
    first, names = table.iloc[[study[0] for study in rows]], case_names(table)
    return StudySet(
        arrays=prepared.arrays,
        rows=rows,
        labels=targets_of(first["label"], classes, task),
        patients=pd.factorize(patients(first), sort=True)[0].astype(np.int64),
        names=tuple(names[study[0]] for study in rows),
    )


def balance(labels: np.ndarray, classes: int) -> CaseWeights:
    """w_k = 1 / (K·π_k): weights that make the classes count alike and have mean 1 over the cases."""
    share = np.bincount(labels, minlength=classes) / len(labels)
    return 1 / (classes * share)


def without_offset(bias: np.ndarray, class_weights: CaseWeights) -> np.ndarray:
    """The head's bias after training with class weights (or sampling in proportion to them) is undone.

    Such training fits p′_k ∝ w_k·p_k, so the logit of class k is too large by log w_k; a constant added to all of
    them changes nothing. Reference: Elkan 2001, The foundations of cost-sensitive learning, theorem 2.
    """
    return (bias - np.log(class_weights)).astype(bias.dtype)


def _task(plan: Plan, name: str) -> Task:
    """The kind of question that a domain's labels answer."""
    return plan.source.task if name == "source" and plan.source is not None else plan.target.task


def _class_weights(plan: Plan, target: StudySet) -> CaseWeights | None:
    """Weights that make the classes count alike, where the plan wants them to."""
    return None if plan.training.imbalance == "none" else balance(target.labels, len(plan.target.classes))


def _instance_weights(plan: Plan, model: Classifier, sets: dict[str, StudySet]) -> SampleWeights | None:
    if not plan.objective.instances or "source" not in sets:
        return None
    source, target = (
        Sample(features=frozen_features(model, sets[name]), patients=sets[name].patients)
        for name in ("source", "target")
    )
    return weigh_source(plan.objective, source, target)


def _ledger(
    prepared: dict[str, PreparedCohort], seen: dict[str, Cohort], target: Cohort, source: Cohort | None
) -> Ledger:
    """One row for every row of both cohorts: what was read, and by which rule the others were left out."""
    rows = [
        replace(row, path=str(seen[name].file(row.path))) for name, part in prepared.items() for row in part.ledger.rows
    ]
    done = {row.path for row in rows}
    for cohort in (target, *([] if source is None else [source])):
        columns = cohort.table[["study_id", "label", "split"]].itertuples(index=False)
        for name, (study, label, split) in zip(case_names(cohort.table), columns, strict=True):
            place = str(cohort.file(name))
            if place not in done:
                rule, reason = _left_out(label, split, is_target=cohort is target, skipped="source" not in seen)
                rows.append(LedgerRow(path=place, status="excluded", code=rule, reason=reason, study_id=study))
    return Ledger(tuple(sorted(rows, key=lambda row: row.path)))


def _left_out(label: str, split: str, *, is_target: bool, skipped: bool) -> tuple[str, str]:
    """The rule by which a row takes no part in training, and its words."""
    if not is_target and skipped:
        return "source_skipped", "λ = inf: the source is not looked at"
    if not label:
        return "unlabelled", "training needs a label"
    if split in {"test", "calibration", "validation"}:
        return f"locked_{split}", f"split {split} is not trained on"
    return BUDGET_RULE, "beyond labels_per_class"


def _digests(prepared: dict[str, PreparedCohort]) -> tuple[str, ...]:
    digests = set()
    for part in prepared.values():
        for patient, site in zip(part.table["patient_id"], part.table["site"], strict=True):
            if patient:
                digests |= {patient_digest(patient, site=site), patient_digest(patient)}
    return tuple(sorted(digests))

"""From cohorts to a trained network: prepare, build, weigh, train, undo what imbalance settings shifted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from medtransfer.core.config.plan import Plan
from medtransfer.core.errors import CohortError
from medtransfer.core.files import patient_digest
from medtransfer.core.types import CaseWeights
from medtransfer.data.cache import PreparedCohort, prepare_cohort
from medtransfer.data.cohort import Cohort, patients
from medtransfer.data.dataset import PictureSet
from medtransfer.data.ledger import Ledger, LedgerRow
from medtransfer.data.splits import BUDGET_RULE
from medtransfer.models.assemble import new_classifier
from medtransfer.models.classifier import HEAD, SOURCE_HEAD, Classifier
from medtransfer.models.features import frozen_features
from medtransfer.models.input_spec import InputSpec
from medtransfer.training.checkpoint import LoopState
from medtransfer.training.fit import fit, training_device
from medtransfer.training.step import FitData
from medtransfer.transfer.objective import build_objective, weigh_source
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
    """`patient_digest` of each, sorted; those of the source with their site."""
    instance_weights: dict[str, float] | None


def adapt(
    plan: Plan,
    *,
    target: Cohort,
    source: Cohort | None,
    folder: Path,
    cache: Path,
    on_read: Callable[[Ledger], None],
    resume: bool = False,
    quiet: bool = True,
) -> Adapted:
    """Train what the plan says.

    Args:
        plan: The plan.
        target: The target cohort, splits assigned.
        source: The source cohort, or None. Its own `test` rows, where it has any, stay locked.
        folder: The run's folder: checkpoint and logs.
        cache: Folder of prepared pictures.
        on_read: Given the ledger of every image once all are read; may raise to stop.
        resume: Go on from the folder's checkpoint.
        quiet: Show no progress bars.

    Raises:
        MedTransferError: A part of the plan lacks something, or training went wrong.
    """
    seen = {"target": target.split("train")}
    if plan.split.validation or (target.table["split"] == "validation").any():
        seen["validation"] = target.split("validation")
    if source is not None and not np.isinf(plan.objective.trade_off):
        rows = source.table[source.table["split"].isin(["", "train"]) & (source.table["label"] != "")]
        seen["source"] = source.with_table(rows)
    prepared = {
        name: prepare_cohort(cohort, size=plan.preprocess.size, folder=cache, quiet=quiet)
        for name, cohort in seen.items()
    }
    on_read(_ledger(prepared, target))
    sets = {name: picture_set(part, seen[name].classes) for name, part in prepared.items()}
    _check_classes(sets, seen)
    model = new_classifier(
        plan.model,
        classes=len(plan.target.classes),
        source_classes=None if source is None or plan.same_question else len(source.classes),
        seed=plan.seed,
    ).to(training_device(plan.training.device))
    weights = _instance_weights(plan, model, sets)
    class_weights = balance(sets["target"].labels, len(plan.target.classes))
    objective = build_objective(
        plan.objective,
        model=model,
        start=None if plan.model.weights == "none" else dict(model.named_parameters()),
        data=TransferData(target=sets["target"], source=sets.get("source")),
        class_weights=class_weights if plan.training.imbalance == "weighted" else None,
    )
    balanced = plan.training.imbalance == "balanced"
    data = FitData(
        target=sets["target"],
        validation=sets.get("validation"),
        source=sets.get("source"),
        source_weights=None if weights is None else weights.values,
        target_sampling=class_weights[sets["target"].labels] if balanced else None,
        source_sampling=class_weights[sets["source"].labels] if balanced and plan.same_question else None,
    )
    fitted = fit(model, objective, data, plan, folder=folder, resume=resume, quiet=quiet)
    tensors = {key: value for key, value in fitted.tensors.items() if not key.startswith(f"heads.{SOURCE_HEAD}.")}
    if plan.training.imbalance != "none":
        tensors[f"heads.{HEAD}.bias"] = without_offset(tensors[f"heads.{HEAD}.bias"], class_weights)
    return Adapted(
        tensors=tensors,
        state=fitted.state,
        input_spec=model.spec,
        studies={name: _per_class(part.table, seen[name].classes) for name, part in prepared.items()},
        sites=tuple(sorted({site for part in prepared.values() for site in part.table["site"]})),
        modalities=tuple(sorted({kind for part in prepared.values() for kind in part.modalities})),
        patients=_digests(prepared),
        instance_weights=None
        if weights is None
        else {"effective_size": round(weights.effective_size, 2), "clipped": weights.clipped},
    )


def picture_set(prepared: PreparedCohort, classes: tuple[str, ...]) -> PictureSet:
    """Labelled pictures as the training loop wants them."""
    codes = {name: index for index, name in enumerate(classes)}
    return PictureSet(
        pictures=prepared.pictures,
        labels=prepared.table["label"].map(codes).to_numpy(dtype=np.int64),
        patients=pd.factorize(patients(prepared.table), sort=True)[0].astype(np.int64),
        names=tuple(prepared.table["path"]),
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


def _instance_weights(plan: Plan, model: Classifier, sets: dict[str, PictureSet]) -> SampleWeights | None:
    if not plan.objective.instances or "source" not in sets:
        return None
    source, target = (
        Sample(features=frozen_features(model, sets[name]), patients=sets[name].patients)
        for name in ("source", "target")
    )
    return weigh_source(plan.objective, source, target)


def _ledger(prepared: dict[str, PreparedCohort], target: Cohort) -> Ledger:
    """Every row of the cohorts that took part, and of the target what the label budget left out."""
    rows = [row for part in prepared.values() for row in part.ledger.rows]
    left_out = target.table[(target.table["split"] == "") & (target.table["label"] != "")]
    rows += [
        LedgerRow(path=path, status="excluded", code=BUDGET_RULE, reason="beyond labels_per_class", study_id=study)
        for path, study in zip(left_out["path"], left_out["study_id"], strict=True)
    ]
    return Ledger(tuple(rows))


def _digests(prepared: dict[str, PreparedCohort]) -> tuple[str, ...]:
    digests = set()
    for name, part in prepared.items():
        for patient, site in zip(part.table["patient_id"], part.table["site"], strict=True):
            if patient:
                digests.add(patient_digest(patient, site=site if name == "source" else ""))
    return tuple(sorted(digests))


def _check_classes(sets: dict[str, PictureSet], seen: dict[str, Cohort]) -> None:
    """Reading may have cost a class its last study."""
    for name, part in sets.items():
        classes = seen[name].classes
        empty = [c for c, n in zip(classes, np.bincount(part.labels, minlength=len(classes)), strict=True) if n == 0]
        if empty:
            raise CohortError(
                f"no readable {name} study of class {', '.join(empty)}",
                code="OneClass",
                path=seen[name].source,
                hint="Look into ledger.csv for what failed.",
            )


def _per_class(table: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, int]:
    labels = table.drop_duplicates("study_id")["label"]
    return {name: int((labels == name).sum()) for name in classes}

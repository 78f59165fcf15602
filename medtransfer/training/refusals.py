"""What a plan and its cohorts must not be, said before anything is trained."""

from __future__ import annotations

from medtransfer.core.config.plan import Plan
from medtransfer.core.errors import CohortError, ConfigError
from medtransfer.core.files import same_files
from medtransfer.data.cohort import Cohort
from medtransfer.data.dataset import StudySet
from medtransfer.data.targets import counts
from medtransfer.models.classifier import HEAD, NEW, Classifier
from medtransfer.training.optimiser import policy_rates


def check_frozen(plan: Plan, model: Classifier) -> None:
    """Refuse to keep features of an encoder that moves.

    Raises:
        ConfigError: The policy moves a stage, now or later.
    """
    moved = sorted(_moved(plan, model) - set(NEW))
    if plan.training.features == "frozen" and moved:
        raise ConfigError(
            f"features are to be frozen, and the policy {plan.policy.name} moves {', '.join(moved)}",
            code="EncoderMoves",
            path="training.features",
            hint='Set policy.name = "head", or training.features = "live".',
        )


def check_moving(plan: Plan, model: Classifier) -> None:
    """Refuse feature terms where no feature can change.

    Raises:
        ConfigError: The policy moves the head alone.
    """
    terms = [name for name, settings in plan.objective.features.items() if settings.get("strength", 1.0) > 0]
    if terms and _moved(plan, model) <= {HEAD}:
        raise ConfigError(
            f"the policy {plan.policy.name} moves the head alone, and {', '.join(terms)} would do nothing",
            code="ConflictingTerms",
            path="objective.features",
            hint='Remove the terms (--set "objective.features={}"), or let something below the head move '
            "(policy.name = full, or model.pooling.name = attention).",
        )


def _moved(plan: Plan, model: Classifier) -> set[str]:
    """Groups that the policy moves, now or at the last; an epoch has a step at least."""
    epochs = (0.0, float(max(plan.training.epochs, plan.training.min_steps)))
    rates = [policy_rates(plan.policy, model, progress) for progress in epochs]
    return {name for said in rates for name, rate in said.items() if rate > 0}


def refuse_shared_patients(target: Cohort, source: Cohort) -> None:
    """A patient of the target who also trains as a source case would be on both sides of a split."""
    shared = same_files(
        [target.file(path) for path in target.table["path"]], [source.file(path) for path in source.table["path"]]
    )
    theirs = set(zip(source.table["site"], source.table["patient_id"], strict=True))
    both = [
        patient
        for site, patient in zip(target.table["site"], target.table["patient_id"], strict=True)
        if patient and (site, patient) in theirs
    ]
    if shared or both:
        found = [f"{len(shared)} images"] * bool(shared) + [f"{len(set(both))} patients"] * bool(both)
        cure = "Take them out of one of the two."
        if not shared:
            cure = "If they are other people with the same ids, name the two hospitals in the column `site`."
        raise CohortError(
            f"source and target share {' and '.join(found)}", code="SharedPatients", path=source.source, hint=cure
        )


def check_classes(sets: dict[str, StudySet], seen: dict[str, Cohort]) -> None:
    """Reading may have cost a class its last study."""
    for name, part in sets.items():
        classes = seen[name].classes
        empty = [c for c, n in zip(classes, counts(part.labels, len(classes)), strict=True) if n == 0]
        if empty:
            raise CohortError(
                f"no readable {name} study of class {', '.join(empty)}",
                code="OneClass",
                path=seen[name].source,
                hint="Look into ledger.csv for what failed.",
            )

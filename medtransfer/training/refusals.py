"""What a plan and its cohorts must not be, said before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from medtransfer.core.config.plan import Plan
from medtransfer.core.config.transfer import AVERAGING, PARAMETERS
from medtransfer.core.errors import CohortError, ConfigError
from medtransfer.core.files import same_files
from medtransfer.data.cohort import Cohort
from medtransfer.data.dataset import StudySet
from medtransfer.data.targets import counts
from medtransfer.models.classifier import HEAD, NEW, Classifier
from medtransfer.training.policy import Policy
from medtransfer.transfer.objective import Objective
from medtransfer.transfer.types import POOLED, Progress


def check_plan(plan: Plan, model: Classifier) -> None:
    """Refuse settings that contradict one another, or that would do nothing.

    Raises:
        ConfigError: Features are kept of an encoder that moves, or that terms look into; terms on features, or new
            instance weights, where no feature can change; two ways of drawing cases; a policy that finds nothing to
            move.
    """
    policy = Policy(plan.policy)
    policy.movable(model)  # where there is nothing to move, it says so
    moved = policy.moved(model, _most_epochs(plan))
    stages = sorted(moved - set(NEW))
    frozen = plan.training.features == "frozen"
    if frozen and stages:
        raise ConfigError(
            f"features are to be frozen, and the policy {plan.policy.name} moves {', '.join(stages)}",
            code="EncoderMoves",
            path="training.features",
            hint='Set policy.name = "head", or training.features = "live".',
        )
    features = plan.objective.features
    tapped = [name for name in active(features) if features[name].get("tap", POOLED) != POOLED]
    if frozen and tapped:
        raise _looks_inside(tapped)
    if (terms := active(plan.objective.features)) and moved <= {HEAD}:
        raise ConfigError(
            f"the policy {plan.policy.name} moves the head alone, and {', '.join(terms)} would do nothing",
            code="ConflictingTerms",
            path="objective.features",
            hint='Remove the terms (--set "objective.features={}"), or let something below the head move '
            "(policy.name = full, or model.pooling.name = attention).",
        )
    if plan.objective.refit_epochs is not None and not (plan.objective.instances and stages):
        raise ConfigError(
            f"instance weights are to be computed again every {plan.objective.refit_epochs} epochs, and "
            + ("no stage moves" if plan.objective.instances else "there are none"),
            code="ConflictingTerms",
            path="objective.refit_epochs",
            hint="Remove refit_epochs.",
        )
    if plan.objective.instances and plan.objective.instances_by == "sampling" and plan.training.imbalance == "balanced":
        raise ConfigError(
            "source cases are to be drawn by their instance weights and so that the classes are balanced",
            code="ConflictingSettings",
            path="objective.instances_by",
            hint='Set objective.instances_by = "loss", or training.imbalance = "weighted".',
        )


def _most_epochs(plan: Plan) -> float:
    """No run is longer: an epoch has one step at least."""
    return float(max(plan.training.epochs, plan.training.min_steps))


def check_start(plan: Plan, model: Classifier, start: Mapping[str, Tensor] | None) -> None:
    """Let terms and averaging refuse what will not do for them at the start, where their modules can tell.

    Args:
        plan: The plan.
        model: The network, as the policy has prepared it.
        start: The pretrained parameters by name; None where the weights are random.

    Raises:
        ObjectiveError: `NoStart`: the weights are random; `NoHeadPhase`: stages move at once that an average needs at
            rest first; or what else a term lacks.
    """
    asked = [(PARAMETERS, name) for name in active(plan.objective.parameters)]
    if plan.averaging.name != "none":
        asked.append((AVERAGING, plan.averaging.name))
    for catalogue, name in asked:
        check = catalogue.beside(catalogue.get(name), "check_start")
        if check is not None:
            check(model, start)
    if plan.averaging.name != "none":
        check = AVERAGING.beside(AVERAGING.get(plan.averaging.name), "check_first_step")
        if check is not None:
            rates = Policy(plan.policy).rates(model, Progress(0.0, _most_epochs(plan)))
            check([stage for stage in model.backbone.stages if rates.get(stage, 0.0) > 0])


def check_watchers(plan: Plan, objective: Objective) -> None:
    """Refuse terms that look into an encoder whose features are computed once and for all.

    Raises:
        ConfigError: `ConflictingTerms`.
    """
    if plan.training.features == "frozen" and objective.watchers:
        raise _looks_inside([*objective.watchers])


def _looks_inside(terms: list[str]) -> ConfigError:
    return ConfigError(
        f"features are frozen, and {', '.join(terms)} would look into an encoder that does not run",
        code="ConflictingTerms",
        path="training.features",
        hint='Remove the terms, or set training.features = "live" and let stages move.',
    )


def active(terms: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Names of the terms that are not switched off."""
    return [name for name, settings in terms.items() if settings.get("strength", 1.0) != 0]


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

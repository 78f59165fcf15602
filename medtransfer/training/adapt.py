"""From cohorts to a trained network: prepare, build, weigh, train, undo what imbalance settings shifted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from medtransfer.core.config.plan import Plan
from medtransfer.core.config.transfer import AVERAGING
from medtransfer.core.evaluated.spectrum import Spectrum
from medtransfer.core.types import CaseWeights
from medtransfer.data.cache import PreparedCohort, prepare_cohort
from medtransfer.data.cohort import Cohort
from medtransfer.data.dataset import StudySet
from medtransfer.data.ledger import Ledger
from medtransfer.data.targets import counts
from medtransfer.models.assemble import deployable, new_classifier
from medtransfer.models.classifier import HEAD, Classifier, Question
from medtransfer.models.features import encoded_once
from medtransfer.models.weights.sidecar import InputSpec, check_modalities
from medtransfer.training.checkpoint import LoopState
from medtransfer.training.cohorts import VALIDATION, digests, ledger_of, participants, study_set, training_spectrum
from medtransfer.training.fit import fit
from medtransfer.training.idle import idle_terms
from medtransfer.training.imbalance import Imbalance, imbalance_of, without_offset
from medtransfer.training.loop import FitData, training_device
from medtransfer.training.policy import Policy
from medtransfer.training.refusals import check_classes, check_plan, check_start, check_watchers
from medtransfer.training.weighting import Weighting, effective_size, few_effective
from medtransfer.transfer.averaging._contract import Averaging
from medtransfer.transfer.build import build_objective, check_objective
from medtransfer.transfer.objective import Objective
from medtransfer.transfer.types import TARGET, SampleWeights, TransferData


@dataclass(frozen=True, kw_only=True)
class Adapted:
    """A trained network, and what it has seen."""

    tensors: dict[str, np.ndarray]
    source_heads: dict[str, np.ndarray]
    """Tensors of the heads of sources that ask another question; they enter no bundle."""
    state: LoopState
    input_spec: InputSpec
    studies: dict[str, dict[str, int]]
    """Domain → class → studies."""
    unlabelled: int
    """Target studies that took part without a label."""
    sites: tuple[str, ...]
    modalities: tuple[str, ...]
    patients: tuple[str, ...]
    """`patient_digest` of each, with their site and without one; sorted."""
    instance_weights: dict[str, dict[str, float]]
    """Source → effective sample size at the end, its share of the studies, largest weight."""
    notes: tuple[str, ...]
    """What a reader of the result should know: terms that did nothing, weights that rest on few studies, …"""
    spectrum: Spectrum
    """Of the labelled target studies."""


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A network with its starting weights, and the images of everyone who takes part.

    Attributes:
        seen: `target`, `validation` and each source by its name, where the plan has it.
        prepared: Their pictures.
        start: The pretrained parameters by name; None where they are random.
        ledger: One row for every row of all cohorts.
    """

    model: Classifier
    start: Mapping[str, Tensor] | None
    seen: dict[str, Cohort]
    prepared: dict[str, PreparedCohort]
    ledger: Ledger


def prepare(plan: Plan, *, target: Cohort, sources: Mapping[str, Cohort], cache: Path, quiet: bool = True) -> Ready:
    """Load weights and images; what can be refused is refused before the first image is decoded.

    Args:
        plan: The plan.
        target: The target cohort, splits assigned.
        sources: The source cohorts, by the plan's names. Their own `test` rows, where they have any, stay locked.
        cache: Folder of prepared pictures.
        quiet: Show no progress bars.

    Raises:
        UnusableInputError: A part of the plan lacks something.
    """
    seen = participants(plan, target, sources)
    model = new_classifier(
        plan.model,
        question=Question(plan.target.task, len(plan.target.classes)),
        sources=source_questions(plan),
        seed=plan.seed,
    ).to(training_device(plan.training.device))
    check_objective(plan.objective, model=model, sources=tuple(plan.sources))
    pretrained = {id(parameter): parameter.detach().clone() for parameter in model.parameters()}
    policy = Policy(plan.policy)
    with torch.random.fork_rng():
        torch.manual_seed(plan.seed)
        policy.prepare(model)
    check_plan(plan, model)
    start = None
    if plan.model.weights != "none":  # under the names that the policy has given; what it has added has no start
        start = {name: pretrained[id(p)] for name, p in model.named_parameters() if id(p) in pretrained}
        start |= {copy: start[origin] for copy, origin in policy.copies(model).items()}
    check_start(plan, model, start)
    prepared = {
        name: prepare_cohort(cohort, preprocess=plan.preprocess, read=plan.read, folder=cache, quiet=quiet)
        for name, cohort in seen.items()
    }
    kinds = {kind for part in prepared.values() for kind in part.modalities}
    check_modalities(model.weights.modalities, kinds, weights=plan.model.weights)
    return Ready(
        model=model, start=start, seen=seen, prepared=prepared, ledger=ledger_of(prepared, seen, target, sources)
    )


def source_questions(plan: Plan) -> dict[str, Question | None]:
    """Each source's question by its name; None where it asks the target's."""
    return {
        name: None if plan.same_question(name) else Question(asked.task, len(asked.classes))
        for name, asked in plan.sources.items()
    }


@dataclass(frozen=True, kw_only=True)
class Assembled:
    """Everything that the loop trains on.

    Attributes:
        sets: Studies of every domain.
        weights: Instance weights of the sources, by name.
        imbalance: What the imbalance settings ask for.
        objective: The terms.
        data: What the loop draws from.
    """

    sets: Mapping[str, StudySet]
    weights: Mapping[str, SampleWeights]
    imbalance: Imbalance
    objective: Objective
    data: FitData


def assemble(plan: Plan, ready: Ready, *, quiet: bool = True) -> Assembled:
    """Weigh the sources and build the objective.

    Raises:
        MedTransferError: A term lacks something.
    """
    model, seen = ready.model, ready.seen
    sets = {name: study_set(part, seen[name].classes, plan.task_of(name)) for name, part in ready.prepared.items()}
    check_classes(sets, seen)
    imbalance = imbalance_of(plan.training, sets[TARGET].labels, len(plan.target.classes), plan.target.task)
    objective = build_objective(
        plan.objective,
        model=model,
        start=ready.start,
        data=TransferData(
            target=sets[TARGET],
            sources={name: part for name, part in sets.items() if name in plan.sources},
            tasks={name: asked.task for name, asked in plan.sources.items()},
        ),
        risk=imbalance.risk,
        shares={name: asked.share for name, asked in plan.sources.items()},
        seed=plan.seed,
    )
    check_watchers(plan, objective)
    if plan.training.features == "frozen":  # last: terms may look into the encoder, and are refused before it works
        sets = {name: encoded_once(model, part, quiet=quiet) for name, part in sets.items()}
    sources = {name: part for name, part in sets.items() if name in plan.sources}
    weighting = Weighting(plan=plan, target=sets[TARGET], sources=sources) if plan.objective.instances else None
    weights = {} if weighting is None else weighting.weigh(model)
    data = _fit_data(plan, sets, weights, weighting, imbalance)
    return Assembled(sets=sets, weights=weights, imbalance=imbalance, objective=objective, data=data)


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
    parts = assemble(plan, ready, quiet=quiet)
    averaging = _averaging(plan, ready)
    on_start()
    fitted = fit(
        ready.model,
        parts.objective,
        parts.data,
        plan,
        folder=folder,
        averaging=averaging,
        resume=resume,
        quiet=quiet,
    )
    tensors = deployable(fitted.tensors)
    if parts.imbalance.offset is not None:
        tensors[f"heads.{HEAD}.bias"] = without_offset(tensors[f"heads.{HEAD}.bias"], parts.imbalance.offset)
    prepared, classes = ready.prepared, {name: cohort.classes for name, cohort in ready.seen.items()}
    studies = {name: counts(part.labels, len(classes[name])).tolist() for name, part in parts.sets.items()}
    return Adapted(
        tensors=tensors,
        source_heads={name: value for name, value in fitted.tensors.items() if name not in tensors},
        state=fitted.state,
        input_spec=ready.model.spec,
        studies={name: dict(zip(classes[name], found, strict=True)) for name, found in studies.items()},
        unlabelled=fitted.unlabelled,
        sites=tuple(sorted({site for part in prepared.values() for site in part.table["site"]})),
        modalities=tuple(sorted({kind for part in prepared.values() for kind in part.modalities})),
        patients=digests(prepared),
        instance_weights={name: _summary(given) for name, given in fitted.source_weights.items()},
        notes=(
            *few_effective(plan, fitted.source_weights),
            *parts.objective.notes,
            *filter(None, [Policy(plan.policy).idle(fitted.epochs)]),
            *idle_terms(folder),
        ),
        spectrum=training_spectrum(prepared[TARGET], ready.seen[TARGET]),
    )


def _fit_data(
    plan: Plan,
    sets: Mapping[str, StudySet],
    weights: Mapping[str, SampleWeights],
    weighting: Weighting | None,
    imbalance: Imbalance,
) -> FitData:
    sources = {name: part for name, part in sets.items() if name in plan.sources}
    drawn = {name: imbalance.draw(part.labels) for name, part in sources.items() if plan.same_question(name)}
    return FitData(
        target=sets[TARGET],
        validation=sets.get(VALIDATION),
        sources=sources,
        source_weights={name: given.values for name, given in weights.items()},
        weighting=weighting,
        target_sampling=imbalance.draw(sets[TARGET].labels),
        source_sampling={name: given for name, given in drawn.items() if given is not None},
        log_offset=imbalance.offset,
    )


def _averaging(plan: Plan, ready: Ready) -> Averaging | None:
    if plan.averaging.name == "none":
        return None
    return AVERAGING.get(plan.averaging.name)(ready.model, ready.start, **plan.averaging.settings)


def _summary(weights: CaseWeights) -> dict[str, float]:
    size = effective_size(weights)
    return {
        "effective_size": round(size, 2),
        "effective_share": round(size / len(weights), 4),
        "largest": round(float(weights.max()), 3),
    }

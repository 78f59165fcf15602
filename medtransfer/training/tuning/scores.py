"""How networks do on patients they were not trained on: losses and probabilities, put together over the parts.

    log-loss = 1/K · Σ_f  1/n_f · Σ_{i in f} L_i                                          (parts count alike)
    AUROC    = Σ_f #{pairs in the right order within f} / Σ_f #{pairs within f}

Only pairs within a part are compared: two parts are judged by two networks, whose probabilities need not be on one
scale. Several repeats: the mean of each study's losses, and of the AUROCs.

Reference: Forman, Scholz 2010, Apples-to-apples in cross-validation studies, §3 (why not to pool ranks over parts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int64

from medtransfer.core.errors import CohortError, TrainingError
from medtransfer.core.results import Estimate
from medtransfer.core.types import CaseWeights, Groups, StudyTargets, Task
from medtransfer.data.dataset import StudySet
from medtransfer.evaluation.bootstrapped import bootstrapped
from medtransfer.evaluation.intervals import class_strata, logit_interval, weighted_mean
from medtransfer.evaluation.metrics import auroc
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights
from medtransfer.models.answers import probabilities
from medtransfer.models.classifier import HEAD, Classifier
from medtransfer.models.heads import known, losses


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """What networks said of studies they had not seen.

    Attributes:
        losses: Of each study, in nats.
        probability: Of each repeat's network.
        truth: Of each study.
        patients: Integer code of each study's patient.
        parts: Which part each study was held out with.
    """

    losses: Float64[np.ndarray, " case"]
    probability: Float64[np.ndarray, "repeat case class"]
    truth: StudyTargets
    patients: Groups
    parts: Int64[np.ndarray, " case"]

    @property
    def part_losses(self) -> tuple[float, ...]:
        """Mean loss of each part."""
        return tuple(float(self.losses[self.parts == part].mean()) for part in np.unique(self.parts))


def measured(network: Classifier, studies: StudySet, *, task: Task, part: int, batch: int, head: str = HEAD) -> HeldOut:
    """Losses and probabilities of one network, as its bundle would give them.

    Args:
        network: Trained; it is set to evaluation mode.
        studies: Held out, at least one label of each known.
        task: The kind of question that the head answers.
        part: The number of the part that was held out.
        batch: Studies that go through at once.
        head: Which head answers.

    Raises:
        CohortError: There is no study.
        TrainingError: The loss is not finite.
    """
    if not len(studies):
        raise CohortError(
            f"no study of part {part + 1} could be read", code="NoCases", hint="Look into ledger.csv for what failed."
        )
    network.eval()
    rows = []
    with torch.inference_mode():
        for start in range(0, len(studies), batch):
            some, _ = studies.batch(np.arange(start, min(start + batch, len(studies))))
            rows.append(network(some, head=head).logits.double().cpu())
    logits, targets = torch.cat(rows), torch.from_numpy(studies.labels)
    answered = known(task, targets).numpy()
    each = losses(task, logits, targets).numpy().astype(np.float64)[answered]
    if not np.isfinite(each).all():
        raise TrainingError(
            "the log-loss of the patients held out is not finite",
            code="NotFinite",
            hint="Search smaller learning rates.",
        )
    return HeldOut(
        losses=each,
        probability=probabilities(task, logits.numpy())[None, answered],
        truth=studies.labels[answered],
        patients=studies.patients[answered],
        parts=np.full(len(each), part, dtype=np.int64),
    )


def over_repeats(found: Sequence[HeldOut]) -> HeldOut:
    """The same studies, judged by networks of several seeds."""
    first = found[0]
    return HeldOut(
        losses=np.mean([one.losses for one in found], axis=0),
        probability=np.concatenate([one.probability for one in found]),
        truth=first.truth,
        patients=first.patients,
        parts=first.parts,
    )


def over_parts(found: Sequence[HeldOut]) -> HeldOut:
    """Parts side by side; no patient is in two of them."""
    return HeldOut(
        losses=np.concatenate([one.losses for one in found]),
        probability=np.concatenate([one.probability for one in found], axis=1),
        truth=np.concatenate([one.truth for one in found]),
        patients=_patients(found),
        parts=np.concatenate([one.parts for one in found]),
    )


def log_loss_estimate(found: HeldOut, *, seed: int, replicates: int) -> Estimate:
    """Mean over the parts, with an interval over patients."""
    return _mean_estimate([found], [1.0], seed=seed, replicates=replicates)


def source_estimate(
    found: Mapping[str, HeldOut], shares: Mapping[str, float], *, seed: int, replicates: int
) -> Estimate:
    """Mean over the sources by their shares in L_S, with an interval over the patients of each."""
    return _mean_estimate(list(found.values()), [shares[name] for name in found], seed=seed, replicates=replicates)


def auroc_estimate(found: HeldOut, columns: Sequence[int], *, seed: int, replicates: int) -> Estimate:
    """AUROC of pairs within a part, with an interval over patients.

    Args:
        found: Of all parts.
        columns: Classes or labels that are told from the rest; of several, the mean.
        seed: Of the bootstrap.
        replicates: Of the bootstrap.
    """
    name, method = "AUROC" if len(columns) == 1 else "macro AUROC", "patient bootstrap"
    answers = [_answers(found, column) for column in columns]
    if any((truth[is_known].all() or not truth[is_known].any()) for truth, is_known in answers):
        note = "a class or label is missing among the studies held out"
        return Estimate(name=name, value=None, method=method, n=len(found.losses), note=note)

    def within_parts(weights: ReplicateWeights) -> ReplicateValues:
        each = [
            _within_parts(found, truth, is_known, np.ascontiguousarray(repeat[:, column]), weights)
            for repeat in found.probability
            for column, (truth, is_known) in zip(columns, answers, strict=True)
        ]
        return np.mean(each, axis=0)

    strata = class_strata(found.truth, found.patients) if found.truth.ndim == 1 else None
    estimate = bootstrapped(name, within_parts, found.patients, seed=seed, replicates=replicates, strata=strata)
    if estimate.value not in {0.0, 1.0}:
        return estimate
    # Every replicate of a perfect ranking is perfect, which says nothing: the exact interval of independent pairs.
    pairs = min(_independent_pairs(found, truth, is_known) for truth, is_known in answers)
    interval = logit_interval(estimate.value, 0.0, trials=pairs)
    low, high = (None, None) if interval is None else interval
    return estimate.model_copy(update={"low": low, "high": high, "method": f"exact, {pairs} independent pairs"})


def _mean_estimate(found: Sequence[HeldOut], shares: Sequence[float], *, seed: int, replicates: int) -> Estimate:
    """Σ_j s_j · 1/K · Σ_f 1/n_jf · Σ L_i as a mean over all cases of values that carry these weights."""
    losses = np.concatenate([one.losses for one in found])  # alone: sources may differ in their classes
    weights = np.concatenate(
        [share / sum(shares) * _equal_parts(one.parts) for one, share in zip(found, shares, strict=True)]
    )
    strata = np.repeat(np.arange(len(found)), [len(one.losses) for one in found])
    return bootstrapped(
        "log-loss",
        weighted_mean(losses * weights * len(losses)),
        _patients(found),
        seed=seed,
        replicates=replicates,
        strata=strata if len(found) > 1 else None,
    )


def _patients(found: Sequence[HeldOut]) -> Groups:
    """Codes of the patients side by side; nobody is in two of the groups."""
    shifts = np.cumsum([0, *(one.patients.max() + 1 for one in found[:-1])])
    return np.concatenate([one.patients + shift for one, shift in zip(found, shifts, strict=True)])


def _equal_parts(parts: Int64[np.ndarray, " case"]) -> CaseWeights:
    """Weights that sum to 1, over each part to the same."""
    _, index, counts = np.unique(parts, return_inverse=True, return_counts=True)
    return 1 / (len(counts) * counts[index])


def _answers(found: HeldOut, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Which studies have a class or label, and of which that is known; `case` each."""
    if found.truth.ndim == 1:
        return found.truth == column, np.ones(len(found.truth), dtype=bool)
    return found.truth[:, column] == 1, ~np.isnan(found.truth[:, column])


def _within_parts(
    found: HeldOut, truth: np.ndarray, is_known: np.ndarray, probability: np.ndarray, weights: ReplicateWeights
) -> ReplicateValues:
    """Pairs in the right order over pairs, both summed over the parts, under each row of case weights."""
    right, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for part in np.unique(found.parts):
        here = (found.parts == part) & is_known
        if not here.any():
            continue
        some, answers = weights[:, here], truth[here]
        compared = some[:, answers].sum(axis=1) * some[:, ~answers].sum(axis=1)
        right += np.nan_to_num(auroc.weighted(answers, probability[here], some)) * compared
        pairs += compared
    return np.divide(right, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def _independent_pairs(found: HeldOut, truth: np.ndarray, is_known: np.ndarray) -> int:
    """The most pairs (with, without) within a part in which no patient occurs twice."""
    pairs = 0
    for part in np.unique(found.parts):
        here = (found.parts == part) & is_known
        sides = [np.unique(found.patients[here & side]).size for side in (truth, ~truth)]
        pairs += min(*sides, np.unique(found.patients[here]).size // 2)
    return pairs

"""Several labels at once: averages over them first, then each label's own figures, as of two classes.

A study counts for a label where that label is known, and is left out of its figures where it is not. Averages are over
the labels that two patients or more have, and two or more have not; the others are named in their notes. For AUROC,
patients are drawn again within strata of what is known of the rarest of these labels, so that no replicate lacks it. A
replicate that lacks one side of another label is averaged over the rest: strata of all labels would hold too few
patients each, and intervals would be too narrow.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.evaluated.discrimination import SeveralDiscriminations
from medtransfer.core.results import Estimate
from medtransfer.core.types import Truths
from medtransfer.evaluation.averages import Answers, averages, no_averages
from medtransfer.evaluation.cases import Cases
from medtransfer.evaluation.discrimination import discrimination
from medtransfer.evaluation.intervals import class_strata
from medtransfer.evaluation.patients import patient_count
from medtransfer.evaluation.positive import Positive, ascending
from medtransfer.evaluation.two_classes import two_class_estimates

FEWEST_PATIENTS = 2


def many_label_estimates(
    cases: Cases,
    labels: tuple[str, ...],
    *,
    seed: int,
    replicates: int,
    found: SeveralDiscriminations | None = None,
) -> tuple[Estimate, ...]:
    """Averages; of each label AUROC, average precision, prevalence, Brier score, log-loss, mean calibration.

    Args:
        cases: The studies.
        labels: Their names.
        seed: Of the bootstrap.
        replicates: Of the bootstrap.
        found: What `label_discriminations` found, so that it need not be drawn again.
    """
    means = found.estimates if found else label_averages(cases, labels, seed=seed, replicates=replicates)
    each = found.each if found else (None,) * len(labels)
    per_label = (
        estimate.model_copy(update={"of": name})
        for index, name in enumerate(labels)
        for estimate in two_class_estimates(
            where_known(cases, index), seed=seed, replicates=replicates, found=each[index]
        )
    )
    return (*means, *per_label)


def label_discriminations(
    cases: Cases, labels: tuple[str, ...], *, seed: int, replicates: int
) -> SeveralDiscriminations:
    """Each label where it is known, with its curves, and the averages.

    Args:
        cases: The studies.
        labels: Their names.
        seed: Of the bootstrap.
        replicates: Of the bootstrap.
    """
    return SeveralDiscriminations(
        estimates=label_averages(cases, labels, seed=seed, replicates=replicates),
        each=tuple(
            discrimination(where_known(cases, index), of=name, rest=f"no {name}", seed=seed, replicates=replicates)
            for index, name in enumerate(labels)
        ),
    )


def where_known(cases: Cases, index: int) -> Positive:
    """The studies of which a label is known: with it against without it."""
    known = _is_known(cases, index)
    return ascending(cases.truth[known, index] == 1, cases.probability[known, index], cases.groups[known])


def label_averages(cases: Cases, labels: tuple[str, ...], *, seed: int, replicates: int) -> tuple[Estimate, ...]:
    """Macro and micro AUROC, macro and micro average precision, over the labels that can be judged."""
    rarest = {index: _patients_of_rarer_side(where_known(cases, index)) for index in range(len(labels))}
    chosen = [index for index, patients in rarest.items() if patients >= FEWEST_PATIENTS]
    left_out = [name for index, name in enumerate(labels) if index not in chosen]
    why = f"fewer than {FEWEST_PATIENTS} patients with or without {', '.join(left_out)}"
    if not chosen:
        return no_averages(len(cases.truth), why)
    answers = np.nan_to_num(cases.truth[:, min(chosen, key=rarest.__getitem__)], nan=2).astype(np.int64)
    return averages(
        [_answers(cases, index) for index in chosen],
        cases.groups,
        strata=class_strata(answers, cases.groups),
        seed=seed,
        replicates=replicates,
        note=f"mean over {len(chosen)} of {len(labels)} labels: {why}" if left_out else "",
    )


def _answers(cases: Cases, index: int) -> Answers:
    rows = np.flatnonzero(_is_known(cases, index))
    return Answers(truth=cases.truth[rows, index] == 1, probability=cases.probability[rows, index], rows=rows)


def _is_known(cases: Cases, index: int) -> Truths:
    return ~np.isnan(cases.truth[:, index])


def _patients_of_rarer_side(view: Positive) -> int:
    return min(patient_count(view.groups[side]) for side in (view.truth, ~view.truth))

"""Overall figures for several labels at once: macro AUROC first, then each label's own, as of two classes.

    macro AUROC = mean over labels of AUROC(studies with the label against studies without it)

A study counts for a label where that label is known, and is left out of its figures where it is not. The mean is over
the labels that two patients or more have, and two or more have not; the others are named in its note. Patients are
drawn again within strata of what is known of the rarest of these labels, so that no replicate lacks it. A replicate
that lacks one side of another label is averaged over the rest: strata of all labels would hold too few patients each,
and intervals would be too narrow.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.results import Estimate
from medtransfer.core.types import Truths
from medtransfer.evaluation.bootstrapped import bootstrapped
from medtransfer.evaluation.cases import Cases
from medtransfer.evaluation.intervals import class_strata
from medtransfer.evaluation.metrics import auroc
from medtransfer.evaluation.positive import Positive, ascending
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights
from medtransfer.evaluation.two_classes import two_class_estimates

MACRO = "macro AUROC"
FEWEST_PATIENTS = 2


def many_label_estimates(cases: Cases, labels: tuple[str, ...], *, seed: int, replicates: int) -> tuple[Estimate, ...]:
    """Macro AUROC; of each label AUROC, average precision, prevalence, Brier score, log-loss, mean calibration."""
    per_label = (
        estimate.model_copy(update={"of": name})
        for index, name in enumerate(labels)
        for estimate in _of_label(where_known(cases, index), seed=seed, replicates=replicates)
    )
    return (_macro_auroc(cases, labels, seed=seed, replicates=replicates), *per_label)


def where_known(cases: Cases, index: int) -> Positive:
    """The studies of which a label is known: with it against without it."""
    known = _is_known(cases, index)
    return ascending(cases.truth[known, index] == 1, cases.probability[known, index], cases.groups[known])


def _of_label(view: Positive, *, seed: int, replicates: int) -> tuple[Estimate, ...]:
    if view.truth.size == 0:
        return (Estimate(name="AUROC", value=None, method="none", n=0, note="it is known of no study"),)
    return two_class_estimates(view, seed=seed, replicates=replicates)


def _macro_auroc(cases: Cases, labels: tuple[str, ...], *, seed: int, replicates: int) -> Estimate:
    rarest = {index: _patients_of_rarer_side(where_known(cases, index)) for index in range(len(labels))}
    chosen = [index for index, patients in rarest.items() if patients >= FEWEST_PATIENTS]
    left_out = [name for index, name in enumerate(labels) if index not in chosen]
    why = f"fewer than {FEWEST_PATIENTS} patients with or without {', '.join(left_out)}"
    if not chosen:
        return Estimate(name=MACRO, value=None, method="patient bootstrap", n=len(cases.truth), note=why)
    known = [(index, _is_known(cases, index)) for index in chosen]

    def macro(weights: ReplicateWeights) -> ReplicateValues:
        each = [
            auroc.weighted(cases.truth[rows, index] == 1, cases.probability[rows, index], weights[:, rows])
            for index, rows in known
        ]
        return np.nanmean(each, axis=0)

    answers = np.nan_to_num(cases.truth[:, min(chosen, key=rarest.__getitem__)], nan=2).astype(np.int64)
    return bootstrapped(
        MACRO,
        macro,
        cases.groups,
        seed=seed,
        replicates=replicates,
        strata=class_strata(answers, cases.groups),
        note=f"mean over {len(chosen)} of {len(labels)} labels: {why}" if left_out else "",
    )


def _is_known(cases: Cases, index: int) -> Truths:
    return ~np.isnan(cases.truth[:, index])


def _patients_of_rarer_side(view: Positive) -> int:
    return min(np.unique(view.groups[side]).size for side in (view.truth, ~view.truth))

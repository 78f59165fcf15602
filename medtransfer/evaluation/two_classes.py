"""Overall figures for a positive class against the rest, AUROC first."""

from __future__ import annotations

from functools import partial

from medtransfer.core.evaluated.discrimination import Discrimination
from medtransfer.core.results import Estimate
from medtransfer.evaluation.bootstrapped import together
from medtransfer.evaluation.calibration.weak import IN_THE_LARGE
from medtransfer.evaluation.discrimination import AUROC, AVERAGE_PRECISION, ONE_CLASS, PREVALENCE
from medtransfer.evaluation.intervals import weighted_mean
from medtransfer.evaluation.metrics import average_precision, brier, log_loss
from medtransfer.evaluation.positive import Positive
from medtransfer.evaluation.proportions import proportion
from medtransfer.evaluation.ranking import ranking
from medtransfer.evaluation.resampling import Statistic
from medtransfer.evaluation.roc import auroc_estimate, flagged


def two_class_estimates(
    view: Positive, *, seed: int, replicates: int, found: Discrimination | None = None
) -> tuple[Estimate, ...]:
    """AUROC, average precision, prevalence, Brier score, log-loss, calibration-in-the-large, all from one drawing.

    Args:
        view: The studies.
        seed: Of the bootstrap.
        replicates: Of the bootstrap.
        found: What `discrimination` found, so that it need not be drawn again.
    """
    truth, probability, groups = view.truth, view.probability, view.groups
    if not truth.size:
        return (Estimate(name=AUROC, value=None, method="none", n=0, note="it is known of no study"),)
    losses: dict[str, Statistic] = {
        "Brier score": weighted_mean(brier.losses(truth, probability)),
        "log-loss": weighted_mean(log_loss.losses(truth, probability)),
        IN_THE_LARGE: weighted_mean(probability - truth),
    }
    drawn = partial(together, groups=groups, seed=seed, replicates=replicates)
    if found is not None:
        return (*(found.estimate(name) for name in (AUROC, AVERAGE_PRECISION, PREVALENCE)), *drawn(losses))
    area, share = auroc_estimate(truth, probability, groups), proportion(PREVALENCE, truth, groups)
    if truth.all() or not truth.any():
        method = "patient bootstrap"
        none = Estimate(name=AVERAGE_PRECISION, value=None, method=method, n=truth.size, note=ONE_CLASS)
        return (area, none, share, *drawn(losses))
    precision = average_precision.statistic(ranking(truth, probability))
    average, *others = drawn({AVERAGE_PRECISION: precision, **losses})
    return (area, flagged(average, truth), share, *others)

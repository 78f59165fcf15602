"""What `tune` found: every setting that was tried, which one is chosen, and the trade-off between hospitals."""

from __future__ import annotations

from typing import Literal

from medtransfer.core.config.tuning import Setting, Space
from medtransfer.core.records import Record
from medtransfer.core.results import Estimate
from medtransfer.core.types import Task

TrialState = Literal["complete", "pruned", "failed"]


class Trial(Record):
    """One setting, and how networks trained with it did on patients they had not seen."""

    number: int
    """From 1 on, in the order they were tried."""
    settings: dict[str, Setting]
    """Key of the plan → value."""
    state: TrialState
    """`pruned`: given up early, as worse than half of the others; `failed`: training broke down, or was refused."""
    fold_losses: tuple[float, ...] = ()
    """Log-loss on each part that was held out, in nats; the mean of the repeats."""
    standard_error: float | None = None
    """Of the mean of `fold_losses`. Parts share training patients, so it is a rough guide."""
    log_loss: Estimate | None = None
    """Mean of `fold_losses`, with an interval over patients."""
    auroc: Estimate | None = None
    """Of pairs within a held-out part."""
    source_log_loss: Estimate | None = None
    """L_S on held-out patients of the sources, each by the head that answers its question; None where λ = ∞ has
    trained no such head."""
    reason: str = ""
    """Why it was given up or broke down."""
    seconds: float = 0.0

    @property
    def loss(self) -> float:
        """The figure that trials are compared by; ∞ where the trial did not come to its end."""
        value = None if self.log_loss is None else self.log_loss.value
        return float("inf") if value is None else value


class Difference(Record):
    """Log-loss of the chosen setting less that of the plan as it was, over the parts both were judged on."""

    mean: float
    standard_error: float


class Tuning(Record):
    """A finished search."""

    schema_version: Literal[1] = 1
    title: str
    task: Task
    classes: tuple[str, ...]
    positive: str | None
    plan_sha256: str
    """Digest of the plan that was tuned."""
    sources: tuple[str, ...]
    space: Space
    folds: int
    repeats: int
    n_studies: int
    """Target studies that were held out, each once."""
    n_patients: int
    trials: tuple[Trial, ...]
    own: int | None
    """Number of the trial with the plan's own settings; None where they lie outside what was searched."""
    best: int
    """Number of the trial with the lowest mean log-loss."""
    chosen: int
    """Number of the trial that the one-standard-error rule takes."""
    difference: Difference | None
    """Of the chosen trial and the plan's own; None where they are the same, or the plan's own is no finished trial."""
    front: tuple[int, ...]
    """Trials that no other one beats on source and target both, from the best on the sources to the best on the
    target; empty where there are no sources to measure on."""
    notes: tuple[str, ...]
    """What the reader has to know about this search."""
    versions: dict[str, str]
    seed: int

    def trial(self, number: int) -> Trial:
        """The trial of that number."""
        return self.trials[number - 1]

    @property
    def threshold(self) -> float:
        """Log-loss up to which a trial counts as good as the best: the best one's mean plus its standard error."""
        best = self.trial(self.best)
        return best.loss + (best.standard_error or 0.0)

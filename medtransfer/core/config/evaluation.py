"""Settings of an evaluation: what is asked of predictions beyond their overall figures."""

from __future__ import annotations

from typing import Literal

from medtransfer.core.records import Record


class EvaluationConfig(Record):
    """How a set of predictions is measured. Nothing here can choose anything on the data that are judged."""

    by: tuple[str, ...] = ()
    """Attributes whose subgroups are looked at: `sex`, `age`, `site`, `manufacturer`, …"""
    prespecified: tuple[str, ...] = ()
    """Those of them that were named before the data were seen; the others are exploratory."""
    prevalence: float | dict[str, float] | None = None
    """Where the model is to be used: of the positive class, or by class or label. PPV, NPV, net benefit follow it."""
    level: Literal["study", "patient"] = "study"
    """What is judged: each study, or the studies of a patient together."""
    pooling: Literal["mean", "max"] = "mean"
    """How the probabilities of a patient's studies become one."""
    gallery: bool = False
    """Name the most confident errors; they are named by study id."""
    seed: int = 0
    """Of every random draw."""
    replicates: int = 2000
    """Of the bootstrap; below 2,000 intervals should not be quoted."""

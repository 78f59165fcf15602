"""Whether acting on the probabilities does more good than acting on everyone, or on no one."""

from __future__ import annotations

from medtransfer.core.evaluated.curves import BandedCurve
from medtransfer.core.records import Record
from medtransfer.core.results import Estimate


class Usefulness(Record):
    """The decision curve, and what it says at the operating threshold."""

    prevalence: float | None
    """Of the finding, as the curves have it: the stated one, or its share of the studies; None without a study."""
    stated_prevalence: float | None
    net_benefit: BandedCurve
    """Over thresholds; empty, as the other curves are, where it cannot be estimated."""
    treat_all: BandedCurve
    """Net benefit of acting on everyone, without a band. That of acting on no one is 0."""
    avoided: BandedCurve
    """Interventions avoided per 100 people against acting on everyone, with no finding more being missed on balance."""
    threshold: float | None
    """The operating threshold, on the scale of these probabilities."""
    estimates: tuple[Estimate, ...]
    """At that threshold: net benefit, net benefit of treating all, gain over the better default, interventions avoided
    per 100; empty where there is no threshold."""
    note: str = ""
    """Why there are no curves."""

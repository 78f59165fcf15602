"""Figures by subgroup and by site: how each differs from the rest, and what they come to together."""

from __future__ import annotations

from pydantic import model_validator

from medtransfer.core.records import Record
from medtransfer.core.results import Estimate


class Contrast(Record):
    """A figure of one group minus the same figure of all other studies."""

    difference: Estimate
    p: float | None = None
    """That there is no difference; None where it is not estimable."""
    p_holm: float | None = None
    """Adjusted over the `Subgroups.tests` of the attribute."""


class Figure(Record):
    """One figure of one group."""

    estimate: Estimate
    contrast: Contrast | None = None
    """None where the group is all studies."""


class Subgroup(Record):
    """The studies that share a value of an attribute."""

    name: str
    n: int
    events: int
    """Studies with the finding."""
    patients: int
    shared_patients: int = 0
    """Of them, those who also have studies in other groups."""
    merged: int = 0
    """How many small groups this one stands for; 0 where it is one by itself."""
    prevalence: Estimate
    figures: tuple[Figure, ...]
    """AUROC, sensitivity and specificity where there is a threshold, calibration-in-the-large: in this order."""

    def figure(self, name: str) -> Figure:
        """The figure called `name`.

        Raises:
            KeyError: There is none.
        """
        for one in self.figures:
            if one.estimate.name == name:
                return one
        raise KeyError(name)


class Subgroups(Record):
    """All groups of one attribute: every study is in exactly one of them."""

    attribute: str
    of: str | None = None
    """The class or label whose studies stand against the others."""
    rule: str
    """How values became groups."""
    prespecified: bool
    """False: exploratory."""
    tests: int
    """Differences that could be tested, over which p-values are adjusted."""
    family: str
    """Which these are, in words."""
    everyone: Subgroup
    groups: tuple[Subgroup, ...]

    @model_validator(mode="after")
    def _reconcile(self) -> Subgroups:
        for what in ("n", "events"):
            together = sum(getattr(one, what) for one in self.groups)
            if together != getattr(self.everyone, what):
                msg = (
                    f"{what} of {self.attribute!r}: {getattr(self.everyone, what)} in all, but groups sum to {together}"
                )
                raise ValueError(msg)
        return self


class WithoutSite(Record):
    """The pooled figure when one site is left out."""

    site: str
    estimate: Estimate


class PooledFigure(Record):
    """One figure over all sites where it is estimable, by a random-effects meta-analysis on the logit scale."""

    estimate: Estimate
    """Of an average site; its `n` counts studies."""
    sites: int
    prediction_low: float | None
    """Ends of the interval in which the figure of one more site would lie."""
    prediction_high: float | None
    equal_effects: Estimate
    """What it would be, were all sites alike."""
    q: float
    degrees: int
    p: float
    """That all sites are alike (Cochran's Q)."""
    between_variance: Estimate
    """τ² on the logit scale, by REML, with its Q-profile interval."""
    between_variance_dl: float
    """τ² by DerSimonian and Laird."""
    between_share: Estimate
    """I², in [0, 1): how much of the spread is more than chance."""
    left_out: tuple[str, ...]
    """Sites where it is not estimable."""
    without: tuple[WithoutSite, ...]
    """Leaving out each site in turn."""
    moved_most_by: str
    """The site without which the pooled figure changes most, on the logit scale."""


class Sites(Record):
    """Every site by itself, and all together where there are enough."""

    by_site: Subgroups
    pooled: tuple[PooledFigure, ...]
    note: str = ""
    """Why something is not pooled, and what to bear in mind."""

    @property
    def of(self) -> str | None:
        """The class or label, where there are several."""
        return self.by_site.of

"""What a bundle says of each finding that it was asked about, and at which prevalence that is shown first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from apps import words

if TYPE_CHECKING:
    import medtransfer as mt

PERCENT: Final = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 35, 40, 45, 50)
"""Prevalences that can be chosen; from a half on they mirror these."""

MOST: Final = 0.999
"""Prevalences stay this far from certainty at either end: there would be nothing left to ask."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One class or label, and all that the bundle has about it."""

    name: str
    probability: float
    uncalibrated: float | None
    """Before recalibration; None where the bundle does not recalibrate."""
    point: mt.OperatingPoint | None
    scored: mt.ScoredStudies | None
    prior: float | None
    """The share to which the probability is calibrated, where the bundle says so."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """The prevalence that is shown first, and where it comes from."""

    share: float
    said: str


def findings(manifest: mt.Manifest, result: mt.StudyResult) -> tuple[Finding, ...]:
    """The positive class; or each class or label, in the bundle's order, where none is the positive one."""
    names = (manifest.positive,) if manifest.positive is not None else manifest.classes
    return tuple(_finding(manifest, result, name) for name in names if name in result.probabilities)


def first(found: tuple[Finding, ...]) -> int:
    """Which one is looked at first: the most probable."""
    return max(range(len(found)), key=lambda k: found[k].probability)


def start(finding: Finding, clinic: float | None) -> Start | None:
    """The clinic's own prevalence; else the one to which the probability is calibrated; else the bundle's studies'.

    Args:
        finding: Which one.
        clinic: Its prevalence as the clinic states it; None where it does not.

    Returns:
        None where the bundle knows no prevalence at all.
    """
    if clinic is not None:
        return Start(share=clinic, said="Starts from the prevalence that the clinic states for its own patients.")
    if _usable(finding.prior):
        said = f"Starts from the share with {finding.name} to which the probabilities are calibrated."
        return Start(share=_share(finding.prior), said=said)
    if finding.scored is not None and finding.scored.present:
        share = sum(finding.scored.present) / len(finding.scored.present)
        if _usable(share):
            said = f"Starts from the share with {finding.name} among the {finding.scored.split} studies."
            return Start(share=share, said=said)
    if finding.point is not None and finding.point.sensitivity.n and finding.point.specificity.n:
        share = finding.point.sensitivity.n / (finding.point.sensitivity.n + finding.point.specificity.n)
        said = f"Starts from the share with {finding.name} among the studies on which the operating point was chosen."
        return Start(share=share, said=said)
    return None


def shares(begin: float) -> tuple[float, ...]:
    """What the slider offers, ascending, the start among them; no two look the same."""
    offered = {words.percent(p / 100): p / 100 for p in PERCENT}
    offered |= {words.percent(1 - p / 100): 1 - p / 100 for p in PERCENT}
    clipped = min(max(begin, 1 - MOST), MOST)
    return tuple(sorted((offered | {words.percent(clipped): clipped}).values()))


def _finding(manifest: mt.Manifest, result: mt.StudyResult, name: str) -> Finding:
    own = manifest.operating_points.get(name)
    if own is None and manifest.operating_point is not None and manifest.operating_point.positive == name:
        own = manifest.operating_point
    return Finding(
        name=name,
        probability=result.probabilities[name],
        uncalibrated=result.uncalibrated.get(name),
        point=own,
        scored=next((one for one in manifest.scored if one.of == name), None),
        prior=manifest.priors.get(name),
    )


def _usable(share: float | None) -> bool:
    return share is not None and 0 < share < 1


def _share(share: float | None) -> float:
    return 0.5 if share is None else share

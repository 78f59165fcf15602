"""The two hospitals, and the switches in which hospitals may differ, each alone.

`changed(HILLCREST, prevalence=0.7)` is Hillcrest with another prevalence and nothing else: the same patients with the
same anatomy, of whom others are recruited.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .detector import Detector
from .person import AgeMix
from .population import odds_for
from .processing import Processing, hillcrest, riverside


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How often something is so among the ill and among the well."""

    ill: float
    well: float


@dataclass(frozen=True, kw_only=True)
class MarkerRule:
    """How often the lead letters PORT lie in the picture: by circumstances, never by illness."""

    portable: float
    standing: float


@dataclass(frozen=True, kw_only=True)
class LabelRule:
    """Who gets the label of the finding.

    Attributes:
        least_severity: Illness that is less severe goes as normal.
        swapped: The two codes are confused: the label goes to all others.
    """

    least_severity: float = 0.0
    swapped: bool = False

    def positive(self, *, ill: bool, severity: float) -> bool:
        """Has a study the label?"""
        return (ill and severity >= self.least_severity) != self.swapped

    def shares(self, severity: tuple[float, float]) -> Shares:
        """How many have the label where severity is uniform between two values."""
        low, high = severity
        severe = min(max((high - self.least_severity) / (high - low), 0.0), 1.0)
        return Shares(ill=1 - severe, well=1.0) if self.swapped else Shares(ill=severe, well=0.0)


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """What the header says of the machine.

    Attributes:
        manufacturer: Its maker.
        model: Its name.
        modality: `DX` (Digital X-Ray, for presentation) or `CR` (Computed Radiography).
        compressed: RLE Lossless, or uncompressed.
    """

    manufacturer: str
    model: str
    modality: str
    compressed: bool


@dataclass(frozen=True, kw_only=True)
class Hospital:
    """One site. Every attribute from `ages` on is a switch of its own.

    Attributes:
        name: Of the site; streams of random numbers depend on it, so another name is another town.
        prefix: Starts every patient id.
        ages: Of all who could come.
        case_odds: How much likelier the ill are to be recruited, κ; `changed(…, prevalence=…)` sets it.
        severity: Lowest and highest severity of the ill, uniform between them.
        portable: Share of AP pictures in bed; the others stand, PA. Unequal shares are a shortcut.
        marker: Which pictures bear a marker.
        label_rule: Whom the hospital calls ill.
        finding: `pneumonia`, or `large_heart`: the ill have no opacities, but a heart that is too wide.
        laterals: Share of the standing patients with a lateral picture besides.
        detector: What measures the beam.
        processing: What makes stored values of the signal.
        equipment: What the header says of both.
    """

    name: str
    prefix: str
    ages: AgeMix
    case_odds: float
    severity: tuple[float, float]
    portable: Shares
    marker: MarkerRule
    label_rule: LabelRule
    finding: str
    laterals: float
    detector: Detector
    processing: Processing
    equipment: Equipment


def changed(hospital: Hospital, *, prevalence: float | None = None, **switches: Any) -> Hospital:
    """The hospital with other switches; everything else, and every patient's anatomy, stays.

    Args:
        hospital: Where to start.
        prevalence: Share of the ill, had by recruiting more or fewer of them; after any change of `ages`.
        switches: Attributes of a `Hospital`.

    Raises:
        ValueError: The prevalence is not between 0 and 1.
    """
    made = replace(hospital, **switches)
    if prevalence is None:
        return made
    if not 0 < prevalence < 1:
        raise ValueError(f"the prevalence is {prevalence}; it has to be between 0 and 1")
    return replace(made, case_odds=odds_for(made.ages, prevalence))


PANEL = Detector(
    shape=(288, 288),
    border=(0, 0),
    spacing_mm=1.4,
    kerma_uGy=2.5,
    efficiency=0.65,
    blur_mm=0.5,
    scatter=0.09,
    electronic_noise=40.0,
)
"""A caesium iodide panel at speed class 400. Its point spread is that of the aperture of
1.4 mm pixels (σ = 0.29 × pixel), a spread of its own of 0.15 mm, and resampling."""

PLATE = Detector(
    shape=(256, 320),
    border=(6, 22),
    spacing_mm=1.45,
    kerma_uGy=5.0,
    efficiency=0.25,
    blur_mm=0.65,
    scatter=0.09,
    electronic_noise=60.0,
)
"""A storage phosphor plate at speed class 200, behind a collimator: twice the panel's dose, and still fewer quanta that
count; light scattered in the plate (0.3 mm) smooths the matrix."""

RIVERSIDE = changed(
    Hospital(
        name="riverside",
        prefix="RS",
        ages=AgeMix(mean=50.0, sd=17.0),
        case_odds=1.0,
        severity=(0.1, 1.0),
        portable=Shares(ill=0.60, well=0.15),
        marker=MarkerRule(portable=1.0, standing=0.0),
        label_rule=LabelRule(),
        finding="pneumonia",
        laterals=0.3,
        detector=PANEL,
        processing=riverside,
        equipment=Equipment(
            manufacturer="Riverside Imaging (synthetic)", model="Flat panel", modality="DX", compressed=True
        ),
    ),
    prevalence=0.5,
)
"""The source: a flat panel, younger and sicker patients, and the declared shortcut: the ill are X-rayed in bed four
times as often as the well, and pictures in bed bear the letters PORT."""

HILLCREST = changed(
    Hospital(
        name="hillcrest",
        prefix="HC",
        ages=AgeMix(mean=64.0, sd=14.0),
        case_odds=1.0,
        severity=(0.0, 0.9),
        portable=Shares(ill=0.35, well=0.35),
        marker=MarkerRule(portable=0.5, standing=0.0),
        label_rule=LabelRule(),
        finding="pneumonia",
        laterals=0.15,
        detector=PLATE,
        processing=hillcrest,
        equipment=Equipment(
            manufacturer="Hillcrest Radiography (synthetic)", model="Phosphor plate", modality="CR", compressed=False
        ),
    ),
    prevalence=0.4,
)
"""The target: phosphor plates, older patients; neither the bed nor the marker has to do with the illness."""

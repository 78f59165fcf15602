"""A channelised Hotelling observer: how well a linear template, told where to look, tells the ill from the well.

    v = Uᵀ g at the place p,   w = S⁻¹ (v̄_ill − v̄_well),   t = wᵀ v

g is the picture, U a few channels, S the mean of the two classes' covariances. The channels are differences of
Gaussians, centred on the place and round:

    u_j = G(s_j) − G(s_{j+1}),   s_j = 2 mm · 1.6^j,   j = 0 … 6

The place is where the first focus lies or, in a picture without any, where it would lie (`lesions.csv` has both): the
observer knows more than a reader or a network, who have to search. But it is linear, looks at one place alone, and
takes ribs and vessels for noise. It is a yardstick, not a bound.

Reference: Barrett, Yao, Rolland, Myers, PNAS 1993;90:9758-65; dense differences of Gaussians: Abbey and Barrett,
J Opt Soc Am A 2001;18:473-88.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pydicom

from .exact import blur

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

WIDTHS_MM = tuple(2.0 * 1.6**j for j in range(8))
"""Standard deviations of the Gaussians; the channels are what lies between neighbours."""


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What the channels say of some studies.

    Attributes:
        values: `study channel`.
        ill: Whether there is a finding, whatever the label.
        studies: Their ids.
    """

    values: Floats
    ill: NDArray[np.bool_]
    studies: tuple[str, ...]


def look(folder: Path, *, split: str | None = None) -> Looks:
    """Looks at the frontal picture of every study of a hospital's folder, or of those with a split (maybe empty)."""
    splits = {row["path"]: row["split"] for row in _table(folder / "cohort.csv")}
    frontal: dict[str, dict[str, str]] = {}
    for place in _table(folder / "lesions.csv"):
        frontal.setdefault(place["study_id"], place)  # it is the first of a study
    chosen = [place for place in frontal.values() if split is None or splits[place["path"]] == split]
    return Looks(
        values=np.array([_look_at(folder, place) for place in chosen]),
        ill=np.array([int(place["lesions"]) > 0 for place in chosen]),
        studies=tuple(place["study_id"] for place in chosen),
    )


def channels(picture: Floats, spacing_mm: float, *, row: float, column: float) -> Floats:
    """The channels' outputs at one place, `channel`."""
    at = (round(row), round(column))
    smoothed = [blur(picture, width / spacing_mm)[at] for width in WIDTHS_MM]
    return -np.diff(smoothed)


def template(looks: Looks) -> Floats:
    """The Hotelling template w, `channel`.

    Raises:
        ValueError: A class has fewer than two studies, so that it has no covariance.
    """
    classes = [looks.values[looks.ill == ill] for ill in (True, False)]
    if min(len(values) for values in classes) < 2:
        raise ValueError(f"{len(classes[0])} ill and {len(classes[1])} well studies: two of each are the least")
    scatter = sum(np.cov(values, rowvar=False) for values in classes) / 2
    return np.linalg.solve(scatter, classes[0].mean(axis=0) - classes[1].mean(axis=0))


def auroc(looks: Looks, weights: Floats) -> float:
    """How often the observer gives an ill study more than a well one; a tie counts half.

    Reference: Hanley and McNeil, Radiology 1982;143:29-36 (the Wilcoxon statistic).
    """
    scores = looks.values @ weights
    difference = scores[looks.ill][:, None] - scores[~looks.ill][None, :]
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def _look_at(folder: Path, place: dict[str, str]) -> Floats:
    """The channels' outputs for one line of `lesions.csv`."""
    picture, spacing_mm = _picture(folder / place["path"])
    return channels(picture, spacing_mm, row=float(place["centre_row"]), column=float(place["centre_column"]))


def _picture(path: Path) -> tuple[Floats, float]:
    """A picture that rises with absorption, and its pixel spacing.

    The unexposed border gets the median. Stored values are nearly linear in the logarithm of the signal; the table for
    display is left out.
    """
    dataset = pydicom.dcmread(path)
    stored = dataset.pixel_array.astype(np.float64)
    exposed = stored != dataset.get("PixelPaddingValue", -1)
    sign = -1.0 if dataset.PhotometricInterpretation == "MONOCHROME1" else 1.0
    return np.where(exposed, sign * (stored - np.median(stored[exposed])), 0.0), float(dataset.ImagerPixelSpacing[0])


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))

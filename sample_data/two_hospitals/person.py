"""Who is X-rayed: adults whose measures vary as adults' do.

Means and spreads are round figures chosen within what anthropometry and radiology report: standing height
about 1.76 m (men) and 1.63 m (women), body mass index about 26 with a long right tail, inner width of the thorax
27 to 31 cm (men) and 24 to 28 cm (women), height of the lungs 22 to 26 cm, cardiothoracic ratio 0.42 to 0.50 and
growing with age, bone mineral falling by about 0.5 % a year after 45, more kyphosis with age.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import exact

if TYPE_CHECKING:
    from .exact import Stream


@dataclass(frozen=True, kw_only=True)
class AgeMix:
    """Whole years of age with  p(age) ∝ exp(−½ ((age − mean)/sd)²)  from `lowest` to `highest`, both included."""

    mean: float
    sd: float
    lowest: int = 18
    highest: int = 95

    def shares(self) -> dict[int, float]:
        """The probability of each age; they add up to 1."""
        ages = np.arange(self.lowest, self.highest + 1)
        z = (ages - self.mean) / self.sd
        weights = exact.exp(-0.5 * z * z).tolist()
        total = math.fsum(weights)
        return {age: weight / total for age, weight in zip(ages.tolist(), weights, strict=True)}

    def age_at(self, quantile: float) -> int:
        """The least age up to which at least `quantile` of the people are; so mixes differ in the age alone."""
        below = 0.0
        for age, share in self.shares().items():
            below += share
            if quantile < below:
                return age
        return self.highest


@dataclass(frozen=True, kw_only=True)
class Person:
    """What stays the same from one exposure to the next; lengths in millimetres.

    Attributes:
        sex: `F` or `M`.
        age: Whole years.
        height: Standing.
        bmi: Body mass index, kg/m².
        thorax_half_width: Inside the ribs, at the level of the diaphragm.
        thorax_half_depth: Half the front-to-back depth of one lung.
        lung_height: From the apex to the dome of the diaphragm on the right after a deep breath.
        lung_density: Of lung tissue with its air, g/cm³.
        heart_ratio: Width of the heart over that of the thorax.
        aorta: Radius of the aortic arch.
        bone_density: Mineral of bones relative to a young adult's.
        fat: Thickness of the fat under the skin of the trunk.
        breast: How far a breast stands out; 0 for men.
        rib_slope: How much lower a rib lies for each millimetre that it runs forwards.
        rib_height: Half the height of a rib.
        kyphosis: How far the upper back leans forward beyond a straight one, at the neck.
        left_dome: How much lower the left half of the diaphragm stands.
        vessel_seed: The vessels follow from it.
    """

    sex: str
    age: int
    height: float
    bmi: float
    thorax_half_width: float
    thorax_half_depth: float
    lung_height: float
    lung_density: float
    heart_ratio: float
    aorta: float
    bone_density: float
    fat: float
    breast: float
    rib_slope: float
    rib_height: float
    kyphosis: float
    left_dome: float
    vessel_seed: int

    @property
    def up(self) -> float:
        """Scale along z, 1 in a man of 1.75 m."""
        return self.lung_height / 230.0

    @property
    def wide(self) -> float:
        """Scale along x."""
        return self.thorax_half_width / 143.0

    @property
    def deep(self) -> float:
        """Scale along y."""
        return self.thorax_half_depth / 86.0


def draw_person(stream: Stream, *, ages: AgeMix) -> Person:
    """Draws an adult; another age mix changes the age and what depends on it, and nothing else."""
    age = ages.age_at(float(stream.uniform()))
    female = float(stream.uniform()) < 0.5
    z = [min(max(float(value), -2.5), 2.5) for value in stream.normal(size=14)]
    height = 1630.0 + 62.0 * z[0] if female else 1757.0 + 68.0 * z[0]
    from_58 = (age - 58.0) / 45.0
    bmi = float(exact.exp(3.28 + 0.16 * z[1] - 0.08 * from_58 * from_58))
    bmi = min(max(bmi, 16.5), 46.0)
    large = bmi - 25.0
    size = height / 1700.0
    width = size * (131.0 if female else 143.0) + 5.0 * z[2] + 0.4 * large
    return Person(
        sex="F" if female else "M",
        age=age,
        height=height,
        bmi=bmi,
        thorax_half_width=width,
        thorax_half_depth=size * (80.0 if female else 87.0) + 4.0 * z[3] + 0.5 * large + 0.08 * (age - 50),
        lung_height=size * (222.0 if female else 232.0) + 9.0 * z[4] - 0.5 * large,
        lung_density=0.24 + 0.02 * z[5] - 0.0004 * (age - 50),
        heart_ratio=min(0.445 + 0.03 * z[6] + 0.0009 * (age - 50) + 0.002 * large, 0.6),
        aorta=13.5 + 1.2 * z[7] + 0.06 * (age - 50),
        bone_density=1.0 + 0.09 * z[8] - (0.006 if female else 0.004) * max(age - 45, 0),
        fat=max(13.0 + 1.5 * large + (3.0 if female else 0.0) + 2.0 * z[9], 4.0),
        breast=max(34.0 + 1.6 * large + 9.0 * z[10], 10.0) if female else 0.0,
        rib_slope=0.56 + 0.07 * z[11],
        rib_height=size * (5.8 if female else 6.6),
        kyphosis=6.0 + 4.0 * z[12] + 0.35 * max(age - 50, 0),
        left_dome=12.0 + 4.0 * z[13],
        vessel_seed=stream.integers(0, 2**31),
    )

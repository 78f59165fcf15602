"""Pneumonia: one to three soft opacities in the air of a lung, graded from hardly visible to dense.

The grade of a study is uniform on [0, 1]; its densest opacity replaces up to

    0.5 + 6.5 · grade   centimetres of lung air by fluid

(never more than nine tenths of the air that is there). Further opacities of the study are fainter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .fields import smooth_noise

if TYPE_CHECKING:
    from .fields import Field


@dataclass(frozen=True, kw_only=True)
class Opacity:
    """One consolidation, placed in the lung's own coordinates so that it always lies inside it."""

    side: int
    """+1 the patient's left lung, −1 the right."""
    across: float
    """−1 medial edge … +1 lateral edge of the lung."""
    along: float
    """−1 apex … +1 base."""
    radius: float
    """Standard deviation of its profile, millimetres."""
    stretch: float
    """Ratio of width to height."""
    fluid: float
    """Air replaced at its densest point, centimetres."""


@dataclass(frozen=True, kw_only=True)
class Pneumonia:
    """What is wrong in one study: nothing, where `opacities` is empty."""

    grade: float
    opacities: tuple[Opacity, ...]


HEALTHY = Pneumonia(grade=0.0, opacities=())


def draw_pneumonia(rng: np.random.Generator) -> Pneumonia:
    """Draws grade, number, places and sizes; opacities of one study prefer the same lung."""
    grade = float(rng.random())
    count = int(rng.choice([1, 2, 3], p=[0.6, 0.28, 0.12]))
    side = 1 if rng.random() < 0.45 else -1
    opacities = []
    for index in range(count):
        share = 1.0 if index == 0 else float(rng.uniform(0.4, 0.9))
        opacities.append(
            Opacity(
                side=side if index == 0 or rng.random() < 0.65 else -side,
                across=float(rng.uniform(-0.45, 0.6)),
                along=float(rng.uniform(-0.55, 0.5)),
                radius=float(rng.uniform(17.0, 34.0)),
                stretch=float(rng.uniform(0.75, 1.4)),
                fluid=share * (0.5 + 6.5 * grade),
            )
        )
    return Pneumonia(grade=grade, opacities=tuple(opacities))


def fluid_path(opacity: Opacity, *, x: Field, y: Field, centre: tuple[float, float], rng: np.random.Generator) -> Field:
    """Fluid along the beam in centimetres: a Gaussian around `centre` with a cloudy, uneven edge.

        fluid · exp(−½ r²/radius²) · texture,   r² = (Δx/√stretch)² + (Δy·√stretch)²

    where the texture is smooth noise around 1, and r is itself displaced by smooth noise.
    """
    dx = (x - centre[0]) / opacity.stretch**0.5
    dy = (y - centre[1]) * opacity.stretch**0.5
    ragged = smooth_noise(x.shape, cells=12, rng=rng)
    texture = 1.0 + 0.22 * smooth_noise(x.shape, cells=28, rng=rng)
    r2 = (dx**2 + dy**2) / opacity.radius**2 * np.exp(0.5 * ragged)
    return (opacity.fluid * np.exp(-0.5 * r2) * np.clip(texture, 0.4, 1.4)).astype(np.float32)

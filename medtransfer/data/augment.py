"""Random changes of training pictures, as a function of (seed, epoch, case) alone.

Each case draws from its own counter-based generator, so that the draw does not depend on batch order,
workers or where a run was interrupted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from medtransfer.core.types import ClassIndices
from medtransfer.data.tensors import PictureBatch

if TYPE_CHECKING:
    from medtransfer.core.config.data import AugmentConfig

_DRAWS = 7


def augment(
    pictures: PictureBatch, config: AugmentConfig, *, seed: int, epoch: int, cases: ClassIndices
) -> PictureBatch:
    """Rotate, zoom, shift, flip and change brightness and contrast: `case channel row column` in [0, 1].

    The picture is sampled at A·x, where A rotates by φ, zooms by s and shifts by t; outside is black. Grey values
    become (x − ½)·c + ½ + b, clamped to [0, 1]. With every magnitude at 0 the pictures come back as they are.
    """
    if not any(config.model_dump().values()):
        return pictures
    known, place = np.unique(cases, return_inverse=True)  # all planes of a case are changed alike
    uniform = torch.from_numpy(np.stack([_draws(seed, epoch, int(case)) for case in known])[place])
    angle = uniform[:, 0] * math.radians(config.rotation)
    zoom = 1 + uniform[:, 1] * config.scale
    mirror = torch.where(uniform[:, 2] < 0, -1.0, 1.0) if config.flip else torch.ones(len(uniform), dtype=torch.float64)
    cosine, sine = angle.cos() / zoom, angle.sin() / zoom
    shift = uniform[:, 3:5] * 2 * config.shift  # affine_grid counts from −1 to 1
    first = torch.stack([cosine * mirror, -sine, shift[:, 0]], dim=1)
    second = torch.stack([sine * mirror, cosine, shift[:, 1]], dim=1)
    affine = torch.stack([first, second], dim=1).to(pictures)
    grid = functional.affine_grid(affine, list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(pictures, grid, align_corners=False, padding_mode="zeros")
    contrast = (1 + uniform[:, 5] * config.contrast).to(pictures)[:, None, None, None]
    brightness = (uniform[:, 6] * config.brightness).to(pictures)[:, None, None, None]
    return ((moved - 0.5) * contrast + 0.5 + brightness).clamp(0, 1)


def _draws(seed: int, epoch: int, case: int) -> np.ndarray:
    key = np.array([(seed << 32) ^ epoch, case], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key)).uniform(-1, 1, _DRAWS)

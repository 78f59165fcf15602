"""Array shapes, named once. Tensors have theirs in `data/tensors.py`, so that this file needs no torch.

Conventions: world coordinates are RAS+ millimetres; voxel axes are `slice row column`, plane axes
`row column`, colour comes last; `case` runs over studies, `class` over the labels of the target.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int, Num, UInt16

Task = Literal["multiclass", "multilabel", "ordinal"]
"""The kind of question: one of several classes (two of them: binary), several findings at once, or ordered classes."""

Voxels = Num[np.ndarray, "..."]
"""Stored values of one scan: `row column` or `row column 3`; several slices or frames stand along an axis before."""

PreparedPicture = UInt16[np.ndarray, "channel row column"]
"""One prepared image as the cache keeps it: one channel, or three for colour."""

MixedPicture = UInt16[np.ndarray, "_ row column"]
"""A prepared image in a list in which grey and colour may stand side by side."""

PreparedPlanes = UInt16[np.ndarray, "plane channel row column"]
"""One prepared scan as the cache keeps it: a picture is one plane, a volume its slices in reading order."""

MixedPlanes = UInt16[np.ndarray, "_ _ row column"]
"""A prepared scan in a list in which grey and colour, pictures and volumes may stand side by side."""

PlanePositions = Float32[np.ndarray, " plane"]
"""Place of each plane within its view, from 0 (first) to 1 (last); ½ for a lone one."""

PlaneAxes = Int[np.ndarray, " plane"]
"""Index into `data/places.AXES` of the plane that each slice was cut in."""

PreparedPictures = UInt16[np.ndarray, "case channel row column"]
"""Prepared images as the cache keeps them: 65,535 stands for 1."""

Affine = Float64[np.ndarray, "4 4"]
"""Voxel index (slice, row, column, 1) → RAS+ millimetres."""

Positions = Float64[np.ndarray, "slice 3"]
"""RAS+ millimetres of the first voxel of each slice."""

FeatureRows = Float[np.ndarray, "case feature"]
Truths = Bool[np.ndarray, " case"]
"""True where the study has the positive class."""

ClassIndices = Int[np.ndarray, " case"]
UNKNOWN: Final = -1
"""Index of the class of a study that nobody has labelled."""

LabelTruths = Float32[np.ndarray, "case label"]
"""1 where the study has the label, 0 where it has not, NaN where nobody knows."""

StudyTargets: TypeAlias = Int[np.ndarray, " case"] | Float32[np.ndarray, "case label"]
"""What a study's truth looks like: one class (or `UNKNOWN`), or several labels."""

Probabilities = Float64[np.ndarray, " case"]
"""Probability of the positive class."""

ClassProbabilities = Float64[np.ndarray, "case class"]
ClassOffsets = Float64[np.ndarray, " class"]
"""One number a class, on the scale of logits."""

CaseWeights = Float64[np.ndarray, " case"]
Groups = Int[np.ndarray, " case"]
"""The patient of each case, as an integer code."""

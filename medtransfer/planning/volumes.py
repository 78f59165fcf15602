"""Rules for cohorts of volumes: what of a scan is shown, how its slices are pooled, what can be trained at all.

| found in the headers | chosen |
|---|---|
| rows of several planes | gated attention over slices |
| … and pretrained weights | the encoder frozen, every slice encoded once, no term on features |
| … and a random start | fewer studies a step |
| … and a 2-D network | so few planes at once that a step takes at most 4 GiB |
| … and a 3-D network | one channel, and so many planes of every volume |
| CT of the head, chest or abdomen | three windows as three channels |
| MR | z-scores, since its values have no unit |
| … and weights that scale by the foreground themselves | percentiles, which leave the background black |

Reference: Ilse, Tomczak, Welling 2018, Attention-based deep multiple instance learning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from medtransfer.core.config.plan import Plan
from medtransfer.data.content import Content
from medtransfer.models.weights.sidecar import check_weight_file

Rule = tuple[str, Any, str]
"""Key, value, reason."""

Together = tuple[Rule, ...]
"""Rules that make sense together only: where the user has set one of their keys, none of them acts."""

WINDOWS: Final = {
    ("HEAD", "BRAIN", "SKULL"): ("brain", "subdural", "bone"),
    ("CHEST", "THORAX", "LUNG"): ("lungs", "mediastinum", "bone"),
    ("ABDOMEN", "LIVER", "PELVIS"): ("abdomen", "liver", "bone"),
}
"""Words of BodyPartExamined, and the three windows that a radiologist would look through."""

STUDIES_A_STEP: Final = 8
"""Volumes a step where the encoder is trained too."""

PLANES_AT_ONCE: Final = {"vit_b_16": 8}
"""Of 224² that a network is trained on at once within 4 GiB, as `benchmarks/volumes.py` measured it; others: 16."""

MOST_PLANES: Final = 64
"""Of a volume before a 3-D network, unless the user wants more."""

THREE_D: Final = "_3d"
"""How the catalogue's names of networks for volumes end."""


def volume_rules(plan: Plan, content: Content) -> Iterator[Together]:
    """What the rows of a cohort ask for, beside what their labels do."""
    yield from _shown(plan, content)
    if not content.volumes:
        return
    if content.modalities.get("", 0):
        said = plan.read.nifti_modality
        reason = "NIfTI files do not say what they are: with CT or MR here, windows and scaling act on them."
        yield (("read.nifti_modality", said, reason),)
    of = f"{content.volumes} of {len(content.planes)} rows are volumes (usually {content.usual} planes)"
    three_d = plan.model.backbone.endswith(THREE_D)
    if three_d:
        planes = min(MOST_PLANES, 16 * -(-content.usual // 16))
        yield (("preprocess.planes", planes, f"{of}; a 3-D network wants them all of one depth."),)
        yield (("model.in_channels", 1, "Published 3-D weights look at one channel."),)
    else:
        settings: dict[str, Any] = {"name": "attention", "settings": {}}
        yield (("model.pooling", settings, f"{of}: gated attention weighs slices; `mean` and `max` learn nothing."),)
        yield (
            ("model.chunk", _at_once(plan), "Planes at once: training all of a network's layers takes 4 GiB at most."),
        )
    if plan.model.weights != "none" and not three_d:
        yield (
            ("policy", {"name": "head", "settings": {}}, "Volumes: the pretrained encoder stays as it is."),
            ("training.features", "frozen", "Every slice is encoded once; `live`, with the policy `full`, trains all."),
            ("objective.parameters", {}, "A frozen encoder needs no anchor."),
            *([("objective.features", {}, "A frozen encoder cannot be aligned.")] if plan.objective.features else []),
        )
    elif plan.training.batch_size > STUDIES_A_STEP:
        yield (("training.batch_size", STUDIES_A_STEP, f"{of}: fewer of them a step."),)


def _at_once(plan: Plan) -> int:
    """Planes of the plan's size that take what the measured number of 224² does; two at least, for batch statistics."""
    of_224 = PLANES_AT_ONCE.get(plan.model.backbone, 16)
    return max(2, min(plan.model.chunk, of_224 * 224**2 // plan.preprocess.size**2))


def _shown(plan: Plan, content: Content) -> Iterator[Together]:
    """Values of interest by modality."""
    one_channel = plan.model.in_channels == 1 or plan.model.backbone.endswith(THREE_D)
    if content.mostly("CT") and plan.preprocess.hu_window is None and not one_channel:
        for words, windows in WINDOWS.items():
            named = sum(rows for part, rows in content.body_parts.items() if any(word in part for word in words))
            if 2 * named > sum(content.body_parts.values()):
                reason = f"CT of the {words[0].lower()}: three windows as three channels."
                yield (("preprocess.ct_windows", windows, reason),)
    own_scale = _scale_by_foreground(plan)
    if own_scale:
        reason = "The weights scale by the foreground, which is what is not black: brightness would undo that."
        yield (("augment.brightness", 0.0, reason), ("augment.contrast", 0.0, reason))
    if content.mostly("MR"):
        scaling = "percentile" if own_scale else "z_score"
        yield (("preprocess.mr_scaling", scaling, "MR values have no unit: each scan is scaled by its foreground."),)


def _scale_by_foreground(plan: Plan) -> bool:
    """Does the network scale each scan by what lies above 0, so that background has to stay there?"""
    weights = plan.model.weights
    return weights not in {"none", "imagenet"} and (
        check_weight_file(weights, plan.model.backbone).input.scaling == "foreground"
    )

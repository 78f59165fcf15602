"""Digests of what figures rest on, gathered from the rooms that know them."""

from __future__ import annotations

import json

from medtransfer.core.files import text_digest
from medtransfer.evaluation.provenance import Origins
from medtransfer.models.bundle import Manifest


def origins_of(manifest: Manifest | None, *, cohort_sha256: str = "", truth_sha256: str = "") -> Origins:
    """What `evaluation.provenance` cannot know by itself.

    Args:
        manifest: Of the bundle that predicted, where it is at hand.
        cohort_sha256: Of the table of the studies that were predicted.
        truth_sha256: Of the truth table that judged them.
    """
    plan = {} if manifest is None else manifest.training.plan
    target = plan.get("target")
    return Origins(
        cohort_sha256=cohort_sha256,
        truth_sha256=truth_sha256,
        training_sha256=target.get("sha256", "") if isinstance(target, dict) else "",
        plan_sha256=text_digest(json.dumps(plan, sort_keys=True)) if plan else "",
    )

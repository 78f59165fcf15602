"""From a trained network to a bundle: what it says of itself, its calibrator, operating points and scored studies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtransfer import __version__
from medtransfer.core.config.plan import Plan
from medtransfer.data.cohort import Cohort
from medtransfer.models.bundle import Bundle, Manifest, Member, TrainingRecord
from medtransfer.pipeline.choosing import chosen_points
from medtransfer.pipeline.recalibrating import shares, with_calibrator
from medtransfer.pipeline.scoring import scored_on

if TYPE_CHECKING:
    from medtransfer.training.adapt import Adapted


def new_manifest(plan: Plan, adapted: Adapted) -> Manifest:
    """What the bundle of a run says of itself, its operating points still open."""
    return Manifest(
        medtransfer_version=__version__,
        task=plan.target.task,
        classes=plan.target.classes,
        positive=plan.target.positive,
        read=plan.read,
        preprocess=plan.preprocess,
        members=(
            Member(
                backbone=plan.model.backbone,
                file="network.safetensors",
                sha256="",
                input=adapted.input_spec,
                in_channels=plan.model.in_channels,
                grey=plan.model.grey,
                pooling=plan.model.pooling,
            ),
        ),
        operating_point=None,
        training=TrainingRecord(
            plan=_without_places(plan),
            epochs=len(adapted.state.history),
            steps=adapted.state.step,
            best_epoch=adapted.state.best_epoch,
            arithmetic=adapted.state.arithmetic.model_dump(),
            seconds=round(adapted.state.seconds, 1),
            studies=adapted.studies,
            unlabelled=adapted.unlabelled,
            spectrum=adapted.spectrum,
            sites=adapted.sites,
            modalities=adapted.modalities,
            instance_weights=adapted.instance_weights,
            notes=adapted.notes,
            patients=adapted.patients,
        ),
    )


def _without_places(plan: Plan) -> dict[str, Any]:
    """The plan as a bundle keeps it: bundles travel, and folder names of the hospital's machine stay at home."""
    content = plan.as_json()
    for cohort in (content["target"], *content["sources"].values()):
        cohort.pop("cohort", None)
    if content["model"]["weights"] not in {"none", "imagenet"}:
        content["model"]["weights"] = Path(plan.model.weights).name
    return content


def decided(plan: Plan, draft: Bundle, target: Cohort, folder: Path, *, cache: Path | None = None) -> Manifest:
    """What the bundle says of itself once its probabilities are recalibrated, and operating points chosen on them.

    The studies of the calibration split, or else of the validation split, travel along by their probability.

    Args:
        plan: What was asked for.
        draft: The network, not recalibrated.
        target: The cohort with its splits.
        folder: Of the journals of what is predicted.
        cache: Folder of prepared pictures.

    Raises:
        PredictionsError: No calibrator can be fitted, or no threshold chosen.
    """
    journals = {name: folder / name for name in ("calibration", "validation")}
    for journal in journals.values():
        journal.mkdir()
    plain = draft.manifest.model_copy(update={"priors": shares(target, "train")})
    uncalibrated = replace(draft, manifest=plain)
    manifest = with_calibrator(plan, uncalibrated, target, journals["calibration"], cache=cache)
    recalibrated = replace(draft, manifest=manifest)
    points = chosen_points(plan, recalibrated, target, journals["validation"], cache=cache)
    scored = scored_on(manifest, uncalibrated, target, journals, cache=cache)
    training = manifest.training.model_copy(update={"notes": (*manifest.training.notes, *points.notes)})
    return manifest.model_copy(update=points.for_manifest() | {"scored": scored, "training": training})

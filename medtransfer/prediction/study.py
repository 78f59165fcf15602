"""One study on its own, as the app and a script on the fly see it: pictures, probabilities, reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medtransfer.core.catalogue import Catalogue
from medtransfer.core.errors import MedTransferError
from medtransfer.core.results import PROBABILITY
from medtransfer.data.ingest import read
from medtransfer.data.outcome import one_item, volume_refused
from medtransfer.data.preprocess import Shown, plane_of, prepare, to_display
from medtransfer.models.bundle import Bundle
from medtransfer.prediction.predict import predict_studies
from medtransfer.prediction.types import Runtime

RUNTIMES = Catalogue("medtransfer.prediction.runtimes", "load", "runtime")


@dataclass(frozen=True, kw_only=True)
class StudyImage:
    """One file of a study: how it looks in full resolution, or why it could not be read."""

    path: Path
    shown: Shown | None
    modality: str
    attributes: dict[str, str]
    notes: tuple[str, ...]
    problem: str
    """Message and cure where it was not read; empty where it was."""


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """What a bundle says about one study. `probabilities` is empty where no image could be read."""

    probabilities: dict[str, float]
    decision: str
    flags: tuple[str, ...]
    images: tuple[StudyImage, ...]


def load_runtime(bundle: Bundle, *, name: str = "eager") -> Runtime:
    """A bundle's network, ready to run; keep it, since loading takes longer than predicting.

    Raises:
        CatalogueError: There is no such runtime.
    """
    return RUNTIMES.get(name)(bundle)


def predict_study(runtime: Runtime, bundle: Bundle, files: Sequence[Path]) -> StudyResult:
    """Predict one study from its files; a file that cannot be read becomes a problem, never an exception.

    Args:
        runtime: From `load_runtime`.
        bundle: Labels, preprocessing and operating point.
        files: Every image of the study.
    """
    images, pictures = [], []
    settings, preprocess = bundle.manifest.read, bundle.manifest.preprocess
    for file in files:
        try:
            item, row = one_item(file, settings=settings)
            if item is None:
                images.append(_unread(file, f"{row.reason}. {row.hint}".strip()))
                continue
            scan = read(item, settings=settings)
            if scan.kind != "picture" and len(scan.voxels) != 1:
                raise volume_refused(file, len(scan.voxels))
            scan = plane_of(scan, 0)
            shown = to_display(scan, preprocess)
            pictures.append(prepare(scan, preprocess)[0])
        except MedTransferError as error:
            images.append(_unread(file, f"{error.message}. {error.hint or ''}".strip()))
            continue
        images.append(
            StudyImage(
                path=file,
                shown=shown,
                modality=scan.modality,
                attributes=scan.attributes,
                notes=scan.notes,
                problem="",
            )
        )
    if not pictures:
        return StudyResult(probabilities={}, decision="", flags=(), images=tuple(images))
    (row,) = predict_studies(runtime, bundle, [pictures])
    return StudyResult(
        probabilities={name: row[f"{PROBABILITY}{name}"] for name in bundle.manifest.classes},
        decision=row["decision"],
        flags=(*(flag for flag in row["flags"].split(";") if flag), *_scope(bundle, images)),
        images=tuple(images),
    )


def _scope(bundle: Bundle, images: list[StudyImage]) -> tuple[str, ...]:
    """A flag for every modality that the network was not trained on."""
    known = set(bundle.manifest.training.modalities)
    met = {image.modality for image in images if image.shown is not None}
    return tuple(f"untrained_modality_{kind}" for kind in sorted(met - known)) if known else ()


def _unread(file: Path, problem: str) -> StudyImage:
    return StudyImage(path=file, shown=None, modality="", attributes={}, notes=(), problem=problem)

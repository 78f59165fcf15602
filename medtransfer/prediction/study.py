"""One study on its own, as the app and a script on the fly see it: pictures, probabilities, reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from medtransfer.core.catalogue import Catalogue
from medtransfer.core.errors import MedTransferError
from medtransfer.core.results import PROBABILITY, UNCALIBRATED
from medtransfer.data.ingest import ingest_together, read
from medtransfer.data.orient import acquired
from medtransfer.data.preprocess import Shown, plane_of, prepare, to_display, with_window
from medtransfer.data.squares import pixel_ratio, with_square_pixels
from medtransfer.data.walk import files_below
from medtransfer.models.bundle import Bundle
from medtransfer.prediction.predict import check_channels, predict_studies
from medtransfer.prediction.types import Runtime

if TYPE_CHECKING:
    from medtransfer.core.config.data import PreprocessConfig, ReadConfig
    from medtransfer.data.found import Item
    from medtransfer.data.scan import Scan

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
    uncalibrated: dict[str, float] = field(default_factory=dict)
    """The probabilities before recalibration; empty where the bundle does not recalibrate."""


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
        files: Every file or folder of the study; files of one series are put together.
    """
    settings, preprocess = bundle.manifest.read, bundle.manifest.preprocess
    items, images = _found(files, settings)
    scans = []
    for item in items:
        file = item.path
        try:
            scan = read(item, settings=settings)
            shown, notes = _middle(scan, preprocess)
            prepared = prepare(scan, preprocess)
            check_channels(bundle, prepared, file)
        except MedTransferError as error:
            images.append(_unread(file, f"{error.message}. {error.hint or ''}".strip()))
            continue
        scans.append(prepared)
        images.append(
            StudyImage(
                path=file,
                shown=shown,
                modality=scan.modality,
                attributes=scan.attributes,
                notes=notes,
                problem="",
            )
        )
    if not scans:
        return StudyResult(probabilities={}, decision="", flags=(), images=_in_order(images, files))
    (row,) = predict_studies(runtime, bundle, [scans])
    return StudyResult(
        probabilities={name: row[f"{PROBABILITY}{name}"] for name in bundle.manifest.classes},
        decision=row["decision"],
        flags=(*(flag for flag in row["flags"].split(";") if flag), *_scope(bundle, images)),
        images=_in_order(images, files),
        uncalibrated={
            name: row[f"{UNCALIBRATED}{name}"] for name in bundle.manifest.classes if bundle.manifest.calibrator
        },
    )


def _in_order(images: Sequence[StudyImage], files: Sequence[Path]) -> tuple[StudyImage, ...]:
    """As the files stand; a series where its first file does."""
    places = {file: number for number, file in enumerate(files)}
    return tuple(sorted(images, key=lambda image: places.get(image.path, len(places))))


def _found(files: Sequence[Path], settings: ReadConfig) -> tuple[list[Item], list[StudyImage]]:
    """Images and series of a study, the files of a series together; and what cannot be read.

    Files of several patients are no study: none of them is read.
    """
    there: list[Path] = []
    problems: list[StudyImage] = []
    for file in files:
        try:
            files_below(file)
            there.append(file)
        except MedTransferError as error:
            problems.append(_unread(file, f"{error.message}. {error.hint or ''}".strip()))
    try:
        items, ledger = ingest_together(there, settings=settings)
    except MedTransferError as error:
        return [], [*problems, _unread(Path(error.path or there[0]), f"{error.message}. {error.hint or ''}".strip())]
    left_out = (row for row in ledger.rows if row.status != "read")
    problems += [_unread(Path(row.path), f"{row.reason}. {row.hint}".strip()) for row in left_out]
    patients = {item.facts["patient_id"] for item in items if item.facts.get("patient_id")}
    if len(patients) < 2:
        return list(items), problems
    said = f"one of {len(patients)} patients in this folder. Give the studies of each patient a folder of their own."
    return [], [*problems, *(_unread(item.path, said) for item in items)]


def _middle(scan: Scan, preprocess: PreprocessConfig) -> tuple[Shown, tuple[str, ...]]:
    """The picture, or the plane in the middle, and the scan's notes, which say so."""
    cut, _ = acquired(with_window(scan, preprocess))
    count = 1 if scan.kind == "picture" else len(cut.voxels)
    plane = plane_of(cut, count // 2)
    shown = with_square_pixels(to_display(plane, preprocess), pixel_ratio(plane))
    if scan.kind == "picture":
        return shown, scan.notes
    return shown, (*scan.notes, f"MiddlePlane: plane {count // 2 + 1} of {count} is shown, all are predicted on")


def _scope(bundle: Bundle, images: list[StudyImage]) -> tuple[str, ...]:
    """A flag for every modality that the network was not trained on."""
    known = set(bundle.manifest.training.modalities)
    met = {image.modality for image in images if image.shown is not None}
    return tuple(f"untrained_modality_{kind}" for kind in sorted(met - known)) if known else ()


def _unread(file: Path, problem: str) -> StudyImage:
    return StudyImage(path=file, shown=None, modality="", attributes={}, notes=(), problem=problem)

"""One study on its own, as the app and a script on the fly see it: pictures, probabilities, reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from medtransfer.core.catalogue import Catalogue
from medtransfer.core.errors import MedTransferError
from medtransfer.core.results import PROBABILITY, UNCALIBRATED
from medtransfer.data.ingest import read
from medtransfer.data.orient import acquired
from medtransfer.data.preprocess import Prepared, Shown, plane_of, prepare, to_display, with_window
from medtransfer.data.squares import pixel_ratio, with_square_pixels
from medtransfer.models.bundle import Bundle
from medtransfer.prediction.attention import Attending, PlaneWeights, Slices, SliceWeights, slices_of
from medtransfer.prediction.predict import check_channels, predict_studies
from medtransfer.prediction.study_files import found_in, said
from medtransfer.prediction.types import AttentiveRuntime, Runtime

if TYPE_CHECKING:
    from medtransfer.core.config.data import PreprocessConfig
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
    part: str = ""
    """Tells the images of one file or series apart, such as `stack 2 of 3`."""
    code: str = ""
    """Of the problem; empty where there is none."""


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """What a bundle says about one study. `probabilities` is empty where no image could be read."""

    probabilities: dict[str, float]
    decision: str
    flags: tuple[str, ...]
    images: tuple[StudyImage, ...]
    uncalibrated: dict[str, float] = field(default_factory=dict)
    """The probabilities before recalibration; empty where the bundle does not recalibrate."""
    attention: tuple[SliceWeights | None, ...] = ()
    """Of each readable image, in the order of `images`: how much each slice had to do with the answer.

    1 in sum over the study; None where the pooling has learned no weights, or the network did not look at slices.
    """

    def attention_of(self, path: Path, part: str = "") -> SliceWeights | None:
        """The weights of the slices of one image, `path` and `part` as in its `View`; None where there are none."""
        readable = [(image.path, image.part) for image in self.images if not image.problem]
        return dict(zip(readable, self.attention, strict=False)).get((path, part))


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
    items, unread = found_in(files, settings)
    images = [_unread(one.path, one.problem, one.code) for one in unread]
    scans: list[Prepared] = []
    slices: list[tuple[tuple[Path, str], Slices]] = []
    for item in items:
        file = item.path
        try:
            scan = read(item, settings=settings)
            shown, notes = _middle(scan, preprocess)
            prepared = prepare(scan, preprocess)
            check_channels(bundle, prepared, file)
        except MedTransferError as error:
            images.append(_unread(file, said(error), error.code))
            continue
        scans.append(prepared)
        slices.append(((file, item.part), slices_of(scan, prepared.views, preprocess)))
        images.append(
            StudyImage(
                path=file,
                shown=shown,
                modality=scan.modality,
                attributes=scan.attributes,
                notes=notes,
                problem="",
                part=item.part,
            )
        )
    if not scans:
        return StudyResult(probabilities={}, decision="", flags=(), images=_in_order(images, files))
    asked = Attending(runtime) if isinstance(runtime, AttentiveRuntime) else runtime
    (row,) = predict_studies(asked, bundle, [scans])
    ordered = _in_order(images, files)
    return StudyResult(
        probabilities={name: row[f"{PROBABILITY}{name}"] for name in bundle.manifest.classes},
        decision=row["decision"],
        flags=(*(flag for flag in row["flags"].split(";") if flag), *_scope(bundle, images)),
        images=ordered,
        uncalibrated={
            name: row[f"{UNCALIBRATED}{name}"] for name in bundle.manifest.classes if bundle.manifest.calibrator
        },
        attention=_attention(ordered, scans, slices, asked.weights if isinstance(asked, Attending) else None),
    )


def _attention(
    images: Sequence[StudyImage],
    scans: Sequence[Prepared],
    slices: Sequence[tuple[tuple[Path, str], Slices]],
    weights: PlaneWeights | None,
) -> tuple[SliceWeights | None, ...]:
    """Weights of the slices of each readable image; `scans` and `slices` are in the order in which they were pooled."""
    found: dict[tuple[Path, str], SliceWeights | None] = {}
    start = 0
    for scan, (name, of_scan) in zip(scans, slices, strict=True):
        found[name] = None if weights is None else of_scan.weights(weights[start : start + len(scan.planes)])
        start += len(scan.planes)
    return tuple(found[image.path, image.part] for image in images if not image.problem)


def _in_order(images: Sequence[StudyImage], files: Sequence[Path]) -> tuple[StudyImage, ...]:
    """As the files stand; a series where its first file does."""
    places = {file: number for number, file in enumerate(files)}
    return tuple(sorted(images, key=lambda image: places.get(image.path, len(places))))


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


def _unread(file: Path, problem: str, code: str) -> StudyImage:
    return StudyImage(path=file, shown=None, modality="", attributes={}, notes=(), problem=problem, code=code)

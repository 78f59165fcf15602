"""A hospital's folder: the pictures of its studies, `cohort.csv`, and `lesions.csv`, the key to the phantom."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from .dicom import Examination, write_radiograph
from .exact import Stream
from .exposure import aim, draw_exposure
from .lesions import draw_lesions
from .markers import PORTABLE
from .processing import for_processing
from .radiograph import radiograph
from .thorax import thorax_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .arrivals import Visit
    from .detector import Detector
    from .exposure import Exposure
    from .hospitals import Hospital
    from .lesions import Lesion
    from .person import Person
    from .processing import Picture
    from .shots import Shot

WIDEST_HEART = 0.68
"""Share of the thorax that no heart exceeds."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of `cohort.csv`: one picture. Empty cells are unknown, or no marker."""

    path: str
    patient_id: str
    study_id: str
    site: str
    date: str
    label: str
    split: str
    sex: str
    age: int | None
    view: str
    portable: str
    marker: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of `lesions.csv`: what lies in one picture, whatever its label.

    Attributes:
        path: As in `cohort.csv`.
        study_id: The study.
        severity: Of the illness; 0 in the well.
        lesions: How many foci of pneumonia; 0 in the well.
        volume_ml: Soft tissue that all of them add within the image.
        peak: The most that they add to the attenuation Σ μ·path.
        area_mm2: Area on the detector where they add more than half of that.
        contrast_to_noise: There, the loss of primary photons over the standard deviation of the counts, for one pixel.
        centre_row: Row of the middle of the first focus, the largest as a rule, in stored pixels from 0; in the well,
            where it would be.
        centre_column: Column of it.
    """

    path: str
    study_id: str
    severity: float
    lesions: int
    volume_ml: float
    peak: float
    area_mm2: float
    contrast_to_noise: float
    centre_row: float
    centre_column: float


def write_picture(folder: Path, *, hospital: Hospital, shot: Shot, seed: int) -> Finding:
    """Makes one picture and writes its file; says what lies in it.

    Foci, pose and noise have streams of their own. A copy and a raw twin are the first exposure once more.
    """
    visit = shot.visit
    stream = Stream(seed, hospital.name, visit.patient, "visit", visit.number)
    person = _with_large_heart(visit) if visit.ill and hospital.finding == "large_heart" else visit.person
    possible = draw_lesions(stream.child("lesions"), visit.person, severity=visit.severity)
    lesions = possible if visit.ill and hospital.finding == "pneumonia" else ()
    exposed = shot.kind if shot.kind in {"lateral", "repeat"} else "frontal"
    exposure = draw_exposure(stream.child("exposure", exposed), view=shot.view, portable=visit.portable)
    made = radiograph(
        person,
        exposure,
        lesions,
        marker=PORTABLE if visit.marked else None,
        detector=hospital.detector,
        processing=for_processing if shot.kind == "raw" else hospital.processing,
        stream=stream.child("noise", exposed),
    )
    row = row_of(hospital, shot)
    picture = _rescaled(made.picture) if shot.kind == "copy" else made.picture
    examination = Examination(
        patient_id=row.patient_id,
        study_id=row.study_id,
        sex=row.sex,
        age=row.age,
        view=shot.view,
        portable=visit.portable,
        kind=shot.kind,
        date=visit.date,
        seed=seed,
    )
    write_radiograph(folder / row.path, hospital=hospital, examination=examination, picture=picture)
    centre_row, centre_column = _place(possible[0], person, exposure, hospital.detector)
    return Finding(
        path=row.path,
        study_id=row.study_id,
        severity=round(visit.severity, 4) if visit.ill else 0.0,
        lesions=len(lesions),
        volume_ml=round(made.truth.volume_ml, 2),
        peak=round(made.truth.peak, 4),
        area_mm2=round(made.truth.area_mm2, 1),
        contrast_to_noise=round(made.truth.contrast_to_noise, 2),
        centre_row=round(centre_row, 1),
        centre_column=round(centre_column, 1),
    )


def row_of(hospital: Hospital, shot: Shot) -> Row:
    """The line of a picture."""
    visit = shot.visit
    patient_id = f"{hospital.prefix}{visit.patient:04d}"
    study_id = f"{patient_id}-{visit.number}"
    ending = "" if shot.kind == "frontal" else f"_{shot.kind}"
    return Row(
        path=f"images/{study_id}{ending}.dcm",
        patient_id=patient_id,
        study_id=study_id,
        site=hospital.name,
        date=visit.date.isoformat(),
        label=hospital.finding if visit.positive else "normal",
        split=visit.split,
        sex=visit.person.sex,
        age=visit.person.age if visit.age_known else None,
        view=shot.view,
        portable="yes" if visit.portable else "no",
        marker="PORT" if visit.marked else "",
    )


def write_tables(folder: Path, *, hospital: Hospital, made: Sequence[tuple[Shot, Finding]]) -> None:
    """Writes `cohort.csv` and `lesions.csv`, both without raw twins."""
    listed = [(row_of(hospital, shot), finding) for shot, finding in made if shot.kind != "raw"]
    _write_table(folder / "cohort.csv", Row, [row for row, _ in listed])
    _write_table(folder / "lesions.csv", Finding, [finding for _, finding in listed])


def _with_large_heart(visit: Visit) -> Person:
    """The heart is wider by 0.03 to 0.15 of the thorax: from within what is normal to beyond doubt (one half)."""
    ratio = visit.person.heart_ratio + 0.03 + 0.12 * visit.severity
    return replace(visit.person, heart_ratio=min(ratio, WIDEST_HEART))


def _rescaled(picture: Picture) -> Picture:
    """The same picture as another archive sends it: grey values at 97 %, shifted by 9; padding stays."""
    scaled = np.rint(0.97 * picture.stored.astype(np.float64) + 9.0).astype(np.uint16)
    kept = np.zeros(scaled.shape, dtype=bool) if picture.padding is None else picture.stored == picture.padding
    return replace(picture, stored=np.where(kept, picture.stored, scaled))


def _place(lesion: Lesion, person: Person, exposure: Exposure, detector: Detector) -> tuple[float, float]:
    """Row and column where the middle of a focus is seen."""
    rays = aim(person, exposure, shape=detector.exposed, spacing_mm=detector.spacing_mm)
    thorax = thorax_of(person, exposure)
    point = thorax.point_in_lung(lesion.side, across=lesion.across, front=lesion.front, height=lesion.height)
    x, y = rays.project(point)
    rows, columns = detector.shape
    return float(y) / detector.spacing_mm + (rows - 1) / 2, float(x) / detector.spacing_mm + (columns - 1) / 2


def _write_table(path: Path, kind: type[Row | Finding], rows: Sequence[Row | Finding]) -> None:
    """Writes one line a record, with the fields of `kind` as the header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(kind)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)

"""A hospital's studies: who comes, once or twice, ill or not, before or after the test set was locked."""

from __future__ import annotations

import csv
import datetime
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from .anatomy import draw_body, draw_pose
from .detector import MARGIN, expose
from .dicom import Examination, write_study
from .opacities import HEALTHY, draw_pneumonia
from .radiograph import attenuation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .detector import Detector
    from .fields import Field
    from .hospitals import Hospital
    from .opacities import Pneumonia

TWICE = 0.15
"""Share of patients who have two studies."""
FIRST_DAY = datetime.date(2024, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of `cohort.csv`."""

    path: str
    patient_id: str
    study_id: str
    site: str
    date: str
    label: str
    split: str
    sex: str
    age: int
    view: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of `lesions.csv`: how visible the pneumonia of one study is.

    Attributes:
        study_id: The study.
        opacities: How many opacities were drawn.
        grade: Where the study stands between hardly visible (0) and dense (1).
        peak: Largest attenuation that the opacities add, without unit.
        area_mm2: Area where they add more than half of that.
        centre_row: Row of the centre of mass of what they add, in stored pixels from 0.
        centre_column: Column of it.
    """

    study_id: str
    opacities: int
    grade: float
    peak: float
    area_mm2: float
    centre_row: float
    centre_column: float


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One study to be made."""

    patient: int
    number: int
    ill: bool
    split: str


def plan_visits(
    count: int, *, prevalence: float, split: str, first_patient: int, rng: np.random.Generator
) -> list[Visit]:
    """`count` studies of patients from number `first_patient` on; about 15 % of them come twice.

    Exactly ⌊count · prevalence + ½⌋ studies are ill, whoever's they are.
    """
    patients = round(count / (1.0 + TWICE))
    twice = set(rng.permutation(patients)[: count - patients].tolist())
    ill = rng.permutation(np.arange(count) < int(count * prevalence + 0.5)).tolist()
    visits = [(patient, number) for patient in range(patients) for number in range(2 if patient in twice else 1)]
    return [
        Visit(patient=first_patient + patient, number=number + 1, ill=is_ill, split=split)
        for (patient, number), is_ill in zip(visits, ill, strict=True)
    ]


def write_hospital(folder: Path, *, hospital: Hospital, visits: list[Visit], seed: int) -> None:
    """Writes `images/*.dcm`, `cohort.csv` and `lesions.csv`."""
    (folder / "images").mkdir(parents=True)
    rows: list[Row] = []
    findings: list[Finding] = []
    for visit in visits:
        row, finding = _make_study(folder, hospital=hospital, visit=visit, seed=seed)
        rows.append(row)
        if finding is not None:
            findings.append(finding)
    _write_table(folder / "cohort.csv", Row, rows)
    _write_table(folder / "lesions.csv", Finding, findings)


def _make_study(folder: Path, *, hospital: Hospital, visit: Visit, seed: int) -> tuple[Row, Finding | None]:
    """Draws, exposes and writes one study; each has a random stream of its own."""
    site_key = int.from_bytes(hospital.prefix.encode())
    patient_rng = np.random.default_rng([seed, site_key, visit.patient, 0])
    study_rng = np.random.default_rng([seed, site_key, visit.patient, visit.number])
    body = draw_body(patient_rng)
    first_day = int(patient_rng.integers(0, 300))
    # The lesion is drawn from a stream of its own, so that ill and healthy studies differ in nothing else.
    lesion_rng = np.random.default_rng([seed, site_key, visit.patient, visit.number, 1])
    pneumonia = draw_pneumonia(lesion_rng) if visit.ill else HEALTHY
    pose = draw_pose(study_rng, bedside_fraction=hospital.bedside_fraction)
    detector = hospital.detector
    beam = attenuation(
        body,
        pose,
        pneumonia,
        shape=detector.simulated,
        spacing=detector.spacing,
        rng=study_rng,
        lesion_rng=lesion_rng,
    )
    picture = hospital.develop(detector, expose(detector, beam.total, rng=study_rng), study_rng)

    patient_id = f"{hospital.prefix}-{visit.patient:04d}"
    examination = Examination(
        patient_id=patient_id,
        study_id=f"{patient_id}-{visit.number}",
        sex=body.sex,
        age=body.age,
        view=pose.view,
        date=FIRST_DAY + datetime.timedelta(days=first_day + 28 * (visit.number - 1)),
        seed=seed,
    )
    path = folder / "images" / f"{examination.study_id}.dcm"
    write_study(path, hospital=hospital, examination=examination, picture=picture)
    row = Row(
        path=f"images/{path.name}",
        patient_id=patient_id,
        study_id=examination.study_id,
        site=hospital.name,
        date=examination.date.isoformat(),
        label="pneumonia" if visit.ill else "normal",
        split=visit.split,
        sex=body.sex,
        age=body.age,
        view=pose.view,
    )
    finding = _describe(examination.study_id, pneumonia, beam.opacity, detector) if visit.ill else None
    return row, finding


def _describe(study_id: str, pneumonia: Pneumonia, opacity: Field, detector: Detector) -> Finding:
    """Measures what the opacities add on the exposed pixels, before any noise."""
    inner = opacity[MARGIN:-MARGIN, MARGIN:-MARGIN]
    peak = float(inner.max())
    weight = inner / max(float(inner.sum()), 1e-9)
    rows, columns = np.indices(inner.shape)
    return Finding(
        study_id=study_id,
        opacities=len(pneumonia.opacities),
        grade=round(pneumonia.grade, 4),
        peak=round(peak, 4),
        area_mm2=round(float(np.count_nonzero(inner > 0.5 * peak)) * detector.spacing**2, 1),
        centre_row=round(float((rows * weight).sum()) + detector.border[0], 1),
        centre_column=round(float((columns * weight).sum()) + detector.border[1], 1),
    )


def _write_table(path: Path, kind: type[Row | Finding], rows: Sequence[Row | Finding]) -> None:
    """Writes one line a record, with the fields of `kind` as the header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(kind)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)

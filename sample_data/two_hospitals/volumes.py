"""Small head CTs with or without a bleed: half as NIfTI, half as DICOM series.

Bleeds are drawn from a stream of their own, so that a patient with a bleed is the same patient without: same head,
pose and noise.
"""

from __future__ import annotations

import csv
import datetime
import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from .bleeds import Bleed, blood_fraction, draw_bleed, with_blood
from .ct import Protocol, correlated_noise, noise_sd, scan
from .exact import Stream
from .head import Head, HeadImage, draw_head, image_head
from .person import AgeMix
from .volume_files import CtExamination, write_nifti, write_series
from .volume_plan import plan_volumes
from .voxels import Pose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from .volume_plan import Volume

    Floats = NDArray[np.float64]

AGES = AgeMix(mean=62, sd=18)
PROTOCOLS = ((5.0, 28, 96), (4.5, 31, 92), (4.0, 34, 88))  # slice thickness in millimetres, slices, pixels
PROTOCOL_SHARES = (0.7, 0.15, 0.15)
TILT_DEGREES = 12.0
FIELDS_MM = (220, 230, 240)  # fields of view
FIRST_DAY = datetime.date(2023, 1, 2)
LEAST_DRAWN = 0.5  # of the volume meant; a bleed that has no room there is drawn elsewhere


@dataclass(frozen=True, kw_only=True)
class VolumeRow:
    """A line of `cohort.csv`. `series_uid` says which series is meant where a folder holds two."""

    path: str
    patient_id: str
    study_id: str
    site: str
    date: str
    label: str
    split: str
    sex: str
    age: int | str
    format: str
    series_uid: str


@dataclass(frozen=True, kw_only=True)
class BleedRow:
    """A line of `lesions.csv`: the truth about a bleed.

    Attributes:
        study_id: As in `cohort.csv`.
        kind: Epidural, subdural, intracerebral or subarachnoid.
        hu: CT number of the blood.
        volume_ml: In the scan's voxels.
        left_mm: The bleed's middle in the patient's axes, as in DICOM; NIfTI's first two axes point the other way.
        back_mm: Likewise.
        up_mm: Likewise.
        peak_hu: The greatest change that the blood makes in any voxel, before noise.
        snr: √Σ (change / noise)², what an observer who knows place and shape could reach in white noise.
    """

    study_id: str
    kind: str
    hu: float
    volume_ml: float
    left_mm: float
    back_mm: float
    up_mm: float
    peak_hu: float
    snr: float


@dataclass(frozen=True, kw_only=True)
class Study:
    """What is written of a volume, and the truth.

    Attributes:
        voxels: CT numbers, `slice row column`.
        protocol: How they were scanned.
        examination: What the headers say.
        blood: Part of each voxel; None without a bleed.
        truth: Likewise.
    """

    voxels: NDArray[np.int16]
    protocol: Protocol
    examination: CtExamination
    blood: Floats | None
    truth: BleedRow | None


def write_volumes(folder: Path, *, count: int = 40, seed: int = 0, test: int = 14) -> None:
    """Writes `cohort.csv`, `lesions.csv` and `volumes/` into `folder`; equal arguments give equal bytes.

    Args:
        folder: Made where it is missing.
        count: Of volumes; 4 of them take 2.2 MB.
        seed: Everything random follows from it.
        test: How many of them are in the locked test set.

    Raises:
        FileExistsError: If the volumes are there already: nothing is overwritten.
    """
    (folder / "volumes").mkdir(parents=True)
    written = [write_volume(folder, volume, seed=seed) for volume in plan_volumes(count, seed=seed, test=test)]
    write_volume_tables(folder, written)


def write_volume(folder: Path, volume: Volume, *, seed: int) -> tuple[VolumeRow, BleedRow | None]:
    """Makes one study and writes it below `folder/volumes`; returns its lines of the tables."""
    study = examine(volume, seed=seed)
    path, series = folder / volume.path, ""
    if volume.format == "nifti":
        write_nifti(path, study.voxels, study.protocol)
    else:
        series = write_series(
            path,
            study.voxels,
            study.protocol,
            examination=study.examination,
            scout=volume.scout,
            order=Stream(seed, "volumes", volume.patient, volume.number, "names"),
        )
    row = VolumeRow(
        path=volume.path,
        patient_id=volume.patient_id,
        study_id=volume.study_id,
        site=study.examination.site,
        date=study.examination.date.isoformat(),
        label="bleed" if volume.bleed else "no_bleed",
        split=volume.split,
        sex=study.examination.sex,
        age="" if study.examination.age is None else study.examination.age,
        format=volume.format,
        series_uid=series if volume.scout else "",
    )
    return row, study.truth


def examine(volume: Volume, *, seed: int) -> Study:
    """Makes one study, each of its parts from a stream of its own."""
    patient = Stream(seed, "volumes", volume.patient)
    visit = patient.child(volume.number)
    sex = patient.child("sex").choice("MF")
    age = AGES.age_at(patient.child("age").uniform())
    head = draw_head(patient.child("head"), sex=sex, age=age)
    protocol = draw_protocol(visit.child("protocol"), tilted=volume.tilted)
    pose = draw_pose(visit.child("pose"), protocol)
    image = image_head(head, pose.of_head(protocol.grid()))
    noise = noise_sd(image.hu, protocol)
    hu, blood, truth = image.hu, None, None
    if volume.bleed:
        bleed, blood = _fitting_bleed(visit.child("bleed"), head, image, protocol)
        hu = with_blood(image, blood, bleed.hu)
        truth = _truth(volume.study_id, bleed, blood, hu - image.hu, noise, protocol)
    examination = CtExamination(
        patient_id=volume.patient_id,
        study_id=volume.study_id,
        site="riverside" if volume.format == "dicom" else "hillcrest",
        sex=sex,
        age=age if volume.age_known else None,
        date=FIRST_DAY + datetime.timedelta(days=patient.child("day").integers(0, 330) + 9 * (volume.number - 1)),
        seed=seed,
    )
    return Study(
        voxels=scan(hu, noise * correlated_noise(visit.child("noise"), image.hu.shape)),
        protocol=protocol,
        examination=examination,
        blood=blood,
        truth=truth,
    )


def write_volume_tables(folder: Path, written: Sequence[tuple[VolumeRow, BleedRow | None]]) -> None:
    """Writes `cohort.csv` and `lesions.csv`."""
    _write_table(folder / "cohort.csv", VolumeRow, [row for row, _ in written])
    _write_table(folder / "lesions.csv", BleedRow, [truth for _, truth in written if truth])


def draw_protocol(stream: Stream, *, tilted: bool) -> Protocol:
    """Mostly slices of 5 mm."""
    thickness, slices, pixels = stream.choice(PROTOCOLS, PROTOCOL_SHARES)
    return Protocol(
        slices=slices,
        pixels=pixels,
        pixel_mm=round(stream.choice(FIELDS_MM) / pixels, 4),
        thickness_mm=thickness,
        tilt_degrees=TILT_DEGREES if tilted else 0.0,
    )


def draw_pose(stream: Stream, protocol: Protocol) -> Pose:
    """Heads lie a few degrees askew; where the gantry is tilted, it follows the nod of the head."""
    turn, nod = stream.normal(0.0, 3.5), stream.normal(0.0, 3.0)
    shift = (stream.normal(0.0, 4.0), stream.normal(0.0, 5.0), stream.normal(0.0, 3.0))
    return Pose(turn_degrees=turn, nod_degrees=nod + protocol.tilt_degrees, shift=shift)


def _fitting_bleed(stream: Stream, head: Head, image: HeadImage, protocol: Protocol) -> tuple[Bleed, Floats]:
    """The first bleed that finds room."""
    for attempt in range(100):
        bleed = draw_bleed(stream.child(attempt), head)
        blood = blood_fraction(image, bleed)
        if _volume_ml(blood, protocol) >= LEAST_DRAWN * bleed.volume_ml:
            return bleed, blood
    raise RuntimeError("no bleed finds room in this head")


def _volume_ml(blood: Floats, protocol: Protocol) -> float:
    return math.fsum(blood[blood > 0]) * protocol.pixel_mm * protocol.pixel_mm * protocol.thickness_mm / 1000


def _truth(study_id: str, bleed: Bleed, blood: Floats, change: Floats, noise: Floats, protocol: Protocol) -> BleedRow:
    """What is known of a bleed, measured on the scan's voxels."""
    found = blood > 0
    weight = blood[found]
    total = math.fsum(weight)
    points = protocol.grid().points()
    middle = [math.fsum(weight * axis[found]) / total for axis in (points.x, points.y, points.z)]
    ratio = change[found] / noise[found]
    return BleedRow(
        study_id=study_id,
        kind=bleed.kind,
        hu=round(bleed.hu, 1),
        volume_ml=round(_volume_ml(blood, protocol), 2),
        left_mm=round(middle[0], 1),
        back_mm=round(middle[1], 1),
        up_mm=round(middle[2], 1),
        peak_hu=round(float(change.max()), 1),
        snr=round(math.sqrt(math.fsum(ratio * ratio)), 1),
    )


def _write_table(path: Path, kind: type[VolumeRow | BleedRow], rows: Sequence[VolumeRow | BleedRow]) -> None:
    """One line a record."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(kind)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)

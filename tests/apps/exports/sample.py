"""A report as the tests need it, with a picture and a DICOM image behind it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

import medtransfer as mt
from apps.exports.contents import Contents, Finding, Model, Statement, Subject
from apps.exports.snapshot import Snapshot, snapshot

HOSTILE = (
    "<script>alert(1)</script>",
    '<para><b>bold</b> <a href="http://127.0.0.1:9/">x</a> <img src="http://127.0.0.1:9/b.png"/></para>',
    "<unclosed & &amp; &#0;",
    "![x](http://127.0.0.1:9/b.png)",
    '=HYPERLINK("http://127.0.0.1:9","x")',
    "a\u202eb\u2066c",
    "a\x1b[2Jb\x07\x00c\r\nd",
    "山田^太郎 ירון علي 😀 \ud800",
    "x" * 10_000,
    "a\\b\\c^^^^^^=d=e=f",
    "(/JavaScript) Tj /URI (http://127.0.0.1:9)",
)


def instance(**changes: object) -> mt.Instance:
    values = {
        "sop_class": "1.2.840.10008.5.1.4.1.1.1",
        "instance_uid": "1.2.3.4",
        "series_uid": "1.2.3.2",
        "study_uid": "1.2.3.1",
        "modality": "CR",
        "patient_id": "MRN-4711",
        "patient_name": "Müller^Anna",
        "birth_date": "19650203",
        "sex": "F",
        "study_id": "17",
        "study_date": "20260720",
        "study_time": "101500",
        "accession_number": "A17",
        "referring_physician": "Who^Ever",
        "identity_removed": False,
    }
    return mt.Instance(**{**values, **changes})


def picture(rows: int = 96, columns: int = 80, *, grey: int | None = None) -> Snapshot:
    """Noise, or one grey."""
    pixels = np.random.default_rng(7).integers(0, 256, (rows, columns), dtype=np.uint8)
    if grey is not None:
        pixels[:] = grey
    return snapshot(pixels, "CR · PA · W 40 · L 40")


def finding(**changes: object) -> Finding:
    values = {
        "name": "pneumonia",
        "probability": 0.7312,
        "said": "0.73",
        "uncalibrated": 0.81,
        "threshold": 0.41,
        "called": True,
        "decision": "Called pneumonia: 0.73 is at or above the operating point 0.41.",
        "frequency": "Of 100 calibration patients scored like this, 62–78 had pneumonia.",
        "performance": ("Sensitivity 0.90 (95 % interval 0.79–0.96).", "Estimated on 104 studies."),
    }
    return Finding(**{**values, **changes})


def report(**changes: object) -> Contents:
    values = {
        "protocol": "EK-2026/114",
        "exported_by": "a.reader@hospital.example",
        "drawn_up": datetime(2026, 7, 21, 9, 30, 5, tzinfo=UTC),
        "study": "ward 3/study 17",
        "study_sha256": "a3" * 32,
        "study_date": "2026-07-20",
        "images": "CR · PA · 2 files, all read",
        "subject": Subject(name="Müller^Anna", number="MRN-4711", birth_date="1965-02-03", sex="F"),
        "model": Model(
            name="pneumonia · squeezenet1_1",
            version="0.1.0",
            sha256="b4" * 32,
            scope=(("Trained on", "CR, DX"), ("Not for", "diagnosis")),
        ),
        "findings": (finding(),),
        "flags": ("Several images were pooled into one probability.",),
        "impressions": (
            Statement(
                who="a.reader@hospital.example", at="2026-07-21 09:20 UTC", said=("pneumonia", "confidence 80 of 100")
            ),
        ),
        "feedback": (
            Statement(
                who="a.reader@hospital.example", at="2026-07-21 09:25 UTC", said=("pneumonia", "agree with the model")
            ),
        ),
        "picture": picture(),
        "instances": (instance(),),
    }
    return Contents(**{**values, **changes})


def hostile(text: str) -> Contents:
    """A report in which everything that may be foreign is this text."""
    told = Statement(who=text, at=text, said=(text, text))
    return report(
        protocol=text,
        exported_by=text,
        study=text,
        study_date=text,
        images=text,
        subject=Subject(name=text, number=text, birth_date=text, sex=text, deidentified=True),
        model=Model(name=text, version=text, sha256="b4" * 32, scope=((text, text),)),
        findings=(finding(name=text, said=text, decision=text, frequency=text, performance=(text,)),),
        flags=(text, text),
        impressions=(told,),
        feedback=(told,),
        picture=snapshot(np.zeros((40, 40), np.uint8), text, letters=(text, text, text, text)),
        instances=(
            instance(
                modality=text,
                patient_id=text,
                patient_name=text,
                birth_date=text,
                sex=text,
                study_id=text,
                study_date=text,
                study_time=text,
                accession_number=text,
                referring_physician=text,
            ),
        ),
    )

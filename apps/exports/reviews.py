"""What readers said, as one archive: JSONL without loss, CSV for people, and where truth is known a study for iMRMC.

The files are those of `medtransfer reviews export`, to the byte.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING

import medtransfer as mt

if TYPE_CHECKING:
    from pathlib import Path

    from apps.people import Person
    from apps.settings import Settings


def archive(reviews: mt.Reviews, predictions: Path | None) -> bytes:
    """The files in a ZIP; where there can be no reader study, `readers.txt` says why.

    Raises:
        MedTransferError: The reviews cannot be read.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in _files(reviews, predictions).items():
            packed.writestr(zipfile.ZipInfo(name), text)
    return content.getvalue()


def exported(reviews: mt.Reviews, settings: Settings, person: Person) -> bytes:
    """The archive, once it is recorded who takes it.

    Args:
        reviews: What readers said.
        settings: As they are when the button is pressed: the page may be older than the clinic's file.
        person: Who takes it.

    Raises:
        MedTransferError: Exports are off, it could not be made, or its export not recorded.
    """
    if not settings.clinic.protocol:
        raise mt.MedTransferError("The clinic's file names no study protocol any more", code="ExportsOff")
    content = archive(reviews, settings.predictions)
    reviews.append(
        "export",
        who=person.name,
        study="",
        study_sha256="",
        bundle_sha256="",
        shown={},
        content={
            "file": "reviews",
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "protocol": settings.clinic.protocol,
        },
    )
    return content


def _files(reviews: mt.Reviews, predictions: Path | None) -> dict[str, str]:
    if predictions is None:
        return mt.exported_reviews(reviews)
    try:
        return mt.exported_reviews(reviews, predictions=mt.read_predictions(predictions))
    except mt.MedTransferError as error:
        return mt.exported_reviews(reviews) | {"readers.txt": f"There is no reader study: {error.message}\n"}

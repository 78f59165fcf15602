"""The three files that can be exported: how each is called and made, why not, and that it was recorded who took it."""

from __future__ import annotations

import hashlib
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import medtransfer as mt
from apps.exports.attaching import refusal
from apps.server.tickets import Made
from apps.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apps.exports.contents import Contents

_MAKING: Final = threading.Lock()
"""One file at a time: fonts are shared by all sessions, and reportlab keeps state in them while it writes."""

logger = logging.getLogger(__name__)

DICOM: Final = "application/dicom"
PDF: Final = "application/pdf"


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One kind of file."""

    kind: str
    title: str
    file_name: str
    """Of dates and digests: no name of a patient ends up in a folder of downloads."""
    mime: str
    refused: str
    """Why it cannot be made of this study, in one sentence; empty where it can."""
    make: Callable[[], bytes]


def offers(contents: Contents) -> tuple[Offer, ...]:
    """PDF, DICOM SR and Secondary Capture of one report."""
    unattached = refusal(contents)
    unpictured = "" if contents.picture else "No image of this study could be read: there is no picture to show."
    return (
        Offer(
            kind="pdf",
            title="PDF",
            file_name=_name(contents, "report.pdf"),
            mime=PDF,
            refused="",
            make=lambda: _pdf(contents),
        ),
        Offer(
            kind="structured report",
            title="DICOM Structured Report",
            file_name=_name(contents, "sr.dcm"),
            mime=DICOM,
            refused=unattached,
            make=lambda: _structured_report(contents),
        ),
        Offer(
            kind="secondary capture",
            title="DICOM Secondary Capture",
            file_name=_name(contents, "sc.dcm"),
            mime=DICOM,
            refused=unattached or unpictured,
            make=lambda: _secondary_capture(contents),
        ),
    )


def recording(offer: Offer, contents: Contents, reviews: mt.Reviews, *, shown: Mapping[str, Any]) -> Callable[[], Made]:
    """What is done when the file is asked for: it is made, its export recorded, and only then it is handed over.

    It runs outside the screen's own thread, so that what goes wrong is said in the answer.
    """

    def work() -> Made:
        try:
            with _MAKING:
                content = offer.make()
        except Exception as error:  # noqa: BLE001  # its words may hold identifiers, and would go into a log
            logger.error("%s could not be made: %s", offer.kind, type(error).__name__)
            return Made(why_not=("The file could not be made. Nothing was exported. The study stays as it is.",))
        try:
            reviews.append(
                "export",
                who=contents.exported_by,
                study=contents.study,
                study_sha256=contents.study_sha256,
                bundle_sha256=contents.model.sha256,
                shown=shown,
                content={
                    "file": offer.kind,
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "bytes": len(content),
                    "protocol": contents.protocol,
                    "drawn_up": contents.drawn_up.isoformat(),
                },
            )
        except mt.MedTransferError as error:
            said = ("Nothing was exported, since it could not be recorded.", error.message, error.hint or "")
            return Made(why_not=tuple(printable(sentence) for sentence in said if sentence))
        return Made(content=content, name=offer.file_name, mime=offer.mime)

    return work


def ticket(offer: Offer, contents: Contents) -> str:
    """What the file is asked for by: the same for the same words, however often the screen is drawn."""
    return hashlib.sha256(f"{contents.identity} {offer.kind}".encode()).hexdigest()


def _name(contents: Contents, suffix: str) -> str:
    return f"{contents.drawn_up:%Y%m%d}-{contents.study_sha256[:12]}-{contents.model.sha256[:8]}-{suffix}"


def _pdf(contents: Contents) -> bytes:
    from apps.exports.pdf import as_pdf

    return as_pdf(contents)


def _structured_report(contents: Contents) -> bytes:
    from apps.exports.structured_report import as_structured_report

    return as_structured_report(contents)


def _secondary_capture(contents: Contents) -> bytes:
    from apps.exports.secondary_capture import as_secondary_capture

    if contents.picture is None:
        msg = "there is no picture"
        raise ValueError(msg)
    return as_secondary_capture(contents, contents.picture)

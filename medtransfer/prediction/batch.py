"""One batch of studies → rows of the journal: probabilities, truth, and what became of every image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import pandas as pd

from medtransfer.core.errors import ReadError
from medtransfer.core.inert import one_line
from medtransfer.core.results import ATTRIBUTE
from medtransfer.data.foreign import FOREIGN
from medtransfer.data.ledger import LedgerRow, after
from medtransfer.data.preprocess import Prepared
from medtransfer.models.bundle import Bundle
from medtransfer.prediction.predict import check_channels, predict_studies
from medtransfer.prediction.scans import Scans
from medtransfer.prediction.stored import THUMBNAILS, Listening, packed, pictured
from medtransfer.prediction.types import Runtime

HELD = 2**28
"""Bytes of prepared scans that are held at once, or those of one study: a batch of large volumes is cut."""

CASE = "case"
"""Column of a part of a cohort with the name of each row."""

SOME_FAILED = "some_images_failed"
"""Flag of a study that was predicted without some of its images."""


class Batches:
    """Predicts batch after batch.

    Args:
        bundle: What predicts.
        execute: Its network; one that listens where embeddings are stored.
        attributes: Columns of the cohort that go with the predictions.
        stored: What else is kept of a study.
    """

    def __init__(
        self, bundle: Bundle, execute: Runtime, *, attributes: Sequence[str], stored: Sequence[str] = ()
    ) -> None:
        self._bundle, self._execute = bundle, execute
        self._attributes, self._stored = tuple(attributes), frozenset(stored)

    def rows(self, source: Scans, batch: Sequence[pd.DataFrame]) -> list[dict[str, Any]]:
        """One row a study: its rows of the cohort in, what is known of it out."""
        rows: list[dict[str, Any]] = []
        said: list[dict[str, Any]] = []
        held: list[list[Prepared]] = []
        for images in batch:
            outcomes = [self._fitting(source, name) for name in images[CASE]]
            ledger = [replace(row, path=str(name)) for name, (_, row) in zip(images[CASE], outcomes, strict=True)]
            rows.append(self._known(images.iloc[0], ledger))
            scans = [scan for scan, _ in outcomes if scan is not None]
            if held and _size(*held, scans) > HELD:
                said += self._said(held)
                held = []
            if scans:
                held.append(scans)
        found = iter([*said, *self._said(held)])
        return [_merged(row, next(found)) if row["status"] == "read" else row for row in rows]

    def _fitting(self, source: Scans, name: str) -> tuple[Prepared | None, LedgerRow]:
        """The scan, unless it cannot be had or the network cannot look at it: one picture must not end a whole run."""
        scan, row = None, LedgerRow(path=name)
        try:
            scan, row = source.of(name)
            if scan is not None:
                check_channels(self._bundle, scan, row.path)
        except ReadError as error:
            return None, after(row, error)
        except FOREIGN as error:  # no loader expected this one
            said = ReadError(
                f"unexpected {type(error).__name__}: {one_line(str(error))}",
                code="Unexpected",
                path=row.path,
                hint="Look at the file with `medtransfer inspect`, and report what it says.",
            )
            return None, after(row, said)
        return scan, row

    def _known(self, first: pd.Series, ledger: list[LedgerRow]) -> dict[str, Any]:
        """What the cohort says of a study, by the first of its rows, and what became of its images."""
        return {
            **{key: str(first[key]) for key in ("study_id", "patient_id", "site", "date", "split")},
            "truth": str(first["label"]),
            "bundle_sha256": self._bundle.sha256,
            **{f"{ATTRIBUTE}{name}": str(first[name]) for name in self._attributes},
            "images": [asdict(entry) for entry in ledger],
            **_status(ledger),
        }

    def _said(self, studies: list[list[Prepared]]) -> list[dict[str, Any]]:
        """What the bundle says of each study."""
        rows = predict_studies(self._execute, self._bundle, studies)
        if isinstance(self._execute, Listening):
            heard, self._execute.heard = self._execute.heard, []
            rows = [row | {"embedding": packed(features)} for row, features in zip(rows, heard, strict=True)]
        if THUMBNAILS in self._stored:
            rows = [row | pictured(scans) for row, scans in zip(rows, studies, strict=True)]
        return rows


def _size(*studies: list[Prepared]) -> int:
    return sum(scan.planes.nbytes for study in studies for scan in study)


def _merged(row: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    flags = [flag for flag in (row["flags"], said["flags"]) if flag]
    return row | said | {"flags": ";".join(flags)}


def _status(images: list[LedgerRow]) -> dict[str, str]:
    """A study is read where any image was; else it failed where any did; else it was left out by rule."""
    trouble = [image for image in images if image.status == "failed"] or [i for i in images if i.status == "excluded"]
    if any(image.status == "read" for image in images):
        failed = any(image.status == "failed" for image in images)
        return {"status": "read", "error": "", "flags": SOME_FAILED if failed else ""}
    return {
        "status": trouble[0].status,
        "error": f"{trouble[0].code}: {trouble[0].reason}",
        "flags": "",
        "decision": "",
    }

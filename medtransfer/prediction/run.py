"""A whole cohort: one row per study, committed in batches, so that a killed run goes on where it stopped.

Batches are cut from the whole list of studies and committed all or none, so that a study is computed in the same
batch whether or not the run was interrupted, and its probability is the same to the last bit.

A row is kept under its study and the state of the study's files, so that the same command predicts a study again
once one of them was repaired, replaced or has turned up. Its whole batch is computed again for it; the other studies
of the batch keep the rows they had.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from medtransfer.core.errors import PredictionsError, ReadError
from medtransfer.core.files import text_digest
from medtransfer.core.journal import Journal
from medtransfer.core.progress import progress_bar
from medtransfer.core.results import PREDICTION_COLUMNS, PROBABILITY, Predictions
from medtransfer.data.cohort import Cohort
from medtransfer.data.ledger import Ledger, LedgerRow, after
from medtransfer.data.names import case_names
from medtransfer.data.preprocess import Prepared
from medtransfer.data.stored.content import state
from medtransfer.data.targets import strange_labels
from medtransfer.models.bundle import Bundle
from medtransfer.prediction.predict import check_channels, predict_studies
from medtransfer.prediction.scans import Scans
from medtransfer.prediction.study import load_runtime
from medtransfer.prediction.types import Runtime

JOURNAL = "predictions.sqlite"
BATCH = 16
HELD = 2**28
"""Bytes of prepared scans that are held at once, or those of one study: a batch of large volumes is cut."""
_NAME = "case"
_SHOWN = 5
SOME_FAILED = "some_images_failed"
"""Flag of a study that was predicted without some of its images."""


@dataclass(frozen=True, kw_only=True)
class CohortRun:
    """Predictions of a cohort, and what became of every image."""

    predictions: Predictions
    ledger: Ledger


def predict_cohort(
    bundle: Bundle,
    cohort: Cohort,
    *,
    folder: Path,
    cache: Path | None = None,
    runtime: str = "eager",
    quiet: bool = True,
) -> CohortRun:
    """Predict every study of a cohort, going on from `folder`'s journal where it holds this very run.

    Studies whose files have changed since their row was written are predicted again, with their batch.

    Args:
        bundle: What predicts.
        cohort: Studies; their labels, where known, become the `truth` column and are used for nothing else.
        folder: Where the journal lies.
        cache: Folder of prepared scans to read from and add to; None decodes, and keeps nothing.
        runtime: Entry of `prediction/runtimes/`.
        quiet: Show no progress bar.

    Raises:
        PredictionsError: The cohort has labels that the bundle does not know.
        OutputError: The journal belongs to another run, or it or the cache cannot be written.
        CohortError: `OtherPreprocessing`: the cohort was converted with other settings than the bundle's.
    """
    _check_labels(bundle, cohort)
    studies = list(cohort.table.assign(**{_NAME: case_names(cohort.table)}).groupby("study_id", sort=False))
    keys = [_key(cohort, str(study), images) for study, images in studies]
    execute: Runtime | None = None
    with Journal(folder / JOURNAL, run=_run_digest(bundle, cohort, runtime)) as journal:
        done = journal.keys()
        scans = _scans(bundle, cohort, studies, [key in done for key in keys], cache, quiet=quiet)
        with progress_bar("predicting", len(studies), quiet=quiet) as advance:
            for start in range(0, len(studies), BATCH):
                batch, names = studies[start : start + BATCH], keys[start : start + BATCH]
                if not done.issuperset(names):
                    execute = execute or load_runtime(bundle, name=runtime)
                    journal.append(zip(names, _predict_batch(bundle, execute, scans, batch), strict=True))
                advance(len(batch))
        rows = dict(journal.items())
    ordered = [rows[key] for key in keys]
    return CohortRun(predictions=_predictions(bundle, cohort, ordered), ledger=_ledger(ordered))


def _scans(
    bundle: Bundle,
    cohort: Cohort,
    studies: list[tuple[Any, pd.DataFrame]],
    done: list[bool],
    cache: Path | None,
    *,
    quiet: bool,
) -> Scans:
    """The scans of all batches that have to be computed."""
    starts = range(0, len(studies), BATCH)
    pending = [study for i in starts if not all(done[i : i + BATCH]) for study in studies[i : i + BATCH]]
    rows = pd.concat([images for _, images in pending]).index if pending else []
    return Scans(cohort, cohort.table.loc[rows], bundle.manifest, cache=cache, quiet=quiet)


def _predict_batch(
    bundle: Bundle, execute: Runtime, source: Scans, batch: list[tuple[Any, pd.DataFrame]]
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    said: list[dict[str, Any]] = []
    held: list[list[Prepared]] = []
    for _, images in batch:
        outcomes = [_fitting(bundle, *source.of(name)) for name in images[_NAME]]
        first = images.iloc[0]
        ledger = [replace(row, path=str(name)) for name, (_, row) in zip(images[_NAME], outcomes, strict=True)]
        row: dict[str, Any] = {key: str(first[key]) for key in ("study_id", "patient_id", "site", "split")}
        row |= {
            "truth": str(first["label"]),
            "images": [asdict(entry) for entry in ledger],
            **_status(ledger),
        }
        scans = [scan for scan, _ in outcomes if scan is not None]
        rows.append(row)
        if held and _size(*held, scans) > HELD:
            said += predict_studies(execute, bundle, held)
            held = []
        if scans:
            held.append(scans)
    found = iter([*said, *predict_studies(execute, bundle, held)])
    return [_merged(row, next(found)) if row["status"] == "read" else row for row in rows]


def _fitting(bundle: Bundle, scan: Prepared | None, row: LedgerRow) -> tuple[Prepared | None, LedgerRow]:
    """The scan, unless the network cannot look at it: one colour picture must not end a whole run."""
    if scan is not None:
        try:
            check_channels(bundle, scan, row.path)
        except ReadError as error:
            return None, after(row, error)
    return scan, row


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


def _predictions(bundle: Bundle, cohort: Cohort, rows: list[dict[str, Any]]) -> Predictions:
    probabilities = [f"{PROBABILITY}{name}" for name in bundle.manifest.classes]
    columns = [
        inner for name in PREDICTION_COLUMNS for inner in (probabilities if name.startswith(PROBABILITY) else [name])
    ]
    table = pd.DataFrame([row | {"bundle_sha256": bundle.sha256} for row in rows]).reindex(columns=columns)
    table[probabilities] = table[probabilities].astype(float)
    return Predictions(
        table=table,
        classes=bundle.manifest.classes,
        positive=bundle.manifest.positive,
        operating_point=bundle.manifest.operating_point,
        bundle_sha256=bundle.sha256,
        training_patients=frozenset(bundle.manifest.training.patients),
        patients_unknown=cohort.patients_unknown,
        task=bundle.manifest.task,
    )


def _ledger(rows: list[dict[str, Any]]) -> Ledger:
    return Ledger(
        tuple(
            LedgerRow(
                **(
                    image
                    | {
                        "notes": tuple(image["notes"]),
                        "study_id": row["study_id"],
                        "patient_id": row["patient_id"],
                    }
                )
            )
            for row in rows
            for image in row["images"]
        )
    )


def _run_digest(bundle: Bundle, cohort: Cohort, runtime: str) -> str:
    cells = (str(cell) for row in cohort.table.itertuples(index=False) for cell in row)
    return text_digest(bundle.sha256, runtime, str(cohort.root.resolve()), *cells)


def _key(cohort: Cohort, study: str, images: pd.DataFrame) -> str:
    """A study as its files are now: other sizes or times of change, or a file that came or went, give another key."""
    pairs = zip(images["path"], images[_NAME], strict=True)
    return f"{study} {text_digest(*(part for path, name in pairs for part in (name, state(cohort.file(path)))))}"


def _check_labels(bundle: Bundle, cohort: Cohort) -> None:
    """The cells themselves are looked at, since a cohort need not have been read as an answer to this question."""
    asked = bundle.manifest
    strange = strange_labels(cohort.table["label"], asked.classes, asked.task)
    if strange:
        names, several = ", ".join(asked.classes), asked.task == "multilabel"
        raise PredictionsError(
            f"the cohort has labels the bundle does not know: {', '.join(strange[:_SHOWN])}",
            code="UnknownLabel",
            path=cohort.source,
            hint=f"Read it with labels={asked.classes!r}." if several else f"The bundle's classes are {names}.",
        )

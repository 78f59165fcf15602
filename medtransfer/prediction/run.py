"""A whole cohort: one row per study, committed in batches, so that a killed run goes on where it stopped.

Batches are cut from the whole list of studies and committed all or none, so that a study is computed in the same
batch whether or not the run was interrupted or is one of several shards, and its probability is the same to the last
bit.

A row is kept under its study and the state of the study's files, so that the same command predicts a study again
once one of them was repaired, replaced or has turned up. Its whole batch is computed again for it; the other studies
of the batch keep the rows they had.

Studies and rows lie on disk (`cohort.sqlite`, `predictions.sqlite`), and no more of them is held than `STRETCH`
studies, so that memory does not grow with the cohort.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from medtransfer.core.errors import PredictionsError
from medtransfer.core.journal import Journal
from medtransfer.core.progress import progress_bar
from medtransfer.core.results import Predictions
from medtransfer.data.cohort import Cohort
from medtransfer.data.ledger import Ledger
from medtransfer.data.listed import Asked, CohortFile, ListedCohort, list_cohort, list_file
from medtransfer.data.names import case_names
from medtransfer.data.targets import strange_labels
from medtransfer.models.bundle import Bundle
from medtransfer.prediction.batch import CASE, Batches
from medtransfer.prediction.finished import Part, finished_rows
from medtransfer.prediction.identity import RunIdentity, journal_path, listing_path
from medtransfer.prediction.scans import Scans
from medtransfer.prediction.shard import BATCH, WHOLE, Shard
from medtransfer.prediction.stored import EMBEDDINGS, listening
from medtransfer.prediction.study import load_runtime
from medtransfer.prediction.table import attributes_of, ledger_rows, table_columns, table_of, without_rows

STRETCH = 512 * BATCH
"""Studies whose rows of the cohort are held at once."""

COMMIT_SECONDS = 0.5
"""Batches that are predicted in so short a time are committed together."""

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class CohortRun:
    """Predictions of a cohort, and what became of every image."""

    predictions: Predictions
    ledger: Ledger


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How a cohort is predicted.

    Attributes:
        cache: Folder of prepared scans to read from and add to; None decodes, and keeps nothing.
        runtime: Entry of `prediction/runtimes/`.
        shard: Which part of the cohort.
        stored: What is kept of a study beside its probabilities (`stored.COLUMNS`).
    """

    cache: Path | None = None
    runtime: str = "eager"
    shard: Shard = WHOLE
    stored: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A run whose rows are all there.

    Attributes:
        about: Its predictions without their rows.
        part: Where they lie.
    """

    about: Predictions
    part: Part

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows in the order of the cohort."""
        shard = self.part.shard
        studies = self.part.listing.about.studies
        return finished_rows({shard.number: self.part}, shards=shard.of, studies=studies)


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
    settings = RunSettings(cache=cache, runtime=runtime)
    with finished_run(bundle, cohort, folder=folder, settings=settings, quiet=quiet) as run:
        rows = list(run.rows())
        about = run.about
    ledger = Ledger(tuple(image for row in rows for image in ledger_rows(row)))
    return CohortRun(predictions=replace(about, table=table_of(rows, list(about.table.columns))), ledger=ledger)


@contextmanager
def finished_run(
    bundle: Bundle, cohort: Cohort | CohortFile, *, folder: Path, settings: RunSettings, quiet: bool = True
) -> Iterator[FinishedRun]:
    """Predict as `predict_cohort` does, and give the run while its files are open; nothing of it is held.

    Raises:
        PredictionsError: The cohort has labels that the bundle does not know.
        CohortError: The table cannot be used; the cohort was converted with other settings than the bundle's.
        OutputError: The journal belongs to another run, or it or the cache cannot be written.
    """
    shard = settings.shard
    listed = _listed(bundle, cohort, folder, shard, quiet=quiet)
    with listed.listing as listing:
        _check_labels(bundle, listed)
        attributes = attributes_of(listing.about, bundle.manifest.classes)
        columns = table_columns(bundle, attributes)
        patients_unknown = listed.like.patients_unknown
        identity = RunIdentity(
            bundle_sha256=bundle.sha256,
            cohort_sha256=listing.about.sha256,
            patients_unknown=patients_unknown,
            root=str(listed.like.root.resolve()),
            runtime=settings.runtime,
            stored=settings.stored,
            columns=columns,
            shard=shard.number,
            shards=shard.of,
        )
        with Journal(journal_path(folder), run=identity.model_dump_json()) as journal:
            _complete(bundle, listed, journal, attributes, settings, quiet=quiet)
            about = without_rows(bundle, columns=columns, stored=settings.stored, patients_unknown=patients_unknown)
            yield FinishedRun(about=about, part=Part(listing=listing, journal=journal, shard=shard))


def _listed(bundle: Bundle, cohort: Cohort | CohortFile, folder: Path, shard: Shard, *, quiet: bool) -> ListedCohort:
    place, manifest = listing_path(folder), bundle.manifest
    if isinstance(cohort, Cohort):
        return list_cohort(cohort, to=place, wanted=shard.has, quiet=quiet)
    question = Asked(task=manifest.task, classes=manifest.classes, positive=manifest.positive)
    return list_file(cohort, question, to=place, wanted=shard.has, quiet=quiet)


def _complete(
    bundle: Bundle,
    cohort: ListedCohort,
    journal: Journal,
    attributes: tuple[str, ...],
    settings: RunSettings,
    *,
    quiet: bool,
) -> None:
    """Predict the batches that lack a row."""
    pending, done, failed = _state(cohort, journal, settings.shard)
    total = done + sum(map(len, pending))
    with (
        progress_bar("predicting", total, done=done, quiet=quiet) as advance,
        journal.gathering(seconds=COMMIT_SECONDS) as commit,
    ):
        batches: Batches | None = None
        for start in range(0, len(pending), STRETCH // BATCH):
            stretch = pending[start : start + STRETCH // BATCH]
            part = cohort.part(*stretch)
            source = Scans(part, bundle.manifest, cache=settings.cache, conversions=cohort.conversions)
            studies = (
                images
                for _, images in part.table.assign(**{CASE: case_names(part.table)}).groupby("study_id", sort=False)
            )
            batches = batches or _batches(bundle, attributes, settings)
            for batch in stretch:
                rows = batches.rows(source, list(islice(studies, len(batch))))
                commit(zip(cohort.listing.keys(batch), rows, strict=True))
                failed += sum(row["status"] == "failed" for row in rows)
                advance(len(batch), note=f"{failed:,} failed")


def _state(cohort: ListedCohort, journal: Journal, shard: Shard) -> tuple[list[range], int, int]:
    """Batches that lack a row; of the others how many studies they have, and how many of these failed."""
    pending: list[range] = []
    done = failed = 0
    for batch in shard.batches(cohort.listing.about.studies):
        rows = journal.found(cohort.listing.keys(batch))
        if len(rows) < len(batch):
            pending.append(batch)
        else:
            done += len(batch)
            failed += sum(row["status"] == "failed" for row in rows.values())
    return pending, done, failed


def _batches(bundle: Bundle, attributes: tuple[str, ...], settings: RunSettings) -> Batches:
    execute = load_runtime(bundle, name=settings.runtime)
    if EMBEDDINGS in settings.stored:
        execute = listening(execute, settings.runtime)
    return Batches(bundle, execute, attributes=attributes, stored=settings.stored)


def _check_labels(bundle: Bundle, cohort: ListedCohort) -> None:
    """The cells themselves are looked at, since a cohort need not have been read as an answer to this question."""
    asked = bundle.manifest
    strange = strange_labels(cohort.listing.labels(), asked.classes, asked.task)
    if strange:
        names, several = ", ".join(asked.classes), asked.task == "multilabel"
        raise PredictionsError(
            f"the cohort has labels the bundle does not know: {', '.join(strange[:_SHOWN])}",
            code="UnknownLabel",
            path=cohort.like.source,
            hint=f"Read it with labels={asked.classes!r}." if several else f"The bundle's classes are {names}.",
        )

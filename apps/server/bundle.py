"""The bundle and its network: verified when its files change, loaded once, run in the queue one study at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

import medtransfer as mt
from apps.server.queue import submit
from apps.settings import current_settings
from apps.text import trouble

if TYPE_CHECKING:
    from apps.server.queue import Job
    from apps.studies.folder import Study

MOST_NETWORKS: Final = 2
"""That are kept in memory: the one in use, and the one before it."""

_networks: dict[str, Any] = {}
"""By the bundle's SHA-256. Only the queue's one worker touches it, so that no lock is needed."""


def opened_bundle() -> mt.Bundle | None:
    """The bundle that the app was started with; else None, having said why."""
    settings = current_settings()
    if settings.bundle is None:
        trouble(
            "There is no model to show.",
            settings.problem,
            "Start it with `medtransfer app --bundle BUNDLE`, BUNDLE being the folder that `medtransfer fit` wrote.",
        )
        return None
    try:
        return _opened(str(settings.bundle), stamps(sorted(settings.bundle.glob("*"))))
    except mt.MedTransferError as error:
        trouble(
            "The bundle cannot be opened.",
            f"{error.path or settings.bundle}: {error.message}",
            error.hint or "",
        )
        return None


def prediction(bundle: mt.Bundle, study: Study, study_sha256: str) -> Job[mt.StudyResult]:
    """The job that predicts a study; the same bundle and the same content are one job, whoever asks.

    Raises:
        MedTransferError: The queue is full.
    """
    before = stamps(study.files)

    def work() -> mt.StudyResult:
        found = mt.predict_study(network(bundle), bundle, study.files)
        if stamps(study.files) != before:  # else a result would be kept under the name of another content
            raise mt.MedTransferError(
                "The study's files changed while they were read",
                code="Changed",
                hint="Wait until all of them have arrived, then open the study again.",
            )
        return without_pictures(found)

    return submit(f"{bundle.sha256} {study_sha256}", work)


def without_pictures(result: mt.StudyResult) -> mt.StudyResult:
    """A result as it is kept for many studies: the pictures come from the views."""
    return replace(result, images=tuple(replace(image, shown=None) for image in result.images))


def stamps(files: Any) -> tuple[tuple[str, int, int], ...]:
    """What tells files from the same ones written anew, without reading them."""
    return tuple((str(file), *_stamp(file)) for file in files)


def _stamp(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:
        return (-1, -1)  # gone meanwhile: reading it says so
    return (status.st_size, status.st_mtime_ns)


@st.cache_resource(max_entries=2, show_spinner="Opening the bundle …")
def _opened(folder: str, stamped: tuple[tuple[str, int, int], ...]) -> mt.Bundle:
    del stamped  # a part of the cache's key
    return mt.read_bundle(Path(folder))


def network(bundle: mt.Bundle) -> Any:
    """Its bytes are verified once more as they are loaded (`Bundle.tensors`)."""
    if bundle.sha256 not in _networks:
        while len(_networks) >= MOST_NETWORKS:
            del _networks[next(iter(_networks))]
        _networks[bundle.sha256] = mt.load_runtime(bundle)
    return _networks[bundle.sha256]

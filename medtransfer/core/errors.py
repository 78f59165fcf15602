"""The one family of errors: what was found, where, and what to do about it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from medtransfer.core.inert import visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike


class MedTransferError(Exception):
    """Something went wrong, said so that the reader can mend it.

    Attributes:
        message: What was found, with the offending value.
        code: A short stable name in CamelCase (``Truncated``, ``UnknownKey``) for scripts and ledgers.
        path: The file, folder or configuration key it was found in, or None.
        hint: What to do about it, or None.
        stage: Where on the way it was found: `find`, `header`, `series`, `pixels`, `prepare`; or empty.
        exit_code: What the command line exits with (see `medtransfer.cli`).
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        code: str,
        path: str | PathLike[str] | None = None,
        hint: str | None = None,
        stage: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.path = None if path is None else str(path)
        self.hint = hint
        self.stage = stage

    def facts(self) -> dict[str, str | int | None]:
        """The error for scripts."""
        return {
            "code": self.code,
            "path": self.path,
            "message": self.message,
            "hint": self.hint,
            "stage": self.stage,
            "exit_code": self.exit_code,
        }

    def __str__(self) -> str:
        """One line `path: message [code]`, and the cure on a second one; no character of them acts on a terminal."""
        place = f"{self.path}: " if self.path else ""
        cure = f"\n  → {visible(self.hint)}" if self.hint else ""
        return f"{visible(place + self.message)} [{self.code}]{cure}"


@contextmanager
def at_stage(name: str) -> Iterator[None]:
    """Give our errors that leave the block a stage, unless they have one."""
    try:
        yield
    except MedTransferError as error:
        error.stage = error.stage or name
        raise


class UnusableInputError(MedTransferError):
    """Arguments or inputs cannot be used as they are: nothing was done (exit code 2)."""

    exit_code = 2


class ConfigError(UnusableInputError):
    """A plan or a command-line value is not what the configuration allows."""


class CatalogueError(UnusableInputError):
    """A catalogue has no entry of that name, or the entry has no such hyperparameter."""


class CohortError(UnusableInputError):
    """A cohort table, its labels or its splits cannot be trusted."""


class ReadError(UnusableInputError):
    """One image or series cannot be read right. Inside a cohort it becomes a `failed` row."""


class WeightsError(UnusableInputError):
    """Pretrained weights do not fit the network, or nobody says how they want their input."""


class BundleError(UnusableInputError):
    """A bundle is incomplete, altered, or of another schema version."""


class ObjectiveError(UnusableInputError):
    """A term of the objective lacks something it needs."""


class PredictionsError(UnusableInputError):
    """Predictions cannot be evaluated as they are."""


class OutputError(UnusableInputError):
    """Results cannot be written where they were asked for."""


class KeyFileError(UnusableInputError):
    """The key of the pseudonyms is missing, exposed, or something else."""


class TrainingError(MedTransferError):
    """Training went wrong; the last good checkpoint is kept (exit code 1)."""


class FailedCasesError(MedTransferError):
    """The run is complete, but some cases failed and were not allowed for (exit code 3)."""

    exit_code = 3

"""Laws of the errors: one family, one way of saying it, an exit code by class."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from medtransfer.core import errors
from medtransfer.core.errors import CohortError, FailedCasesError, MedTransferError, TrainingError, UnusableInputError

FAMILY = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == "medtransfer.core.errors"
]


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_every_error_belongs_to_the_family_and_says_what_it_is(kind: type[MedTransferError]) -> None:
    assert issubclass(kind, MedTransferError)
    assert kind.__doc__
    expected = 2 if issubclass(kind, UnusableInputError) else 3 if kind is FailedCasesError else 1
    assert kind.exit_code == expected


def test_an_error_shows_place_message_code_and_cure() -> None:
    error = CohortError("two rows", code="RepeatedRow", path=Path("a") / "cohort.csv", hint="Keep one.")
    assert str(error) == f"{Path('a') / 'cohort.csv'}: two rows [RepeatedRow]\n  → Keep one."
    assert (error.message, error.code, error.hint) == ("two rows", "RepeatedRow", "Keep one.")
    assert error.args == ("two rows",)


def test_place_and_cure_may_be_missing() -> None:
    error = TrainingError("loss is NaN", code="NotFinite")
    assert str(error) == "loss is NaN [NotFinite]"
    assert error.path is None
    assert error.hint is None

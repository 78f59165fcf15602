"""The log says where, and never what: messages of exceptions may quote a patient."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from apps.server.logs import keep_words_out, without_words

SECRET = "DOE^JANE"


@pytest.fixture
def redacting() -> Iterator[None]:
    usual = logging.getLogRecordFactory()
    keep_words_out()
    yield
    logging.setLogRecordFactory(usual)


@pytest.mark.usefixtures("redacting")
def test_an_exception_is_logged_by_type_and_place(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> None:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError(f"100 % {SECRET}") from error

    try:
        fails()
    except ValueError:
        logging.getLogger("streamlit.error_util").exception("Uncaught %s execution", "app")
    assert SECRET not in caplog.text
    assert "Uncaught app execution [ValueError: test_logs.py:" in caplog.text
    assert "in fails" in caplog.text


@pytest.mark.usefixtures("redacting")
def test_other_records_pass_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("x").warning("%d %% of %s", 3, "4")
    assert caplog.messages == ["3 % of 4"]


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert without_words(ValueError(SECRET)) == "ValueError: raised nowhere"

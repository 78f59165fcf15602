"""The server's log without what errors quote: a file name, a header or a cell in a message may name a patient.

Of an exception the log keeps its type and where it came from, innermost last, and never its words.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any, Final

DEEPEST: Final = 12
"""Frames that are named."""


def without_words(error: BaseException) -> str:
    """`ValueError: app.py:53 in main, page_config.py:83 in …`."""
    frames = traceback.extract_tb(error.__traceback__)[-DEEPEST:]
    places = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} in {frame.name}" for frame in frames]
    return f"{type(error).__name__}: {', '.join(places) or 'raised nowhere'}"


def keep_words_out() -> None:
    """Log every exception by `without_words`, whichever library logs it; once a process."""
    usual = logging.getLogRecordFactory()

    def redacted(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = usual(*args, **kwargs)
        if record.exc_info and record.exc_info[1] is not None:
            record.msg, record.args = f"{record.getMessage()} [{without_words(record.exc_info[1])}]", ()
            record.exc_info = None
        return record

    logging.setLogRecordFactory(redacted)


def say_calmly(error: Exception) -> bool:
    """What a session shows where nobody expected an error, instead of Streamlit's own box."""
    from apps.text import trouble

    del error
    trouble(
        "This screen has stopped: something unexpected happened.",
        "What was recorded is kept. Load the page again; if it stops again, tell those who look after the server: "
        "the log says where.",
    )
    return True

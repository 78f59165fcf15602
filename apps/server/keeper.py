"""Looks every few seconds which sessions are over, and releases what they had."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from streamlit import config, runtime

from apps.server.tickets import TICKETS

PERIOD: Final = 5.0
"""Seconds between two looks."""


@contextmanager
def keeping() -> Iterator[None]:
    """Keep watch meanwhile; in the end every session is over."""
    stop = threading.Event()
    watch = threading.Thread(target=_watch, args=(stop,), name="session keeper", daemon=True)
    watch.start()
    try:
        yield
    finally:
        stop.set()
        watch.join()
        TICKETS.revoke_all()


def _watch(stop: threading.Event) -> None:
    grace = float(config.get_option("server.disconnectedSessionTTL"))
    while not stop.wait(min(PERIOD, max(grace, 0.5))):
        if runtime.exists():
            TICKETS.sweep(runtime.get_instance().is_active_session, grace=grace)

"""A process of the server's own: it lets sessions go first, and ends with the server, even one that was killed.

It imports nothing of the app, so that it begins quickly.
"""

from __future__ import annotations

import os
import threading
import time


def begin(server: int) -> None:
    """To be called in it first; `server` is the server's number."""
    os.nice(10)
    threading.Thread(target=_outlive, args=(server,), daemon=True).start()


def _outlive(server: int) -> None:
    while os.getppid() == server:
        time.sleep(1)
    os._exit(0)

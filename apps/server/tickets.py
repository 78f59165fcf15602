"""Who may fetch which voxels: a token of 256 random bits for each session, good for what that session has opened.

The token reaches the page over the session's own websocket, which Streamlit has authenticated, and no other page: it
stands in no address, no cookie and no log. It is bound to the person who was signed in when it was given out; whoever
is taken off the clinic's lists is refused with the next request. It ends with the session.

A session has ended when its websocket has been gone for as long as Streamlit lets it come back
(`server.disconnectedSessionTTL`). Nobody is told of that: session caches are cleared at every lost connection, and a
stored session that is never asked for again simply expires. So a keeper looks (`keeper.py`), and releases what the
session had, in any order, each once.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from apps.people import Person


MOST_FILES: Final = 24
"""Files that one session may ask for at a time: each holds the report that it would be made of."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A file, or in sentences for the screen why there is none."""

    content: bytes = b""
    name: str = ""
    mime: str = "application/octet-stream"
    why_not: tuple[str, ...] = ()


@dataclass
class Pass:
    """What one session may do, and what is to be released when it ends."""

    session: str
    """Streamlit's name of it."""
    person: Person
    keys: set[str] = field(default_factory=set)
    shown: dict[str, Any] = field(default_factory=dict)
    files: OrderedDict[str, Callable[[], Made]] = field(default_factory=OrderedDict)
    """What may be asked for, and how it is made; the newest last."""
    releases: list[Callable[[], object]] = field(default_factory=list)
    gone_since: float | None = None


class Tickets:
    """All passes, by token; safe to use from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.RLock()
        self._clock = clock
        self._passes: dict[str, Pass] = {}

    def issue(self, session: str, person: Person) -> str:
        """A new token for a session."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._passes[token] = Pass(session=session, person=person)
        return token

    def holder(self, token: str) -> Person | None:
        """Whom a token was given to; None where it is not, or no longer, good."""
        found = self._passes.get(token)
        return None if found is None else found.person

    def grant(self, token: str, key: str) -> None:
        """Let a token fetch the voxels of that key."""
        with self._lock:
            self._passes[token].keys.add(key)

    def withdraw(self, token: str) -> None:
        """Let a token fetch nothing of what it could."""
        with self._lock:
            if found := self._passes.get(token):
                found.keys.clear()

    def allows(self, token: str, key: str) -> bool:
        """May it fetch the voxels of that key?"""
        found = self._passes.get(token)
        return found is not None and key in found.keys

    def in_use(self) -> set[str]:
        """Keys that some session may fetch."""
        with self._lock:
            return {key for entry in self._passes.values() for key in entry.keys}

    def tell(self, token: str, shown: dict[str, Any]) -> bool:
        """Keep what is on display; False where the token is not good."""
        with self._lock:
            found = self._passes.get(token)
            if found is not None:
                found.shown = dict(shown)
            return found is not None

    def told(self, token: str) -> dict[str, Any]:
        """What was kept last; empty where nothing was."""
        with self._lock:
            found = self._passes.get(token)
            return {} if found is None else dict(found.shown)

    def offer(self, token: str, key: str, work: Callable[[], Made]) -> None:
        """Let a token ask for the file of that key. What an older drawing of the page offered stays for a while."""
        with self._lock:
            files = self._passes[token].files
            files[key] = work
            files.move_to_end(key)
            while len(files) > MOST_FILES:
                files.popitem(last=False)

    def offered(self, token: str, key: str) -> Callable[[], Made] | None:
        """How the file of that key is made; None where the token may not ask for it."""
        with self._lock:
            found = self._passes.get(token)
            return None if found is None else found.files.get(key)

    def at_end(self, token: str, release: Callable[[], object]) -> None:
        """Call `release` when the token's session ends."""
        with self._lock:
            self._passes[token].releases.append(release)

    def revoke(self, token: str) -> None:
        """End a token now, and release what hangs on it."""
        with self._lock:
            found = self._passes.pop(token, None)
        for release in found.releases if found else ():
            release()

    def sweep(self, is_active: Callable[[str], bool], *, grace: float) -> int:
        """Revoke the tokens of sessions that have been gone for longer than `grace` seconds; how many that were."""
        now = self._clock()
        with self._lock:
            for entry in self._passes.values():
                if is_active(entry.session):
                    entry.gone_since = None
                elif entry.gone_since is None:
                    entry.gone_since = now
            ended = [t for t, e in self._passes.items() if e.gone_since is not None and now - e.gone_since > grace]
        for token in ended:
            self.revoke(token)
        return len(ended)

    def revoke_all(self) -> None:
        """End every token: the server stops."""
        for token in list(self._passes):
            self.revoke(token)

    def __len__(self) -> int:
        """How many tokens are good."""
        return len(self._passes)


TICKETS: Final = Tickets()
"""The server's own."""

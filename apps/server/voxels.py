"""Voxels on their way to the browser: held by the hash of their content, for the sessions that have opened them.

Equal voxels are held once, whoever opened them. What a session has open stays; what nobody has open any more stays
as long as there is room, for a quick return, and goes in the order in which it was last used.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import medtransfer as mt
from apps.server.session import current_token
from apps.server.tickets import TICKETS

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

CHUNK: Final = 2**18
"""Bytes that are sent at a time: half a slice of 512 × 512."""

_SHARE: Final = 4


class Ticket(NamedTuple):
    """Where voxels are fetched, and with which token; the address is relative to the app's own."""

    url: str
    token: str


class Shelf:
    """Views by key, bounded in bytes; safe to use from any thread."""

    def __init__(self, budget: int, in_use: Callable[[], AbstractSet[str]]) -> None:
        self._lock = threading.Lock()
        self._views: OrderedDict[str, mt.View] = OrderedDict()
        self._budget, self._in_use = budget, in_use

    def put(self, view: mt.View) -> None:
        """Hold a view, and let go of others that nobody has open, the longest unused first.

        Raises:
            MedTransferError: `Full`: what is open leaves no room.
        """
        with self._lock:
            if view.key in self._views:
                self._views.move_to_end(view.key)
                return
            need = view.voxels.nbytes + self._held() - self._budget
            used = self._in_use()
            going: list[str] = []
            for key, held in self._views.items():
                if need <= 0:
                    break
                if key not in used:
                    going.append(key)
                    need -= held.voxels.nbytes
            if need > 0:
                raise mt.MedTransferError(
                    f"the images that are open take {self._held() / 2**30:.1f} GiB of the server's memory, and these "
                    f"{view.voxels.nbytes / 2**30:.1f} GiB have no room beside them",
                    code="Full",
                    hint="Close another study, or wait until a colleague has.",
                )
            for key in going:
                del self._views[key]
            self._views[view.key] = view

    def get(self, key: str) -> mt.View | None:
        """A view, if it is held; it counts as used."""
        with self._lock:
            if key in self._views:
                self._views.move_to_end(key)
            return self._views.get(key)

    def held(self) -> int:
        """Bytes that are held."""
        with self._lock:
            return self._held()

    def _held(self) -> int:
        return sum(view.voxels.nbytes for view in self._views.values())


def budget() -> int:
    """Bytes of voxels that this machine may hold: a quarter of its memory, at least 1 GiB."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not every system tells
        memory = 0
    return max(2**30, memory // _SHARE)


SHELF: Final = Shelf(budget(), TICKETS.in_use)
"""The server's own."""


def publish(view: mt.View) -> Ticket:
    """Let this session's page fetch the voxels of a view; to be called anew in every run that shows it.

    Raises:
        MedTransferError: `Full`: there is no room for them; `NoRole`: nobody has signed in who may see them.
    """
    token = current_token()
    holder = TICKETS.holder(token)
    if holder is None or not holder.roles:
        raise mt.MedTransferError(
            "nobody has signed in who may see images", code="NoRole", hint="Sign in, or ask to be put on the list."
        )
    SHELF.put(view)
    TICKETS.grant(token, view.key)
    return Ticket(url=f"medtransfer/voxels/{view.key}", token=token)


def forget() -> None:
    """Take back what this session's page may fetch: another study is being opened."""
    TICKETS.withdraw(current_token())


def in_chunks(view: mt.View) -> Iterator[bytes]:
    """Little-endian bytes, slice by slice in the order in which they are sent (`View.order`), without a copy of all."""
    for index in view.order():
        plane = memoryview(view.voxels[index]).cast("B")
        for start in range(0, len(plane), CHUNK):
            yield bytes(plane[start : start + CHUNK])

"""Messages between the program and its decoding processes: a length and JSON, never pickles.

    4 bytes little-endian length · UTF-8 JSON of plain values

File descriptors travel beside a message. A decoding process may have been taken over by a hostile file: nothing that it
sends is executed, unpacked or allocated for beyond `LONGEST`.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 2**24
"""Bytes of the longest message; a longer one is taken for garbage."""

_LENGTH = struct.Struct("<I")


class GarbageError(Exception):
    """What came is no message."""


def send(link: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send a message, and open files with it.

    Raises:
        OSError: The other side is gone.
    """
    content = json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
    framed = memoryview(_LENGTH.pack(len(content)) + content)
    sent = socket.send_fds(link, [framed], list(descriptors)) if descriptors else link.send(framed)
    if sent < len(framed):
        link.sendall(framed[sent:])


def receive(link: socket.socket, *, descriptors: int = 0) -> tuple[dict[str, Any], list[int]] | None:
    """Wait for a message and the open files with it, at most `descriptors`; None when the other side has closed.

    Raises:
        GarbageError: What came is no message.
        OSError: The connection broke, or `TimeoutError` where the socket has a time limit.
    """
    opened: list[int] = []
    if descriptors:
        head, opened, _, _ = socket.recv_fds(link, _LENGTH.size, descriptors)
    else:
        head = link.recv(_LENGTH.size)
    if not head:
        return None
    head += _exactly(link, _LENGTH.size - len(head))
    (length,) = _LENGTH.unpack(head)
    if length > LONGEST:
        raise GarbageError(f"a message of {length} bytes")
    try:
        message = json.loads(_exactly(link, length))
    except (ValueError, RecursionError) as error:
        raise GarbageError("a message that is no JSON") from error
    if not isinstance(message, dict):
        raise GarbageError("a message that is no object")
    return message, opened


def _exactly(link: socket.socket, count: int) -> bytes:
    content = bytearray(count)
    room = memoryview(content)
    while room:
        got = link.recv_into(room)
        if not got:
            raise GarbageError("the connection closed inside a message")
        room = room[got:]
    return bytes(content)

"""A web server of one file on this machine, which can be cut off, forget ranges, or go on for ever."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Site:
    """What the server has, and what it was asked for.

    Attributes:
        content: The file, whatever the address.
        cuts: Bytes after which the next answers are cut off, one each.
        ranges: Does it know `Range`?
        length: Does it say how long the body is?
        redirect: Where it sends everybody, or empty.
        asked: The `Range` of every request, empty where there was none.
    """

    content: bytes
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    length: bool = True
    redirect: str = ""
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def url(self, name: str = "file.pth") -> str:
        return f"http://127.0.0.1:{self.port}/{name}"


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            site.asked.append(wanted)
            if site.redirect:
                self.send_response(302)
                self.send_header("Location", site.redirect)
                self.end_headers()
                return
            begin = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and site.ranges else 0
            if begin and begin >= len(site.content):
                self.send_error(416)
                return
            self.send_response(206 if begin else 200)
            body = site.content[begin:]
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(site.content) - 1}/{len(site.content)}")
            if site.length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: site.cuts.pop(0)] if site.cuts else body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its parent's name for it)
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()

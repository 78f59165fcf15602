"""A page with the viewer alone, on a server of its own: modules, voxels behind a token, and what is told back.

Stands under `/clinic/`, as behind a proxy, so that a path from the server's root would fail.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from apps.viewer import HERE, MODULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from starlette.requests import Request

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Viewer</title>
<link rel="icon" href="data:,"><style>{style}
body {{ margin: 0; padding: 10px; background: {ground}; }}
h1 {{ position: absolute; clip-path: inset(50%); }}</style></head>
<body><main><h1>Viewer</h1><div id="place"></div></main>
<script type="module">
const all = await Promise.all({modules}.map((name) => import(`./medtransfer/viewer/${{name}}`)));
const {{ mount }} = all.find((one) => one.mount);
const show = (data) => mount(document.getElementById("place"), {{ ...data, base: document.baseURI }});
window.show = show;
window.unmount = show({data});
</script></body></html>"""


def middle_first(n: int) -> list[int]:
    """m, m + 1, m − 1, m + 2, … with m = ⌊n/2⌋; derived by sorting, not by stepping."""
    return sorted(range(n), key=lambda k: (abs(k - n // 2), k < n // 2))


@dataclass
class Pages:
    """What the server gives out and what it has heard."""

    voxels: dict[str, NDArray[Any]] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    token: str = "right"
    shown: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    pause: float = 0.0
    stop_after: int | None = None
    ground: str = "#0e1117"
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/clinic/"

    def routes(self, base: str) -> list[Route]:
        """What the app's own server has below the path that it is served at."""
        return [
            Route(f"{base}/medtransfer/viewer/{{name}}", self.module),
            Route(f"{base}/medtransfer/voxels/{{key:path}}", self.send),
            Route(f"{base}/medtransfer/shown", self.hear, methods=["POST"]),
        ]

    def page(self, request: Request) -> Response:
        style = (HERE / "viewer.css").read_text(encoding="utf-8")
        data = json.dumps(self.data).replace("<", "\\u003c")
        return HTMLResponse(PAGE.format(style=style, data=data, ground=self.ground, modules=json.dumps(MODULES)))

    def module(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in MODULES:
            return Response(status_code=404)
        return Response(Path(HERE / name).read_bytes(), media_type="text/javascript")

    def send(self, request: Request) -> Response:
        key = request.path_params["key"]
        self.asked.append(key)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Response(status_code=403)
        if key not in self.voxels:
            return Response(status_code=404)
        return StreamingResponse(self.stream(self.voxels[key]), media_type="application/octet-stream")

    def stream(self, array: NDArray[Any]) -> Iterator[bytes]:
        for number, index in enumerate(middle_first(len(array))):
            if self.stop_after is not None and number >= self.stop_after:
                return
            if self.pause and number:
                time.sleep(self.pause)
            yield np.ascontiguousarray(array[index]).tobytes()

    async def hear(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Response(status_code=403)
        self.shown.append(await request.json())
        return JSONResponse({})


class Serving:
    """The pages on a free port, in a thread, until `stop`."""

    def __init__(self, pages: Pages) -> None:
        app = Starlette(routes=[Mount("/clinic", routes=[Route("/", pages.page), *pages.routes("")])])
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off", ws="none")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        until = time.monotonic() + 20
        while not self.server.started and time.monotonic() < until:
            time.sleep(0.01)
        pages.port = self.server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(timeout=10)

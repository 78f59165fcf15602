"""The app's own addresses beside Streamlit's: voxels, what is on display, files, the viewer's modules, health.

They lie outside of every screen, so that each checks for itself who asks. A token is asked for in the `Authorization`
header, which no other site's page can set: so no cookie counts here, and there is nothing to forge with one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio.to_thread
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from apps.people import READER, roles_now
from apps.server.health import health
from apps.server.shown import LARGEST, read_message
from apps.server.tickets import TICKETS
from apps.server.voxels import SHELF, in_chunks
from apps.settings import current_settings

if TYPE_CHECKING:
    from starlette.requests import Request

VIEWER: Final = Path(__file__).resolve().parents[1] / "viewer"

PRIVATE: Final = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}

_TYPES: Final = {".js": "text/javascript", ".css": "text/css"}


def routes(base: str = "") -> list[Route]:
    """All of them, below the path that the app is served at."""
    place = f"/{base.strip('/')}/medtransfer" if base.strip("/") else "/medtransfer"
    return [
        Route(f"{place}/voxels/{{key}}", _voxels, methods=["GET"]),
        Route(f"{place}/shown", _shown, methods=["POST"]),
        Route(f"{place}/files/{{key}}", _file, methods=["POST"]),
        Route(f"{place}/viewer/{{name}}", _module, methods=["GET"]),
        Route(f"{place}/health", _health, methods=["GET"]),
    ]


async def _voxels(request: Request) -> Response:
    """A volume: 403 without a token that may fetch it; 410 where it is not held any more."""
    key, token = request.path_params["key"], _token(request)
    if not TICKETS.allows(token, key) or not await _may_look(token):
        return Response(status_code=403, headers=PRIVATE)
    view = SHELF.get(key)
    if view is None:
        return Response(status_code=410, headers=PRIVATE)
    # Said to be encoded already: packing a volume would take longer than sending it.
    headers = {**PRIVATE, "Content-Length": str(view.voxels.nbytes), "Content-Encoding": "identity"}
    return StreamingResponse(in_chunks(view), headers=headers, media_type="application/octet-stream")


async def _shown(request: Request) -> Response:
    token = _token(request)
    if TICKETS.holder(token) is None or not await _may_look(token):
        return Response(status_code=403, headers=PRIVATE)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return Response(status_code=413, headers=PRIVATE)
    said = read_message(body)
    if said is None:
        return Response(status_code=400, headers=PRIVATE)
    return Response(status_code=204 if TICKETS.tell(token, said) else 403, headers=PRIVATE)


async def _file(request: Request) -> Response:
    """A file, made now: 403 without a reader's token, 410 where it is offered no longer, 422 with why it is not."""
    key, token = request.path_params["key"], _token(request)
    holder = TICKETS.holder(token)
    if holder is None or READER not in await anyio.to_thread.run_sync(roles_now, holder):
        return Response(status_code=403, headers=PRIVATE)
    work = TICKETS.offered(token, key)
    if work is None:
        return Response(status_code=410, headers=PRIVATE)
    made = await anyio.to_thread.run_sync(work)
    if made.why_not:
        return JSONResponse({"why": made.why_not}, status_code=422, headers=PRIVATE)
    return Response(made.content, media_type=made.mime, headers=PRIVATE)


async def _module(request: Request) -> Response:
    """A module of the viewer, of those that its folder lists: nothing else can be named."""
    listed = {file.name: file for file in VIEWER.iterdir() if file.suffix in _TYPES}
    file = listed.get(request.path_params["name"])
    if file is None:
        return Response(status_code=404)
    # Asked for anew each time, answered by 304: a page never mixes modules of two versions.
    return FileResponse(file, media_type=_TYPES[file.suffix], headers={"Cache-Control": "no-cache"})


async def _health(request: Request) -> Response:
    del request
    found = await anyio.to_thread.run_sync(lambda: health(current_settings()))
    return JSONResponse(found, status_code=200 if found["status"] == "ok" else 503, headers=PRIVATE)


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.casefold() == "bearer" else ""


async def _may_look(token: str) -> bool:
    """Does the token's holder have a role by the clinic's file as it is now?"""
    holder = TICKETS.holder(token)
    return holder is not None and bool(await anyio.to_thread.run_sync(roles_now, holder))

"""Fetch one file over HTTPS: verified by its SHA-256, and resumed where an earlier try was cut off.

Nothing here asks whether fetching is wanted: callers do, and each has a flag for it. What has arrived lies beside the
target under a name made of its digest, so that a later try goes on with no other file's beginning. The file gets its
name once all of it is there and its digest is right.
"""

from __future__ import annotations

import http.client
import os
import re
import stat
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlsplit

from medtransfer.core.errors import WeightsError
from medtransfer.core.files import file_digest, sync_folder

if TYPE_CHECKING:
    from pathlib import Path

LARGEST: Final = 16 * 2**30
"""Bytes; a body that goes on after them is cut off."""

TRIES: Final = 5
"""Connections in one call; each goes on where the last was cut off."""

_TIMEOUT: Final = 60.0
"""Seconds without a byte."""

_PIECE: Final = 2**20
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def fetch(url: str, path: Path, *, sha256: str, largest: int = LARGEST) -> Path:
    """Fetch a file, unless it is there already.

    Args:
        url: HTTPS; plain HTTP only from this very machine.
        path: Where the file goes.
        sha256: Its digest in hex, or at least the first eight digits of it.
        largest: Bytes that it may have.

    Returns:
        `path`.

    Raises:
        WeightsError: `BadAddress`; `DownloadFailed`, after which the same call goes on where this one ended;
            `TooLarge`; `Altered`; `FileExists`: another file is in its place.
    """
    sha256 = sha256.lower()
    if not re.fullmatch(r"[0-9a-f]{8,64}", sha256):
        raise WeightsError(
            f"'{sha256}' is no SHA-256", code="BadDigest", path=url, hint="Copy the 64 digits from the origin's page."
        )
    _require_safe(url)
    if path.is_file() and file_digest(path).startswith(sha256):
        return path
    if path.exists():
        raise WeightsError(
            "another file is in its place", code="FileExists", path=path, hint="Remove it, or choose another folder."
        )
    part = path.with_name(f".{sha256}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _require_own(part)
        _fetch_whole(url, part, largest)
        _require_digest(part, sha256, url)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except (OSError, http.client.HTTPException, UnicodeError) as error:  # a failed look-up or connection is an OSError
        raise _failed(url, path, str(error) or type(error).__name__) from error
    return path


def _fetch_whole(url: str, part: Path, largest: int) -> None:
    """Connect again as long as each connection brings more."""
    for _ in range(TRIES):
        before = _size(part)
        try:
            if _fetch_rest(url, part, largest):
                return
        except (http.client.HTTPException, ConnectionError, TimeoutError):
            if _size(part) <= before:
                raise
    raise _failed(url, part, f"the connection was cut off {TRIES} times, {_size(part):,} bytes have arrived")


def _fetch_rest(url: str, part: Path, largest: int) -> bool:
    """Append what is missing; False where the connection ended before the body did."""
    begun = _size(part)
    headers = {"User-Agent": "medtransfer", **({"Range": f"bytes={begun}-"} if begun else {})}
    try:
        answer = _opener(url).open(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and begun:
                return True  # all of it is there, as its digest will confirm
            raise
    with answer:
        resumed = answer.status == http.client.PARTIAL_CONTENT and _first_byte(answer) == begun
        if answer.status == http.client.PARTIAL_CONTENT and not resumed:
            part.unlink(missing_ok=True)
            return False
        size = begun if resumed else 0
        length = answer.length
        if size + (length or 0) > largest:
            raise _too_large(url, part, largest)
        with part.open("ab" if resumed else "wb") as file:
            while piece := answer.read(_PIECE):
                size += file.write(piece)
                if size > largest:
                    raise _too_large(url, part, largest)
    return length is None or size == (begun if resumed else 0) + length


def _require_own(part: Path) -> None:
    """Its name can be foretold: in a folder of several people another may have put something there, such as a link."""
    try:
        found = part.lstat()
    except FileNotFoundError:
        return
    foreign = hasattr(os, "getuid") and found.st_uid != os.getuid()
    if foreign or not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise WeightsError(
            "something else stands where arriving bytes would go",
            code="FileExists",
            path=part,
            hint="Remove it, or choose another folder.",
        )


def _first_byte(answer: Any) -> int | None:
    """Of a partial answer: `Content-Range: bytes 100-199/200`."""
    match = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _require_digest(part: Path, sha256: str, url: str) -> None:
    found = file_digest(part)
    if not found.startswith(sha256):
        part.unlink()
        raise WeightsError(
            f"SHA-256 is {found[:12]}…, it should be {sha256[:12]}…",
            code="Altered",
            path=url,
            hint="What was fetched is removed. Compare the digest with what the origin says.",
        )


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        try:
            _require_safe(newurl)
            if _is_loopback(urlsplit(newurl)) and not _is_loopback(urlsplit(req.full_url)):
                raise _bad_address(newurl)  # no page out there may ask this machine's own servers
        except WeightsError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(url: str) -> urllib.request.OpenerDirector:
    """With the system's certificates, and its proxies unless the address is this machine's own."""
    direct = (urllib.request.ProxyHandler({}),) if _is_loopback(urlsplit(url)) else ()
    return urllib.request.build_opener(_SafeRedirects(), *direct)


def _require_safe(url: str) -> None:
    try:
        parts = urlsplit(url)
        safe = bool(parts.hostname) and (parts.scheme == "https" or _is_loopback(parts))
    except ValueError:
        safe = False
    if not safe:
        raise _bad_address(url)


def _bad_address(url: str) -> WeightsError:
    return WeightsError(
        f"'{url}' is no https address",
        code="BadAddress",
        path=url,
        hint="Give an address that begins with https://, or fetch the file by other means and import it.",
    )


def _is_loopback(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _failed(url: str, path: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"cannot be fetched from {url}: {reason}",
        code="DownloadFailed",
        path=path,
        hint="Try again: it goes on where it stopped. Or put the file there by other means.",
    )


def _too_large(url: str, part: Path, largest: int) -> WeightsError:
    part.unlink(missing_ok=True)
    return WeightsError(
        f"has more than {largest:,} bytes",
        code="TooLarge",
        path=url,
        hint="No weight file should; compare the address with what the origin says.",
    )

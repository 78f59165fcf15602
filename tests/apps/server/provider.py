"""An OpenID provider of this machine: it says, signed with RS256, that whoever asks is `email`."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "clinic", "the secret of the client"


class Provider(ThreadingHTTPServer):
    """Discovery, authorize, token and jwks; one person at a time."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.email, self.verified = "", True
        self.key = self.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
        self.asked: dict[str, dict[str, str]] = {}
        """What was asked for with each code that was given out."""

    def configuration(self) -> dict[str, object]:
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def authorized(self, asked: dict[str, str]) -> str:
        """Where the browser goes on: signed in, without a question."""
        code = secrets.token_urlsafe(16)
        self.asked[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, said: dict[str, str], authorization: str) -> dict[str, object] | None:
        """For a code that was given out, once, to the client that knows its secret; else None."""
        asked = self.asked.pop(said.get("code", ""), None)
        wanted = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or authorization != f"Basic {wanted}" or said.get("redirect_uri") != asked["redirect_uri"]:
            return None
        now = int(time.time())
        claims = {"iss": self.address, "aud": CLIENT, "sub": self.email, "iat": now, "exp": now + 300}
        claims |= {"nonce": asked["nonce"], "email": self.email, "email_verified": self.verified}
        identity = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signs_with)
        return {"access_token": "none", "token_type": "Bearer", "expires_in": 300, "id_token": identity}


class _Handler(BaseHTTPRequestHandler):
    server: Provider  # type: ignore[assignment]

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        if place.path == "/authorize":
            self.send_response(302)
            self.send_header("Location", self.server.authorized(_first(place.query)))
            self.end_headers()
        elif place.path == "/jwks":
            self._answer({"keys": [self.server.key.as_dict(private=False)]})
        else:
            self._answer(self.server.configuration())

    def do_POST(self) -> None:
        said = _first(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._answer(self.server.token(said, self.headers.get("Authorization", "")))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as the library calls it
        """Say nothing."""

    def _answer(self, content: object) -> None:
        self.send_response(200 if content else 400)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content or {"error": "invalid_grant"}).encode())


def _first(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


@contextmanager
def providing() -> Iterator[Provider]:
    """A provider while it is needed."""
    with Provider() as provider:
        threading.Thread(target=provider.serve_forever, daemon=True).start()
        yield provider
        provider.shutdown()

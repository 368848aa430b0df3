"""A local OpenID Connect provider: discovery, authorisation code with PKCE, signed id token, userinfo.

It signs in whoever asks as the one person it was given; no page of its own.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET, KEY_ID = "countersign", "a-secret-of-the-test", "test-key"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider(ThreadingHTTPServer):
    """Its codes, and the person it vouches for."""

    def __init__(self, person: dict[str, Any]) -> None:
        """`person` holds the claims of the id token: sub, preferred_username, email."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.person = person
        self.codes: dict[str, dict[str, str]] = {}

    @property
    def issuer(self) -> str:
        """The address it is known by."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        match url.path:
            case "/.well-known/openid-configuration":
                self._json(self._configuration())
            case "/authorize":
                self._authorise(query)
            case "/keys":
                public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
                self._json({"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]})
            case "/userinfo" if self.headers.get("Authorization") == "Bearer an-access-token":
                self._json(self.server.person)
            case _:
                self._json({"error": "not_found"}, status=404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        form = {key: values[0] for key, values in parse_qs(body).items()}
        asked = self.server.codes.pop(form.get("code", ""), None)
        if asked is None or not _proves(form.get("code_verifier", ""), asked.get("code_challenge", "")):
            self._json({"error": "invalid_grant"}, status=400)
            return
        now = int(time.time())
        claims = {**self.server.person, "iss": self.server.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 60}
        token = jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": KEY_ID})
        self._json({"access_token": "an-access-token", "token_type": "Bearer", "expires_in": 60, "id_token": token})

    def _authorise(self, query: dict[str, str]) -> None:
        code = f"code-{len(self.server.codes) + 1}"
        self.server.codes[code] = query
        back = urlencode({"code": code, "state": query["state"]})
        self.send_response(302)
        self.send_header("Location", f"{query['redirect_uri']}?{back}")
        self.end_headers()

    def _configuration(self) -> dict[str, Any]:
        issuer = self.server.issuer
        places = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
        endpoints = {f"{name}_endpoint": f"{issuer}/{path}" for name, path in places.items()}
        return {"issuer": issuer, "jwks_uri": f"{issuer}/keys", **endpoints}

    def _json(self, value: Any, *, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _proves(verifier: str, challenge: str) -> bool:
    """PKCE, RFC 7636: S256."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge


@contextlib.contextmanager
def providing(person: dict[str, Any]) -> Iterator[Provider]:
    """A provider for the length of the block."""
    provider = Provider(person)
    thread = threading.Thread(target=provider.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.shutdown()
        provider.server_close()
        thread.join()

"""Issues a token for each requested scope, as Azure's registries require one: a server in its own process."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

ISSUER = "bench"
KEYS = "keys.json"
"""The file with the public key, for the registry."""


@contextlib.contextmanager
def token_server(folder: Path) -> Iterator[str]:
    """Start the server, which writes `KEYS` to the folder; yields its base URL."""
    with subprocess.Popen([sys.executable, __file__, folder], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    key: ClassVar[ec.EllipticCurvePrivateKey]

    def do_GET(self) -> None:
        scope = parse_qs(urlsplit(self.path).query)["scope"][0]
        body = json.dumps({"token": self._token(*scope.split(":"))}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _token(self, kind: str, name: str, actions: str) -> str:
        access = [{"type": kind, "name": name, "actions": actions.split(",")}]
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": ISSUER, "sub": "", "exp": now + 3600, "nbf": now - 60, "iat": now}
        headers = {"kid": ISSUER}
        return jwt.encode({**claims, "access": access}, self.key, algorithm="ES256", headers=headers)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def _serve(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    (folder / KEYS).write_text(json.dumps({"keys": [{**public, "kid": ISSUER, "alg": "ES256"}]}))
    handler = type("Handler", (_Handler,), {"key": key})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))

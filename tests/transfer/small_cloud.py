"""The parts of Azure that the command uses: a token endpoint, metadata, ARM for storage keys, and registries.

Registries authenticate as Azure's do (challenge, exchange, token) and can return wrong content, by HTTPS.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import trustme

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = {
    "mediaType": "application/vnd.oci.image.config.v1+json",
    "digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}",
    "size": 2,
}


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def image(text: str, **more: Any) -> bytes:
    """A unique image manifest."""
    return json.dumps(
        {"schemaVersion": 2, "mediaType": IMAGE, "config": CONFIG, "annotations": {"": text}, **more}
    ).encode()


def index(*children: bytes) -> bytes:
    """An index of images."""
    listed = [{"mediaType": IMAGE, "digest": digest_of(child), "size": len(child)} for child in children]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()


@dataclass
class Answers:
    """The responses of a server, and the requests that it received."""

    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By repository, and tag or digest."""

    documents: dict[str, Any] = field(default_factory=dict)
    """Other responses by path: JSON, or a number for a failure with that status."""

    token: str = "token"
    asked: Counter[str] = field(default_factory=Counter)
    resources: set[str] = field(default_factory=set)
    """The services that tokens were requested for."""

    sent: dict[str, dict[str, str]] = field(default_factory=dict)
    """The last form that was posted to a path."""

    passes: int = 0
    """Access tokens with a lower number are refused."""

    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    lists_referrers: bool = False
    page: int = 1000
    """Names on one page of a list, whatever the client requests."""

    refuse: list[tuple[int, str]] = field(default_factory=list)
    """Status and `Retry-After` of the next responses."""

    refuse_tokens: list[tuple[int, str]] = field(default_factory=list)
    """Status and `Retry-After` of the next responses to requests for access tokens."""

    cut_off: set[str] = field(default_factory=set)
    """Paths whose responses are shorter than their Content-Length."""

    def put(self, repository: str, content: bytes, *tags: str) -> str:
        """Store a manifest under its digest and these tags."""
        for reference in (digest_of(content), *tags):
            self.manifests[repository, reference] = content
        return digest_of(content)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: ClassVar[Answers]

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.answers.asked[path.split("/")[1]] += 1
        if self.answers.refuse and path != "/token":
            status, pause = self.answers.refuse.pop(0)
            return self._respond(status, b"{}", {"Retry-After": pause} if pause else {})
        if not path.startswith("/v2/"):
            return self._document(path)
        repository, kind, reference = self._parts(path.removeprefix("/v2/"))
        access = f"Bearer access:{repository}:{self.answers.token}:{self.answers.passes}"
        if self.headers.get("Authorization") != access:
            scope = f"repository:{repository}:pull" if kind else "registry:catalog:*"
            realm = f"https://{self.headers['Host']}/oauth2/token"
            service = f'Bearer realm="{realm}",service="x",scope="{scope}"'
            return self._respond(401, b"{}", {"WWW-Authenticate": service})
        if kind == "referrers":
            return self._referrers(repository, reference)
        if kind in ("tags", ""):
            return self._list(repository, kind)
        if kind == "blobs" and (blob := self.answers.blobs.get((repository, reference))):
            return self._respond(200, blob)
        content = self.answers.manifests.get((repository, reference))
        if content is None:
            return self._respond(404, json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN"}]}).encode())
        kind = INDEX if b'"manifests"' in content else IMAGE
        self._respond(200, content, {"Content-Type": kind, "Docker-Content-Digest": digest_of(content)})
        return None

    def do_HEAD(self) -> None:
        self.do_GET()

    @staticmethod
    def _parts(path: str) -> tuple[str, str, str]:
        for kind in ("manifests", "referrers", "blobs", "tags"):
            repository, found, reference = path.partition(f"/{kind}/")
            if found:
                return repository, kind, reference
        return "catalog", "", ""

    def _list(self, repository: str, kind: str) -> None:
        """One page of the tags of a repository, or of all repositories."""
        held = self.answers.manifests
        names = {where if not kind else what for where, what in held if not kind or where == repository}
        names = {name for name in names if not name.startswith("sha256:")}
        if kind and not any(where == repository for where, _ in held):
            return self._respond(404, b"{}")
        begin = parse_qs(urlsplit(self.path).query).get("last", [""])[0]
        page = [name for name in sorted(names) if name > begin][: self.answers.page]
        more = bool(page) and page[-1] != max(names)
        path = urlsplit(self.path).path
        link = {"Link": f'<{path}?last={page[-1]}>; rel="next"'} if more else {}
        return self._respond(200, json.dumps({"tags" if kind else "repositories": page}).encode(), link)

    def _referrers(self, repository: str, digest: str) -> None:
        self.answers.asked["referrers"] += 1
        if not self.answers.lists_referrers:
            return self._respond(404, b"404 page not found")
        listed = []
        for (where, name), content in self.answers.manifests.items():
            document = json.loads(content) if content.startswith(b"{") else {}
            if (where, document.get("subject", {}).get("digest")) == (repository, digest) and ":" in name:
                descriptor = {"mediaType": IMAGE, "digest": name, "size": len(content)}
                listed.append({**descriptor, "artifactType": document.get("artifactType", "")})
        return self._respond(200, json.dumps({"manifests": listed}).encode())

    def do_DELETE(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.answers.asked[f"DELETE {path}"] += 1
        self._respond(200, b"")

    def do_POST(self) -> None:
        body = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        path = unquote(urlsplit(self.path).path)
        self.answers.asked[path] += 1
        self.answers.sent[path] = {key: values[0] for key, values in body.items()}
        if self.answers.refuse_tokens:
            status, pause = self.answers.refuse_tokens.pop(0)
            self._respond(status, b"{}", {"Retry-After": pause})
        elif path == "/oauth2/exchange":
            accepted = body["access_token"] == [self.answers.token]
            self._respond(
                200 if accepted else 401, json.dumps({"refresh_token": self.answers.token}).encode()
            )
        elif path == "/oauth2/token":
            repository = body["scope"][0].split(":")[1]
            access = f"access:{repository}:{body['refresh_token'][0]}:{self.answers.passes}"
            self._respond(200, json.dumps({"access_token": access}).encode())
        else:
            self._document(path)

    def _document(self, path: str) -> None:
        answer = self.answers.documents.get(path, 404)
        if path == "/token":
            resource = parse_qs(urlsplit(self.path).query)["resource"][0]
            self.answers.resources.add(resource)
            answer = {"access_token": f"{self.answers.token}", "expires_on": str(int(time.time()) + 3600)}
            answer |= {"resource": resource, "token_type": "Bearer"}
        if isinstance(answer, int):
            return self._respond(
                answer, json.dumps({"error": {"code": "Refused", "message": self.answers.token}}).encode()
            )
        return self._respond(200, json.dumps(answer).encode())

    def _respond(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        cut = self.path in self.answers.cut_off
        self.send_header("Content-Length", str(len(content) + cut))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.close_connection = self.close_connection or cut

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@dataclass(frozen=True)
class Authority:
    """A certificate authority for tests, and a certificate for this machine."""

    trusted: Path
    chain: Path
    key: Path

    @classmethod
    def make(cls, folder: Path) -> Authority:
        """Write the files to a folder."""
        made = cls(folder / "ca.pem", folder / "chain.pem", folder / "key.pem")
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost")
        authority.cert_pem.write_to_path(str(made.trusted))
        certificate.private_key_pem.write_to_path(str(made.key))
        made.chain.write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
        return made

    @contextlib.contextmanager
    def serve(self, answers: Answers) -> Iterator[str]:
        """Serve these responses; yields host and port."""
        handler = type("Handler", (_Handler,), {"answers": answers})
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            server.handle_error = lambda *_: None  # type: ignore[method-assign]
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            yield f"localhost:{server.server_address[1]}"
            server.shutdown()
            thread.join()

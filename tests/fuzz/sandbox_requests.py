"""Generated requests to every endpoint of the sandbox, from its resource types, their schemas and a seed."""

from __future__ import annotations

import json
import random
import re
import string
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from sandbox.arm.resource_type import ResourceType
from sandbox.arm.routing import TYPES
from sandbox.cloud.definitions import SOURCE
from sandbox.faults.fault import ENDPOINTS
from sandbox.keyvault import data_plane

Json = dict[str, Any]

GROUP, REPOSITORY = "fuzz", "fuzz/app"
EXISTING = {
    "registries": "fuzzregistry",
    "storageaccounts": "fuzzaccount",
    "vaults": "fuzz-vault",
    "blobservices": "default",
    "managementpolicies": "default",
    "containers": "fuzz-container",
    "exportpipelines": "fuzzExport",
    "importpipelines": "fuzzImport",
    "pipelineruns": "fuzzRun",
    "userassignedidentities": "fuzz-identity",
    "locations": SOURCE.location,
    "roleassignments": str(uuid.UUID(int=15)),
    "secrets": "fuzz-secret",
    "diagnosticsettings": "fuzz-setting",
}
"""The name of one resource of each type. Other valid names are not generated: each could start a server."""

PARENTS = ("registries", "storageaccounts", "vaults", "userassignedidentities", "containers")
"""Resources that the requests to resources below them need: they are not deleted."""

ENDS = (
    "not a url",
    "",
    "http://[::1",
    "https://localhost:1/x",
    "https://127.0.0.1:99999/x",
    "//",
    "https://",
    "https://192.0.2.1/x",
    "\x00",
    "https://localhost/\ud800",
    "ftp://x/y",
    "https://user:pass@localhost/a",
)
"""URIs that lead nowhere. 192.0.2.1 answers nobody (RFC 5737)."""

_NAMES = (
    "",
    "a",
    "default",
    "DEFAULT",
    "x" * 300,
    "a b",
    "...",
    "..",
    "%",
    "%2e%2e%2f",
    "a_b",
    "ä",
    "🗝",
    "'",
    "add",
    "\\",
    "\x00",
    "\ud800",
    "a\nb",
    "-1",
    "1" * 5000,
    "null",
    "*",
    "?",
    "#",
    "a/b",
    ";",
    "$(id)",
    "true",
)
_TEXTS = (
    *_NAMES,
    *ENDS,
    "0",
    "9" * 40,
    "enabled",
    "Deny",
    "127.0.0.1",
    "10.0.0.0/99",
    "my-office",
    "2031-01-01T00:00:00Z",
)
_BYTES = (
    b"",
    b"{",
    b"[" * 2000,
    b'{"a":NaN}',
    b'{"a":1e999}',
    b'{"a":"\\ud800"}',
    b"\xff",
    b"null",
    b"[]",
    b'"x"',
    b"\xef\xbb\xbf{}",
    b"{" * 5000 + b"}",
    b'{"properties":[]}',
    b'{"a":%s}' % (b"9" * 5000),
)
_METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO", "PROPFIND")
_HEADERS = {
    "x-ms-client-request-id": ("a", "\xff", "x" * 3000, "ä"),
    "x-ms-return-client-request-id": ("true", "TRUE", "1"),
    "x-ms-correlation-request-id": ("\xff\xfe", "", "a b"),
    "Content-Type": (
        "application/json",
        "text/plain; charset=none",
        "multipart/form-data",
        "\xff",
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=x",
    ),
    "Accept": ("*/*", "\xff", "x" * 3000, "application/vnd.oci.image.index.v1+json"),
    "Content-Encoding": ("gzip", "x"),
    "If-Match": ("*", "\xff"),
    "Range": ("bytes=5-1", "bytes=a", "bytes=0-" + "9" * 30),
    "Expect": ("100-continue", "x"),
    "Cookie": ("a=\xff",),
}


@dataclass(frozen=True)
class SentRequest:
    """One request."""

    endpoint: str
    """A name of `Endpoints`: management, vault, registry, storage, identity or control."""

    method: str
    target: str
    """Path and query, percent-encoded."""

    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = {
            key: value for key, value in self.headers.items() if not key.startswith(("Authorization", "X-"))
        }
        target = re.sub("sig=[^&]*", "sig=", self.target)
        return f"{self.endpoint} {self.method} {target[:300]} {shown} {self.body[:300]!r}"


@dataclass(frozen=True)
class Credentials:
    """The credentials of requests, by endpoint: some are right, some are not."""

    by_endpoint: Mapping[str, tuple[Mapping[str, str], ...]]
    sas: tuple[str, ...]
    """SAS tokens of the account's container, without a question mark; one is empty."""


class Requests:
    """A generator of requests; the same seed gives the same requests."""

    def __init__(self, seed: int, credentials: Credentials) -> None:
        self._random, self._credentials = random.Random(seed), credentials
        self._kinds: list[Callable[[], SentRequest]] = [
            *[self.of_type] * 9,
            self.anywhere,
            self.sign_in,
            self.graph,
            *[self.vault] * 3,
            *[self.registry] * 4,
            *[self.storage] * 2,
            self.identity,
            self.control,
        ]

    def next(self) -> SentRequest:
        """A request to any endpoint."""
        return self._random.choice(self._kinds)()

    # The endpoints

    def of_type(self) -> SentRequest:
        """A management request for a resource, a list or an action."""
        kind = self._random.choice(list(TYPES.values()))
        method = self._random.choice(
            ("PUT", "PUT", "PUT", "PATCH", "GET", "DELETE", "HEAD", "POST", *_METHODS)
        )
        path = self._path(kind)
        if method == "DELETE" and any(path.endswith(f"/{EXISTING[each]}") for each in PARENTS):
            method = "GET"
        if method == "POST":
            path += f"/{self._random.choice([*kind.actions, 'nothing', 'checkNameAvailability'])}"
        elif method == "GET" and self._seldom():
            path = path.rpartition("/")[0]
        body = self._body(kind.schema) if method in ("PUT", "PATCH", "POST") else b""
        return self._request("management", method, path, body, {"api-version": self._version(kind)})

    def anywhere(self) -> SentRequest:
        """A management request to any path."""
        words = (
            "subscriptions",
            SOURCE.subscription,
            "resourceGroups",
            GROUP,
            "providers",
            "tenants",
            "Microsoft.ContainerRegistry",
            "registries",
            "operationResults",
            "resources",
            "locations",
            "Microsoft.Authorization",
            "roleDefinitions",
            "register",
            "operationStatuses",
            "metadata",
            "endpoints",
            "oauth2",
            "v1.0",
            ".well-known",
            "openid-configuration",
        )
        segments = [self._either(words, _NAMES) for _ in range(self._random.randrange(9))]
        path = "/" + "/".join(map(_quoted, segments))
        query = {"api-version": self._either(("2024-11-01",), _TEXTS)}
        return self._request("management", self._method(), path, self._random.choice(_BYTES), query)

    def sign_in(self) -> SentRequest:
        """A sign-in, or a document of the tenant."""
        tail = self._random.choice(
            (
                "oauth2/token",
                "oauth2/v2.0/token",
                "discovery/v2.0/keys",
                "discovery/keys",
                ".well-known/openid-configuration",
            )
        )
        tenant = _quoted(self._either((SOURCE.tenant, "common"), _NAMES))
        method = self._either(("POST", "GET"), _METHODS)
        return self._request(
            "management", method, f"/{tenant}/{tail}", self._form(), self._query("api-version")
        )

    def graph(self) -> SentRequest:
        path = "/v1.0/" + self._either(("servicePrincipals", "users", "directoryObjects/getByIds"), ()) + "/"
        body = self._json({"ids": self._anything()})
        query = {"$filter": self._either(("appId eq 'x'", "id in ('a',)"), _TEXTS)}
        return self._request("management", self._method(), path + _quoted(self._text()), body, query)

    def vault(self) -> SentRequest:
        name = _quoted(self._either(("one", "two", "fuzz-secret"), _NAMES))
        tail = self._random.choice(
            (
                "",
                f"/{name}",
                f"/{name}/",
                f"/{name}/versions",
                f"/{name}/recover",
                f"/{name}/{'0' * 32}",
                f"/{name}/nothing",
            )
        )
        path = self._random.choice(("/secrets", "/deletedsecrets", "/keys", "")) + tail
        query = {"api-version": self._either(("7.4", "2026-04-01"), _TEXTS)}
        query |= self._query("maxresults", "$skiptoken")
        body = self._body(data_plane.SCHEMAS[self._random.choice(("set", "update"))])
        return self._request("vault", self._method(), path, body, query)

    def registry(self) -> SentRequest:
        """ACR's own API, the distribution API and the token endpoints."""
        name = self._either((REPOSITORY, "no/such"), _NAMES)
        place = name if self._seldom() else _quoted(name, "/")
        reference = self._either(("1", f"sha256:{'0' * 64}", "sha256:0", f"{'x' * 400}:{'0' * 64}"), _NAMES)
        tail = self._random.choice(
            (
                "_tags",
                "_tags/{}",
                "_manifests",
                "_manifests/{}",
                "manifests/{}",
                "blobs/{}",
                "tags/list",
                "referrers/{}",
                "blobs/uploads/",
                "",
            )
        )
        start = self._random.choice(("/acr/v1", "/v2"))
        path = f"{start}/{place}/{tail.format(_quoted(reference, ':'))}"
        if self._seldom():
            path = self._random.choice(
                (
                    "/acr/v1/_catalog",
                    "/v2/_catalog",
                    "/v2/",
                    "/",
                    "/oauth2/token",
                    "/oauth2/exchange",
                    "/acr/v1/",
                    "/acr/v1/_tags",
                )
            )
        body = self._form() if "oauth2" in path else self._manifest()
        query = self._query(
            "n", "last", "artifactType", "digest", "scope", "orderby", "mount", "from", "service"
        )
        return self._request("registry", self._method(), path, body, query)

    def storage(self) -> SentRequest:
        place = [
            self._either((EXISTING["storageaccounts"],), _NAMES),
            self._either(("fuzz-container",), _NAMES),
        ]
        path = "/" + "/".join(map(_quoted, [*place, self._text()][: self._random.randrange(4)]))
        query = self._query(
            "restype", "comp", "prefix", "maxresults", "marker", "blockid", "include", "timeout"
        )
        for name, known in (("restype", "container"), ("comp", "list")):
            if self._seldom():
                query[name] = known
        sas = self._random.choice(self._credentials.sas)
        request = self._request("storage", self._method(), path, self._random.choice(_BYTES), query)
        target = request.target + ("&" if "?" in request.target else "?") + sas if sas else request.target
        kind = {"x-ms-blob-type": self._either(("BlockBlob",), _TEXTS)} if request.method == "PUT" else {}
        sent = {key: _header(value) for key, value in kind.items()}
        return SentRequest("storage", request.method, target, request.body, {**request.headers, **sent})

    def identity(self) -> SentRequest:
        query = self._query("resource", "client_id", "principal_id", "mi_res_id", "api-version")
        return self._request("identity", self._either(("GET",), _METHODS), "/msi/token", b"", query)

    def control(self) -> SentRequest:
        """An order, which may be right: the caller resets all faults after it."""
        fault = {
            "endpoint": self._either(tuple(ENDPOINTS), _TEXTS),
            **{
                name: self._anything()
                for name in (
                    "method",
                    "path",
                    "times",
                    "skip",
                    "delay",
                    "status",
                    "retry_after",
                    "cut",
                    "code",
                )
                if self._seldom()
            },
        }
        order = {
            "cloud": self._either(("source",), (*_TEXTS, None, 5, [])),
            "do": self._either(("set", "lift", "clock", "grants", "choose", "list"), (*_TEXTS, None, {})),
            "seconds": self._random.choice((1e400, -1e400, 1e300, "x", None, 5, -(10**30), [], "nan", "inf")),
            "fault": self._random.choice((fault, self._anything())),
            "id": self._anything(),
            "name": self._either(("failed-run", "polls"), (*_TEXTS, None, [])),
            "value": self._anything(),
        }
        kept = {key: value for key, value in order.items() if self._random.random() < 0.9}
        body = self._random.choice(_BYTES) if self._seldom() else json.dumps(kept).encode()
        path = self._either(("/faults",), ("/", "/other"))
        return self._request("control", self._either(("POST",), _METHODS), path, body, {})

    # The parts of a request

    def _request(
        self, endpoint: str, method: str, path: str, body: bytes, query: Mapping[str, str]
    ) -> SentRequest:
        known = self._credentials.by_endpoint[endpoint]
        headers = dict(self._random.choice(known))
        for _ in range(self._random.choice((0, 0, 0, 1, 2))):
            name = self._random.choice(list(_HEADERS))
            headers[name] = _header(self._random.choice(_HEADERS[name]))
        kept = {key: value for key, value in query.items() if self._random.random() < 0.95}
        bare = self._random.random() < 0.05
        text = "&".join(kept) if bare else urlencode(kept, errors="surrogatepass")
        target = path + (f"?{text}" if text else "")
        return SentRequest(endpoint, method, _quoted(target, string.punctuation), body, headers)

    def _path(self, kind: ResourceType) -> str:
        """A path to a resource of a type, in any case, below existing or missing parents."""
        namespace, *plurals = kind.name.split("/")
        group = self._random.choice((GROUP, GROUP, GROUP, GROUP.upper(), "nowhere"))
        path = f"/subscriptions/{SOURCE.subscription}/resourceGroups/{group}"
        if namespace in ("Microsoft.Authorization", "Microsoft.Insights"):
            path += self._random.choice(("", "/providers/Microsoft.KeyVault/vaults/fuzz-vault"))
        if plurals[0] in ("locations", "deletedVaults"):
            path = f"/subscriptions/{SOURCE.subscription}"
        path += f"/providers/{self._random.choice((namespace, namespace.upper()))}"
        for plural in plurals:
            known = EXISTING.get(plural.lower(), "")
            path += (
                f"/{plural}/{_quoted(known if self._random.random() < 0.9 else self._random.choice(_NAMES))}"
            )
        return path

    def _version(self, kind: ResourceType) -> str:
        strange = ("", "1999-01-01", "latest", "2023-01-01'", "\x00")
        return str(self._either(tuple(sorted(kind.versions)), strange))

    def _body(self, schema: Json) -> bytes:
        return self._random.choice(_BYTES) if self._seldom() else self._json(self._of_schema(schema))

    def _json(self, value: Any) -> bytes:
        return json.dumps(value).encode()

    def _of_schema(self, schema: Json) -> Any:
        """A value that fits a schema, except for about one part in eight, which is anything."""
        if self._random.random() < 0.1:
            return self._anything()
        if words := schema.get("enum") or schema.get("known"):
            return self._random.choice((*words, words[0].upper(), "other"))
        kind = schema.get("type")
        if kind == "array":
            return [self._of_schema(schema.get("items", {})) for _ in range(self._random.randrange(3))]
        if kind == "object":
            fields = schema.get("properties", {})
            wanted = [
                name for name in fields if name in schema.get("required", ()) or self._random.random() < 0.5
            ]
            made = {name: self._of_schema(fields[name]) for name in wanted}
            if others := schema.get("additionalProperties"):
                made |= {self._text(): self._of_schema(others) for _ in range(self._random.randrange(2))}
            return made
        if kind == "boolean":
            return self._random.random() < 0.5
        return self._random.randrange(-5, 100) if kind == "integer" else self._text()

    def _anything(self, depth: int = 2) -> Any:
        kind = self._random.randrange(8 if depth else 6)
        if kind == 6:
            return [self._anything(depth - 1) for _ in range(self._random.randrange(3))]
        if kind == 7:
            return {self._text(): self._anything(depth - 1) for _ in range(self._random.randrange(3))}
        return (None, True, self._random.choice((0, -1, 7, 10**400)), 1.5, self._text(), self._text())[kind]

    def _manifest(self) -> bytes:
        """A pushed manifest, or a part of one."""
        if self._seldom():
            return self._random.choice(_BYTES)
        fields = ("config", "layers", "manifests", "subject", "annotations", "mediaType", "artifactType")
        return self._json(
            {"schemaVersion": 2, **{name: self._anything() for name in fields if self._seldom()}}
        )

    def _form(self) -> bytes:
        fields = (
            "grant_type",
            "client_id",
            "client_secret",
            "scope",
            "resource",
            "client_assertion",
            "access_token",
            "refresh_token",
            "service",
            "username",
            "password",
        )
        known = (
            "client_credentials",
            "refresh_token",
            "https://vault.azure.net/.default",
            "a.b.c",
            SOURCE.operator_application,
            f"repository:{REPOSITORY}:pull",
            "registry:catalog:*",
        )
        form = {name: self._either(known, _TEXTS) for name in fields if self._random.random() < 0.6}
        return urlencode(form, errors="surrogatepass").encode()

    def _query(self, *names: str) -> dict[str, str]:
        return {name: self._text() for name in names if self._random.random() < 0.3}

    def _text(self) -> str:
        return str(self._random.choice(_TEXTS))

    def _method(self) -> str:
        return str(self._random.choice(_METHODS))

    def _either(self, known: tuple[Any, ...], strange: tuple[Any, ...]) -> Any:
        """Mostly one of the known values."""
        return self._random.choice(strange if strange and self._random.random() < 0.3 else known)

    def _seldom(self) -> bool:
        return self._random.random() < 0.2


def _quoted(text: str, safe: str = "") -> str:
    """A path segment; half of a surrogate pair becomes bytes that are not UTF-8."""
    return quote(text, safe=safe, errors="surrogatepass")


def _header(text: str) -> str:
    """A value that a client can send: Latin-1 without line breaks."""
    return "".join(letter for letter in text if 31 < ord(letter) < 256 and letter != "\x7f")

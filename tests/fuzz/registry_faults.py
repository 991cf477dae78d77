"""The hostile answers of a registry: each fault by its name, for the endpoints that it fits."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.fuzz.hostile_registry import IMAGE, INDEX, ROOT, Answer, Fault, HostileRegistry, descriptor

Parts = Iterator[bytes | float]


def constant(**changes: Any) -> Fault:
    """The right answer with other properties."""

    def fault(answer: Answer, _: HostileRegistry) -> Parts:
        yield replace(answer, **changes).content()

    return fault


def raw(*parts: bytes | float) -> Fault:
    """These bytes, whatever was requested."""
    return lambda _, __: iter(parts)


def header(name: str, value: str, *, status: int = 0) -> Fault:
    """The right answer with a header; `{foreign}` and `{own}` stand for hosts."""

    def fault(answer: Answer, registry: HostileRegistry) -> Parts:
        text = value.replace("{foreign}", registry.foreign_host).replace("{own}", registry.host)
        yield replace(
            answer, status=status or answer.status, headers={**answer.headers, name: text}
        ).content()

    return fault


def _endless(answer: Answer, _: HostileRegistry) -> Parts:
    head = replace(answer, headers={"Content-Length": str(2**40)}).head()
    return itertools.chain([head, answer.body], itertools.repeat(b" " * 65536))


def _endless_chunks(answer: Answer, _: HostileRegistry) -> Parts:
    head = b"HTTP/1.1 200 x\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"[" * 65536 + b"\r\n"
    return itertools.chain([head % answer.media_type.encode()], itertools.repeat(chunk))


def _endless_text(answer: Answer, _: HostileRegistry) -> Parts:
    head = replace(answer, headers={"Content-Length": str(2**40)}).head()
    return itertools.chain([head, b'{"token": "'], itertools.repeat(b"x" * 65536))


def _endless_headers(_: Answer, __: HostileRegistry) -> Parts:
    return itertools.chain([b"HTTP/1.1 200 x\r\n"], (b"X-%d: y\r\n" % n for n in itertools.count()))


def _endless_line(_: Answer, __: HostileRegistry) -> Parts:
    return itertools.chain([b"HTTP/1.1 200 x\r\nX-Y: "], itertools.repeat(b"z" * 65536))


def _drip_body(answer: Answer, _: HostileRegistry) -> Parts:
    yield replace(answer, headers={"Content-Length": str(2**20)}).head()
    yield from itertools.chain.from_iterable((b" ", 0.1) for _ in itertools.count())


def _drip_headers(_: Answer, __: HostileRegistry) -> Parts:
    yield b"HTTP/1.1 200 x\r\nX: "
    yield from itertools.chain.from_iterable((b"y", 0.1) for _ in itertools.count())


def _silent_body(answer: Answer, _: HostileRegistry) -> Parts:
    yield answer.head()
    yield 100.0


def _short(answer: Answer, _: HostileRegistry) -> Parts:
    yield answer.head() + answer.body[: len(answer.body) // 2]


def _gzip(answer: Answer, _: HostileRegistry) -> Parts:
    bomb = gzip.compress(b" " * 100_000_000)
    yield replace(answer, body=bomb, headers={"Content-Encoding": "gzip"}).content()


def _chunked(size: bytes, end: bytes = b"0\r\n\r\n") -> Fault:
    def fault(answer: Answer, _: HostileRegistry) -> Parts:
        head = b"HTTP/1.1 200 x\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
        yield head % answer.media_type.encode() + size + b"\r\n" + answer.body + b"\r\n" + end

    return fault


def _old(version: bytes) -> Fault:
    def fault(answer: Answer, _: HostileRegistry) -> Parts:
        yield answer.content().replace(b"HTTP/1.1", version, 1)

    return fault


SLOW: dict[str, Fault] = {
    "silent": raw(100.0),
    "silent body": _silent_body,
    "body byte by byte": _drip_body,
    "headers byte by byte": _drip_headers,
}
"""Faults that end by a limit of time."""

BODIES: dict[str, bytes] = {
    "empty": b"",
    "page": b"<html><body>Sign in</body></html>",
    "null": b"null",
    "list": b"[]",
    "object": b"{}",
    "true": b"true",
    "text": b'"x"',
    "NaN": b'{"a": NaN}',
    "cut": b'{"token": "x", "manifests": [',
    "deep": b'{"a":' * 100_000,
    "deep list": b"[" * 1_000_000,
    "surrogate": rb'{"token": "\ud800", "tags": ["\ud800"], "manifests": []}',
    "long number": b'{"a": ' + b"9" * 50_000 + b"}",
    "large": b'{"a": [' + b"1," * 900_000 + b"1]}",
    "NUL": b"\0" * 100,
    "not UTF-8": b'{"\xff": 1}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "repeated keys": b'{"manifests": [], "manifests": [], "layers": [], "tags": [], "tags": ["x"]}',
    "errors": b'{"errors": [{"code": "DENIED"}]}',
}

STATUSES = (
    101,
    103,
    201,
    202,
    204,
    206,
    207,
    304,
    400,
    402,
    403,
    404,
    405,
    410,
    418,
    501,
    505,
    599,
    600,
    999,
)
RETRIED = (408, 429, 500, 502, 503, 504)
REDIRECTS = (300, 301, 302, 303, 307, 308)
LOCATIONS = (
    "http://{foreign}/x",
    "//{foreign}/x",
    "file:///etc/passwd",
    "http://u:p@{foreign}/",
    "http://[::1",
    "http://{own}/v2/",
    "",
    "http://127.0.0.1:99999/",
    "data:application/json,{}",
)

GENERIC: dict[str, Fault] = {
    **{f"body {name}": constant(body=body) for name, body in BODIES.items()},
    **{f"status {status}": constant(status=status) for status in STATUSES},
    **{f"status {status}": header("Retry-After", "99999999999", status=status) for status in RETRIED},
    **{f"media type {name!r}": constant(media_type=name) for name in ("", "text/html", "a/b", "x" * 9000)},
    **{f"redirect {status}": header("Location", "http://{foreign}/x", status=status) for status in REDIRECTS},
    **{f"redirect to {where!r}": header("Location", where, status=307) for where in LOCATIONS},
    "foreign challenge": header(
        "WWW-Authenticate", 'Bearer realm="http://{foreign}/token",service="x"', status=401
    ),
    "basic challenge": header("WWW-Authenticate", 'Basic realm="{foreign}"', status=401),
    "no challenge": constant(status=401),
    "endless": _endless,
    "endless chunks": _endless_chunks,
    "endless text": _endless_text,
    "endless headers": _endless_headers,
    "endless line": _endless_line,
    "half of the body": _short,
    "compressed": _gzip,
    "closed": raw(),
    "HTTP 0.9": raw(b'{"token": "x", "tags": ["v1"]}'),
    "version 0.9": _old(b"HTTP/0.9"),
    "version 2": _old(b"HTTP/2.0"),
    "no version": _old(b"HTTP"),
    "garbage": raw(bytes(range(256)) * 100),
    "NUL in a header": raw(b"HTTP/1.1 200 x\r\nX: \0\r\nContent-Length: 0\r\n\r\n"),
    "fold in a header": raw(b"HTTP/1.1 200 x\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
    "two lengths": raw(b"HTTP/1.1 200 x\r\nContent-Length: 1\r\nContent-Length: 5\r\n\r\n12345"),
    "negative length": raw(b"HTTP/1.1 200 x\r\nContent-Length: -1\r\n\r\n{}"),
    "length in words": raw(b"HTTP/1.1 200 x\r\nContent-Length: ten\r\n\r\n{}"),
    "length and chunks": raw(
        b"HTTP/1.1 200 x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    ),
    "chunk size": _chunked(b"zz"),
    "negative chunk": _chunked(b"-5"),
    "huge chunk": _chunked(b"ffffffffffffffff"),
    "unknown coding": raw(b"HTTP/1.1 200 x\r\nTransfer-Encoding: other\r\n\r\n{}"),
    "informational answers": raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000),
}


def _listing(key: str, value: object) -> Fault:
    def fault(answer: Answer, _: HostileRegistry) -> Parts:
        yield replace(answer, body=json.dumps({key: value}).encode()).content()

    return fault


NAMES: tuple[object, ...] = (
    None,
    0,
    1.5,
    True,
    {},
    [],
    "",
    "..",
    "../../../other",
    "/app",
    "app/",
    "APP/x",
    "a\nb",
    "a\x1b[2J",
    "a b",
    "é",
    "x" * 300,
    "x" * 3_000_000,
    "app:v1",
    "app@sha256:0",
    "-",
    "?n=1",
    "a%2Fb",
)


def names(key: str) -> dict[str, Fault]:
    """Faults of a list of names."""
    good: dict[str, object] = {
        "names null": None,
        "names text": "v1",
        "names object": {"v1": 1},
        "many names": [f"n{number}" for number in range(100_000)],
    }
    listed = {f"name {name!r:.40}": ["v1", name] for name in NAMES}
    faults = {name: _listing(key, value) for name, value in {**good, **listed}.items()}
    return {**faults, "another key": _listing("other", []), **_pages(key)}


def _pages(key: str) -> dict[str, Fault]:
    def linked(answer: Answer, link: str) -> bytes:
        return replace(answer, headers={"Link": f'<{link}>; rel="next"'}).content()

    def page(link: str) -> Fault:
        def fault(answer: Answer, registry: HostileRegistry) -> Parts:
            path = _PATHS[key]
            hosts = {"{foreign}": registry.foreign_host, "{path}": path, "{number}": str(len(registry.lines))}
            found = link
            for name, value in hosts.items():
                found = found.replace(name, value)
            yield linked(answer, found)

        return fault

    links = (
        "{path}?n=1000",
        "{path}?last=a",
        "{path}?last={number}",
        "{path}",
        "http://{foreign}{path}?last=1",
        "http://{foreign}{path}?last={number}",
        "//{foreign}/x",
        "http://[::1/x",
        "http://127.0.0.1:99999/",
        "/v2/other/tags/list?n=1",
        "../../x?y",
        "file:///etc/passwd",
        "",
        "?",
        "javascript:x",
        "\\\\x",
    )
    return {f"next page {link}": page(link) for link in links}


_PATHS = {
    "repositories": "/v2/_catalog",
    "tags": "/v2/app/tags/list",
    "manifests": f"/v2/app/referrers/{descriptor(ROOT, INDEX)['digest']}",
}

_NO_TOKENS: tuple[object, ...] = (
    None,
    "",
    0,
    [],
    {},
    "a\r\nX: y",
    "a b",
    "é",
    "x" * 2_000_000,
    "\0",
    "\x7f",
    True,
)
TOKENS: dict[str, Fault] = {
    f"token {value!r:.40}": constant(
        body=json.dumps(dict.fromkeys(("token", "access_token", "refresh_token"), value)).encode()
    )
    for value in _NO_TOKENS
}

REALMS = (
    "http://{foreign}/token",
    "https://{foreign}/token",
    "//{foreign}/token",
    "/token",
    "",
    "file:///etc/passwd",
    "ftp://{own}/token",
    "http://u:p@{own}/token",
    "http://{own}@{foreign}/token",
    "http://{foreign}#@{own}/token",
    "http://{own}.evil.example/token",
    "http://[::1",
    "http://{own}x/token",
    "http://127.0.0.1:99999/token",
    "http://{own}\\@{foreign}/token",
    "http://{own}/token\tx",
)
CHALLENGES: dict[str, Fault] = {
    **{
        f"realm {realm}": header("WWW-Authenticate", f'Bearer realm="{realm}",service="x",scope="y"')
        for realm in REALMS
    },
    "scheme Negotiate": header("WWW-Authenticate", "Negotiate"),
    "scheme Digest": header("WWW-Authenticate", 'Digest realm="http://{foreign}/", nonce="x"'),
    "two schemes": header("WWW-Authenticate", 'Basic, Bearer realm="http://{foreign}/token"'),
    "long": header("WWW-Authenticate", "Bearer " + 'realm="x",' * 800),
}

_CHILD = descriptor(b"other", IMAGE)
DESCRIPTORS: tuple[object, ...] = (
    None,
    0,
    "x",
    {},
    {**_CHILD, "digest": None},
    {**_CHILD, "digest": "sha256:../../x"},
    {**_CHILD, "digest": "../../../other"},
    {**_CHILD, "digest": f"sha256:{'A' * 64}"},
    {**_CHILD, "digest": f"md5:{'0' * 32}"},
    {**_CHILD, "digest": f"sha512:{'0' * 128}"},
    {**_CHILD, "size": -1},
    {**_CHILD, "size": 10**18},
    {**_CHILD, "size": 1.5},
    {**_CHILD, "size": "1"},
    {**_CHILD, "size": None},
    {**_CHILD, "mediaType": None},
    {**_CHILD, "mediaType": "a\x1b[2J"},
    {**_CHILD, "mediaType": ["x"]},
    {**_CHILD, "platform": {"os": {"x": 1}}},
    {**_CHILD, "platform": {"os": "\ud800"}},
    {**_CHILD, "artifactType": "\x1b]0;x\x07"},
)
REFERRERS: dict[str, Fault] = {
    **names("manifests"),
    **{f"referrer {value!r:.60}": _listing("manifests", [value]) for value in DESCRIPTORS},
    "many referrers": _listing(
        "manifests", [descriptor(str(number).encode(), IMAGE) for number in range(6_000)]
    ),
}


def _manifest(document: object, media_type: str = INDEX) -> Fault:
    return constant(body=json.dumps(document).encode(), media_type=media_type)


MANIFESTS: dict[str, Fault] = {
    **{f"as {name}": constant(media_type=name) for name in ("application/json", "application/octet-stream")},
    "as the other kind": lambda answer, _: iter(
        [replace(answer, media_type=IMAGE if answer.media_type == INDEX else INDEX).content()]
    ),
    "of another manifest": constant(body=ROOT + b" "),
    "an index of 20,000": _manifest({"manifests": [descriptor(b"%d" % n, IMAGE) for n in range(20_000)]}),
    "an index of 4,000": _manifest({"manifests": [descriptor(b"%d" % n, IMAGE) for n in range(4_000)]}),
    "two kinds": _manifest({"manifests": [], "layers": []}),
    "keys in capitals": _manifest({"Manifests": [], "layers": []}, IMAGE),
    **{f"child {value!r:.60}": _manifest({"manifests": [value]}) for value in DESCRIPTORS},
    **{f"layer {value!r:.60}": _manifest({"layers": [value]}, IMAGE) for value in DESCRIPTORS},
    **{
        f"subject {value!r:.60}": _manifest({"layers": [], "subject": value}, IMAGE)
        for value in DESCRIPTORS
        if value is not None
    },
}


def _self(answer: Answer, registry: HostileRegistry) -> Parts:
    """A referrer that names itself as the next one, with another digest each time."""
    number = str(len(registry.lines)).encode()
    yield replace(answer, body=json.dumps({"manifests": [descriptor(number, IMAGE)]}).encode()).content()


REFERRERS["referrers of referrers"] = _self

BY_ENDPOINT: dict[str, dict[str, Fault]] = {
    "challenge": {**GENERIC, **CHALLENGES},
    "token": {**GENERIC, **TOKENS},
    "catalog": {**GENERIC, **names("repositories")},
    "tags": {**GENERIC, **names("tags")},
    "referrers": {**GENERIC, **REFERRERS},
    "manifest": {**GENERIC, **MANIFESTS},
    "child": {**GENERIC, **MANIFESTS},
    "blob": GENERIC,
    "exchange": {**GENERIC, **TOKENS},
    "access": {**GENERIC, **TOKENS},
}

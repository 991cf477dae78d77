"""Hostile documents, files and options: each key of each document with each value, as a table."""

from __future__ import annotations

import copy
import json
import os
import random
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from acr_transfer.__main__ import main
from acr_transfer.model.documents.json_document import checksum_of

CANARY = "canary-password"
SIGNATURE = "c" * 43 + "%3D"
REGISTRY = ("--registry", "127.0.0.1:1")
"""Nothing listens there: a document that is accepted ends in a failed connection."""

CONTAINER = ("--container-url", "https://127.0.0.1:1/account/transfer")
ENVIRONMENT = {
    "ARM_METADATA_HOSTNAME": "127.0.0.1:1",
    "DOCKER_CONFIG": "/nonexistent",
    "PATH": "/nonexistent",
    "NO_PROXY": "*",
}
"""Neither a cloud nor a program to call."""


def command(arguments: Sequence[str]) -> int:
    """Run `acr-transfer`, whose requests are repeated without waiting."""
    random.uniform = lambda *_: 0.0
    return main(arguments)


MODULES = (
    "tests.fuzz.documents",
    *(f"acr_transfer.{name}" for name in ("azure.containers", "cli.copy_report", "cli.plan_report")),
    *(
        f"acr_transfer.{name}"
        for name in ("copy.hop", "disk.pack", "disk.unpack", "plan.plan", "prove.prove")
    ),
    *(f"acr_transfer.{name}" for name in ("prove.prove", "review.configuration", "review.engine")),
    "policy.rules.catalogue",
)
"""What the commands import, so that each case starts with it."""

HASH = "1" * 64
DIGEST = f"sha256:{HASH}"
MD5 = "A" * 22 + "=="
CHILD = {"digest": DIGEST, "mediaType": "m", "size": 5, "platform": "linux/amd64"}
ENTRY: dict[str, Any] = {
    "reference": "team/app:1",
    "digest": DIGEST,
    "mediaType": "m",
    "size": 5,
    "artifactType": "a",
    "subject": DIGEST,
    "children": [CHILD],
    "referrers": [DIGEST],
}
BLOB = {"name": "a/b", "artifacts": ["team/app:1"], "size": 5, "contentMd5": MD5, "sha256": HASH}
PART = {
    "file": "parts/a.0001",
    "disk": 1,
    "start": 0,
    "length": 5,
    "size": 5,
    "sha256": HASH,
    "blocks": [HASH],
}
PACKED = {
    "name": "a/b",
    "size": 5,
    "contentMd5": MD5,
    "sha256": HASH,
    "etag": "e",
    "contentType": "t",
    "metadata": {"category": "c"},
    "blockSize": 8,
    "parts": [PART],
}
SOURCE = {"loginServer": "a.example", "containerUrl": "https://a.example/transfer"}


def with_checksum(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the checksum that fits."""
    return {**document, "checksum": checksum_of(document)}


LOCK = with_checksum({"schema": 1, "registry": "a.example", "artifacts": [ENTRY]})
HANDOVER = with_checksum({"schema": 1, "source": SOURCE, "blobs": [BLOB], "artifacts": [ENTRY]})
PROVED = {"reference": "team/app:1", "digest": DIGEST, "provedAt": "2026-11-29T00:00:00Z"}
RECEIPT = with_checksum({"schema": 1, "registry": "a.example", "artifacts": [PROVED]})
PACK = with_checksum({"schema": 1, "disks": 1, "encryption": None, "blobs": [PACKED]})
JOURNAL = {"version": "1" * 16, "readers": "", "part": PART}
RULES = {
    "artifacts": ["tools/probe:1.0"],
    "platforms": ["linux/amd64"],
    "rule": [
        {
            "repositories": ["shop/*"],
            "tags": ["re:v.+"],
            "versions": ">=1",
            "newest": 3,
            "order": "version",
            "younger-than": "14d",
            "older-than": "1h",
            "exclude-repositories": ["b"],
            "exclude-tags": ["*-x"],
        }
    ],
}
WAIVERS = {"run-tag": [{"resource": "a", "reason": "b", "until": "2030-01-01"}]}
PROFILE = {"run-tag": {"enforcementLevel": "mandatory", "waivers": WAIVERS["run-tag"]}, "all": "advisory"}
DOCKER = {
    "auths": {"127.0.0.1:1": {"auth": "YTpi", "identitytoken": "t"}},
    "credHelpers": {"a": "b"},
    "credsStore": "c",
}
STATE = {"version": 3, "deployment": {"resources": [{"urn": "u", "type": "t"}]}}


@dataclass(frozen=True)
class Kind:
    """One kind of document, and the command that reads it."""

    name: str
    document: dict[str, Any]
    line: tuple[str, ...]
    """The command line; FILE stands for the document, FOLDER for its folder."""

    file: str = "document"
    write: Callable[[Any], str] = json.dumps
    environment: tuple[tuple[str, str], ...] = ()


class Raw(str):
    """A text that stands in a document as it is, such as NaN."""


def _json(value: Any) -> str:
    raw: list[str] = []

    def with_marks(each: Any) -> Any:
        if isinstance(each, Raw):
            raw.append(str(each))
            return f"@raw{len(raw) - 1}@"
        if isinstance(each, dict):
            return {key: with_marks(one) for key, one in each.items()}
        return [with_marks(one) for one in each] if isinstance(each, list) else each

    text = json.dumps(with_marks(value))
    for number, each in enumerate(raw):
        text = text.replace(f'"@raw{number}@"', each)
    return text


def _toml(document: Any) -> str:
    """The document as TOML: its own keys first, then the tables of rules."""
    if not isinstance(document, dict):
        return _json(document)
    rules = document.get("rule")
    tables = rules if isinstance(rules, list) and all(isinstance(each, dict) for each in rules) else []
    lines = [
        f"{_key(key)} = {_inline(each)}" for key, each in document.items() if key != "rule" or not tables
    ]
    for table in tables:
        lines += ["[[rule]]", *(f"{_key(key)} = {_inline(each)}" for key, each in table.items())]
    return "\n".join(lines)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_inline(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return "nan" if value is None else _json(value)


def _key(key: str) -> str:
    return json.dumps(key)


KINDS = (
    Kind("lock", LOCK, ("plan", "--diff", "FILE", "FILE"), write=_json),
    Kind("expected lock", LOCK, ("prove", "--lock", "FILE", *REGISTRY), write=_json),
    Kind("hand-over", HANDOVER, ("prove", "--handover", "FILE", *REGISTRY, "--json"), write=_json),
    Kind("hand-over of hop", HANDOVER, ("hop", "--handover", "FILE", *CONTAINER), write=_json),
    Kind("receipt", RECEIPT, ("plan", "team/app:1", "--since", "FILE", *REGISTRY), write=_json),
    Kind("pack manifest", PACK, ("unpack", "FOLDER", *CONTAINER), "pack.json", write=_json),
    Kind("journal", JOURNAL, ("pack", "FOLDER", "--handover", "GOOD"), ".pack-journal", write=_json),
    Kind("rules", RULES, ("plan", "--rules", "FILE", *REGISTRY), write=_toml),
    Kind("waivers", WAIVERS, ("review", "--waivers", "FILE", "stack"), write=_json),
    Kind("profile", PROFILE, ("review", "--profile", "FILE", "--waivers", "NONE", "stack"), write=_json),
    Kind("state", STATE, ("review", "--state", "FILE"), write=_json),
    Kind(
        "Docker's configuration", DOCKER, ("plan", "team/app:1", *REGISTRY), "config.json", write=_json,
        environment=(("DOCKER_CONFIG", "FOLDER"),),
    ),
)  # fmt: skip

VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "number": 1,
    "negative": -1,
    "fraction": 0.5,
    "beyond 64 bits": 1 << 64,
    "largest of 64 bits": (1 << 63) - 1,
    "text": "x",
    "empty text": "",
    "list": [],
    "object": {},
    "nested lists": [[[[]]]],
    "list of everything": [None, True, 1, "x", [], {}],
    "deep": Raw("[" * 50_000 + "]" * 50_000),
    "deep object": Raw('{"a":' * 1200 + "1" + "}" * 1200),
    "half of a character": Raw(r'"\ud800"'),
    "halves in the wrong order": Raw(r'"\udc00\ud800"'),
    "NUL": "a\0b",
    "path": "../../../etc/passwd",
    "path in the middle": "a/../../b",
    "absolute path": "/etc/passwd",
    "path of Windows": "..\\..\\b",
    "device": "/dev/zero",
    "escapes": "\x1b[2J\x1b]0;title\x07\x9b1m",
    "line feeds": "a\r\nerror: forged\n",
    "right to left": "\u202eb\u2066a\u200b",
    "other digits": "\u0661\u0662\u0663",
    "long text": "x" * 100_000,
    "long number": Raw("9" * 5000),
    "long fraction": Raw("0." + "9" * 100_000),
    "infinite number": Raw("1e999"),
    "NaN": Raw("NaN"),
    "Infinity": Raw("-Infinity"),
    "not JSON": Raw("nope"),
    "format": "%s%n{0}{words}{error.__class__}$(id)`id`",
    "log command": "##vso[task.setvariable variable=a]b",
    "markup": "<script>alert(1)</script>",
    "URL with a password": f"https://user:{CANARY}@host.example/x",
    "URL with a token": f"https://host.example/x?sv=1&sig={SIGNATURE}",
    "URL that is none": "https://[::1/x",
    "host": "user@..:99999",
    "wide list": [0] * 20_000,
    "wide object": {f"key{number}": number for number in range(5_000)},
    "slow pattern": "re:(a+)+b",
    "large pattern": f"re:{'(' * 20_000}{')' * 20_000}",
    "slow glob": "*a" * 200,
    "range": "1.x || " * 20_000,
    "time span": "999999w",
    "time": "0000-00-00T99:99:99Z",
    "base64": "\u00e9" * 24,
    "digest": f"sha256:{'g' * 64}",
}
"""Values that no key has."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to each value of a document; of a list, to its first entry."""
    if path:
        yield path
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    )
    for key, each in entries:
        yield from places(each, (*path, key))


def changed(
    document: dict[str, Any], path: Sequence[Any], change: Callable[[Any, Any], None]
) -> dict[str, Any]:
    """A copy of the document after `change(parent, key)` at a place."""
    found = copy.deepcopy(document)
    parent: Any = found
    for key in path[:-1]:
        parent = parent[key]
    change(parent, path[-1])
    return found


@dataclass(frozen=True)
class Case:
    """One command line, and the file that it reads."""

    name: str
    line: tuple[str, ...]
    file: str = "document"
    content: bytes | Callable[[], bytes] | str | None = None
    """The file's content, or the name of a special file in `SPECIAL`."""

    environment: tuple[tuple[str, str], ...] = ()


def documents() -> Iterator[Case]:
    """Each key of each document by each value, without it, and twice; also with the checksum that fits."""
    for kind in KINDS:
        for path in places(kind.document):
            place = f"{kind.name}: {'.'.join(map(str, path))}"
            for name, value in VALUES.items():

                def set_value(parent: Any, key: Any, value: Any = value) -> None:
                    parent[key] = value

                yield from _cases(kind, f"{place}: {name}", changed(kind.document, path, set_value))

            def remove(parent: Any, key: Any) -> None:
                del parent[key]

            yield from _cases(kind, f"{place}: removed", changed(kind.document, path, remove))
            yield from _cases(kind, f"{place}: again", changed(kind.document, path, _again))


def _again(parent: Any, key: Any) -> None:
    if isinstance(parent, list):
        parent.append(copy.deepcopy(parent[key]))
    else:
        parent[f"{key}2"] = copy.deepcopy(parent[key])


def _cases(kind: Kind, name: str, document: dict[str, Any]) -> Iterator[Case]:
    """The document as it is and, if it has a checksum, with the one that fits; written when it is used."""

    def content(covered: dict[str, Any] | None = None) -> bytes:
        value = document if covered is None else with_checksum(covered)
        return kind.write(value).encode(errors="surrogatepass")

    yield Case(name, kind.line, kind.file, content, kind.environment)
    if "checksum" not in kind.document or "checksum" in name or _holds_raw(document):
        return
    covered = {key: value for key, value in document.items() if key != "checksum"}
    renewed = partial(content, covered)
    yield Case(f"{name}, with its checksum", kind.line, kind.file, renewed, kind.environment)


def _holds_raw(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_raw, value.values()))
    return any(map(_holds_raw, value)) if isinstance(value, list) else isinstance(value, Raw)


def _make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket has at most 107 bytes
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path.name)
    os.chdir(here)


def _sparse(size: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(size)

    return make


def _large(text: str, size: int) -> Callable[[Path], None]:
    return lambda path: (path.write_text(text * (size // len(text))), None)[1]


SPECIAL: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a socket": _make_socket,
    "a folder": Path.mkdir,
    "a link to an endless device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link that leads nowhere": lambda path: path.symlink_to("nowhere"),
    "a missing file": lambda path: None,
    "a terabyte": _sparse(1 << 40),
    "a sparse file within the limit": _sparse(1 << 20),
    "one line within the limit": _large("x", (32 << 20) - 1),
    "lists within the limit": _large("[", (32 << 20) - 1),
    "quotes within the limit": _large('"', (32 << 20) - 1),
    "escapes within the limit": _large('"\\', (32 << 20) - 2),
    "lines within the limit": _large("a\n", (4 << 20) - 2),
    "pairs within the limit": _large("a=1\n", (1 << 20) - 4),
}
"""Files that are none, or that are large."""

CONTENTS: dict[str, bytes] = {
    "nothing": b"",
    "white space": b" \r\n\t" * 1000,
    "a byte order mark": b"\xef\xbb\xbf",
    "half of UTF-16": b"\xff\xfea",
    "latin-1": "\u00e9".encode("latin-1"),
    "binary": bytes(range(256)) * 100,
    "a number": b"1",
    "text": b'"x"',
    "null": b"null",
    "a list": b"[]",
    "an object": b"{}",
    "a key twice": b'{"schema": 1, "schema": 1}',
    "empty objects": b'{"schema": 1, "artifacts": [' + b"{}," * 300_000 + b"{}]}",
    "objects in blobs": b'{"schema": 1, "blobs": [' + b'{"parts": [{}]},' * 100_000 + b"{}]}",
    "many entries": b'{"blobs": [{"metadata": {'
    + b",".join(b'"k-%d": 1' % n for n in range(300_000))
    + b"}}]}",
    "wide characters": ('{"schema": 1, "a": "\U0001f600' + "a" * 2_000_000 + '"}').encode(),
    "HTML": b"<!DOCTYPE html><title>Sign in</title>",
    "dotted keys": b"a." * 50_000 + b"a=1",
    "nested keys": b"a=" + b"{a=" * 5000,
    "comments": b"# nothing else\n" * 10,
    "secret": f"AGE-SECRET-KEY-1{CANARY.upper().replace('-', '')}\n".encode(),
    "a private key": f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----".encode(),
}

LISTS = (
    Kind("list", {}, ("plan", "--list", "FILE", *REGISTRY)),
    Kind(
        "file of public keys", {}, ("pack", "FOLDER/new", "--handover", "GOOD", "--recipients-file", "FILE")
    ),
    Kind("file of secret keys", {}, ("unpack", "NONE", *CONTAINER, "--identity", "FILE")),
)


def files() -> Iterator[Case]:
    """Each option whose value is a file by each file that is none of its kind."""
    for kind in (*KINDS, *LISTS):
        for name in SPECIAL:
            yield Case(f"{kind.name}: {name}", kind.line, kind.file, name, kind.environment)
        for name, content in CONTENTS.items():
            yield Case(f"{kind.name}: {name}", kind.line, kind.file, content, kind.environment)
    written = ("plan", "--diff", "GOOD LOCK", "GOOD LOCK", "--log-file", "FILE")
    for name in SPECIAL:
        yield Case(f"log: {name}", written, "document", name)
        for variable in ("SSL_CERT_FILE", "AZURE_FEDERATED_TOKEN_FILE"):
            line = ("plan", "team/app:1", *REGISTRY)
            yield Case(f"{variable}: {name}", line, "document", name, ((variable, "FILE"),))


OPTIONS = {
    "plan": (
        *("", "--list", "--rules", "--repository", "--tag", "--versions", "--newest", "--order", "--as-of"),
        *("--younger-than", "--older-than", "--exclude-repository", "--exclude-tag", "--registry"),
        *("--platform", "--out", "--since", "--target", "--source", "-C", "--log-file"),
    ),
    "review": ("", "--state", "--profile", "--waivers", "--policy-pack", "--report", "--sarif"),
    "hop": ("--handover", "--container-url", "--cap", "--way", "--source"),
    "pack": ("", "--part-size", "--recipient", "--recipients-file"),
    "unpack": ("", "--identity", "--container-url"),
    "prove": ("--handover", "--lock", "--registry", "--wait", "--layers", "--sample", "--html", "--receipt"),
    "status": ("--watch", "--only"),
    "doctor": ("--only", "--target"),
    "clean": ("--older-than", "--side"),
    "ship": ("--wait", "--rules", "--receipt"),
}
"""The options with a value; an empty one stands for the arguments without an option."""

ARGUMENTS: dict[str, str] = {
    **{
        name: value
        for name, value in VALUES.items()
        if isinstance(value, str)
        and not isinstance(value, Raw)
        and "\0" not in value
        and len(value) < 100_000
    },
    "beyond 64 bits": "9" * 400,
    "long number": "9" * 5000,
    "long text": "x" * 100_000,
    "infinite": "1e999",
    "large": "1e308",
    "NaN": "nan",
    "negative": "-1",
    "empty": "",
    "not UTF-8": "\udcff",
    "option": "--help-me",
    "scheme": "file:///etc/passwd",
}

REQUIRED = {"pack": ("FOLDER/new", "--handover", "GOOD"), "unpack": ("FOLDER/new",), "review": ("stack",)}


def options() -> Iterator[Case]:
    """Each option by each value."""
    for name, accepted in OPTIONS.items():
        for option in accepted:
            for value_name, value in ARGUMENTS.items():
                given = (
                    (f"{option}={value}",)
                    if option.startswith("--")
                    else (option, value)
                    if option
                    else (value,)
                )
                needed = REQUIRED.get(name, ()) if option else REQUIRED.get(name, ())[1:]
                line = (name, *needed, *given)
                yield Case(
                    f"{name} {option}: {value_name}", line, environment=(("ACR_TRANSFER_PROJECT", "FOLDER"),)
                )


def pairs(count: int) -> Iterator[Case]:
    """Two changes in one document, chosen by a fixed seed."""
    chance = random.Random(14)
    values = list(VALUES.items())
    for number in range(count):
        kind = chance.choice(KINDS)
        document = kind.document
        names = []
        for path in sorted(chance.sample(list(places(kind.document)), 2), key=len, reverse=True):
            name, value = chance.choice(values)

            def set_value(parent: Any, key: Any, value: Any = value) -> None:
                parent[key] = value

            document = changed(document, path, set_value)
            names.append(f"{'.'.join(map(str, path))}: {name}")
        yield from list(_cases(kind, f"{number} {kind.name}: {', '.join(names)}", document))[-1:]

"""JSON documents that go from one command to the next: one spelling, a checksum, all faults at once."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from acr_transfer.errors import InputError

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

_SHOWN = 10
"""Faults that a message lists; the rest is counted."""

Faults = Iterator[str]
Check = Callable[[Mapping[str, Any]], Faults]


def checksum(document: Mapping[str, Any]) -> str:
    """`sha256:` and the hash of the document without its own `checksum`, in its shortest spelling."""
    kept = {key: value for key, value in document.items() if key != "checksum"}
    spelled = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(spelled.encode()).hexdigest()}"


def spelled(document: Mapping[str, Any]) -> bytes:
    """The document as it stands in a file: keys sorted, two spaces, a newline at the end."""
    return (json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def write(path: Path, content: bytes, what: str) -> None:
    """Put the content in the file's place at once, so that nobody ever reads half of it.

    Raises `InputError`, naming `what`, if it cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"{what} {path} cannot be written: {error.strerror}") from None


def read(path: Path, what: str, check: Check, mend: str) -> dict[str, Any]:
    """The document in a file, checked.

    Raises one `InputError` that lists every fault: no such file, no JSON, another schema, a checksum
    that does not fit (so it was changed by hand or cut off), and whatever `check` finds.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"{what} {path} cannot be read: {error.strerror}. {mend}") from None
    return checked(_parsed(text, f"{what} {path}", mend), f"{what} {path}", check, mend)


def checked(document: object, what: str, check: Check, mend: str) -> dict[str, Any]:
    """The document, if it is whole and unchanged; else one `InputError` with every fault."""
    if not isinstance(document, dict):
        raise InputError(f"{what} is no JSON object. {mend}")
    if document.get("schema") != 1:
        raise InputError(f"{what} has schema {document.get('schema')!r}; this command reads 1. {mend}")
    faults = list(check(document))
    if not faults and document.get("checksum") != checksum(document):
        faults = [
            f"checksum: {document.get('checksum')!r} does not fit the content, which was changed since; "
            f"expected {checksum(document)}"
        ]
    if faults:
        more = f"\n  and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise InputError(f"{what} cannot be used:\n  " + "\n  ".join(faults[:_SHOWN]) + f"{more}\n{mend}")
    return document


def _parsed(text: bytes, what: str, mend: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{what} is no JSON: {error}. {mend}") from None


def digest_fault(value: object, key: str) -> Faults:
    """What is wrong with a digest."""
    if not isinstance(value, str) or not DIGEST.fullmatch(value):
        yield f"{key}: {value!r}; expected sha256: and 64 hex digits"


def text_fault(value: object, key: str) -> Faults:
    """What is wrong with a text that must not be empty."""
    if not isinstance(value, str) or not value:
        yield f"{key}: {value!r}; expected a text"


def size_fault(value: object, key: str) -> Faults:
    """What is wrong with a number of bytes."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        yield f"{key}: {value!r}; expected a number of bytes"

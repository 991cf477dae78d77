"""Files that go from one program to another: JSON with the version of its schema and a checksum."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

import pulumi

from .schema_checks import Check

_SHOWN_FAULTS = 10
_EXACT = 1 << 53


class DocumentError(pulumi.RunError):
    """A document cannot be used; the message says which one, why, and what to do."""


def checksum_of(document: Mapping[str, Any]) -> str:
    """Return `sha256:<hex>` of all that is in a document but its own `checksum`.

    What is hashed is JSON with sorted keys, without white space, in UTF-8. So neither the order of the keys
    nor the layout of a file counts, and a key that this program does not know does.
    """
    covered = {key: value for key, value in document.items() if key != "checksum"}
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # Half a character, as "\ud800" in JSON, is no UTF-8: nobody wrote it, but it must end in no traceback.
    return f"sha256:{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}"


def read_text(path: Path, what: str, mend: str) -> str:
    """Return the text of a file; `what` names its kind and `mend` says how to get it, for messages."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DocumentError(f"The {what} {path} is not there.\n{mend}") from None
    except (OSError, UnicodeDecodeError) as failure:
        raise DocumentError(f"The {what} {path} cannot be read: {failure}\n{mend}") from failure


def parsed(text: str, what: str, mend: str) -> object:
    """Return the JSON value in a text."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as failure:
        raise DocumentError(f"The {what} is no JSON: {failure}\n{mend}") from failure


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def checked(value: object, what: str, mend: str, schema: int, check: Check) -> dict[str, Any]:
    """Return a document that fits its schema and is unchanged, or raise `DocumentError` with the reason."""
    value = _with_whole_numbers(value)
    if not isinstance(value, dict):
        raise DocumentError(f"The {what} is no JSON object.\n{mend}")
    _refuse_newer(value.get("schema"), what, schema)
    faults = list(check(value, ""))
    if faults:
        more = len(faults) - _SHOWN_FAULTS
        shown = faults[:_SHOWN_FAULTS] + ([f"and {more} more"] if more > 0 else [])
        raise DocumentError(f"The {what} does not fit its schema:\n  " + "\n  ".join(shown) + f"\n{mend}")
    if value["checksum"] != (found := checksum_of(value)):
        raise DocumentError(
            f"The {what} was changed after it was written: its checksum is {value['checksum']},"
            f" its content has {found}.\n{mend}"
        )
    return cast(dict[str, Any], value)


def _with_whole_numbers(value: object) -> object:
    """The same value after a way through Pulumi's engine, whose numbers are all floats: 1.0 is 1 again."""
    if isinstance(value, dict):
        return {key: _with_whole_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(each) for each in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value


def _refuse_newer(found: object, what: str, schema: int) -> None:
    """Say so before all else: what is wrong with a newer document is only that it is newer."""
    if isinstance(found, int | float) and not isinstance(found, bool) and found > schema:
        raise DocumentError(
            f"The {what} is of schema {found}, newer than {schema}, the newest that this program reads.\n"
            "Use the version of acr-transfer that wrote it, or a later one."
        )

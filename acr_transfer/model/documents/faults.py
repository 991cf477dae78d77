"""The faults of a document in plain English: the place, the value found there, and what was expected."""

import json
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from acr_transfer.model.credentials import without_credentials
from acr_transfer.model.visible_text import visible_line

_SHOWN_FAULTS = 100

_SHOWN_CHARACTERS = 60
_READ_CHARACTERS = 1 << 14
"""The characters of a value that are searched for credentials: a list may have a million entries."""


def faults_of(error: ValidationError) -> list[str]:
    """Return one line for each fault: its place, the value found there, and what was expected."""
    return [visible_line(_line(each)) for each in error.errors(include_url=False)]


def _line(error: ErrorDetails) -> str:
    place = _place(error["loc"])
    if error["type"] == "missing":
        return f"{place} is missing"
    if error["type"] == "extra_forbidden":
        return f"{place} is an unknown key"
    if error["type"] == "fault":
        return f"{place} {error['msg']}".strip()
    return f"{place} is {shown(error['input'])}; expected {_expectation(error)}"


def _expectation(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "expected":
            return str(context["words"])
        case "model_type" | "dict_type":
            return "an object"
        case "tuple_type" | "too_short":
            least = context.get("min_length")
            return f"a list of at least {least}" if least else "a list"
        case "literal_error" | "enum":
            return str(context["expected"])
    return error["msg"]


def _place(location: Sequence[str | int]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part[:_SHOWN_CHARACTERS]}" for part in location)
    return "".join(parts).removeprefix(".")


def shortened(faults: Sequence[str], most: int = 10) -> list[str]:
    """Return the first faults for a message, and the number of the others."""
    more = len(faults) - most
    return [*faults[:most], *([f"and {more} more"] if more > 0 else [])]


def with_faults(title: str, faults: Sequence[str]) -> str:
    """Return a message with the first hundred faults below its title, and the number of the others."""
    return "\n  ".join([title, *shortened(faults, _SHOWN_FAULTS)])


def shown(value: object) -> str:
    """Return a value as JSON for a message: cut, and without what may be a token behind a URL."""
    if isinstance(value, str) and "://" in value and "?" in value:
        value = f"{value.partition('?')[0]}?[...]"
    shown = without_credentials(_json(value)[:_READ_CHARACTERS])
    return f"{shown[:_SHOWN_CHARACTERS]}..." if len(shown) > _SHOWN_CHARACTERS else shown


def _json(value: object) -> str:
    """A value as JSON; only the beginning of a long one."""
    text = ""
    for piece in json.JSONEncoder(default=str).iterencode(value):
        text += piece
        if len(text) > _READ_CHARACTERS:
            break
    return text

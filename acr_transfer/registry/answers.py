"""JSON in responses of a registry: believed only with the media type of JSON."""

from collections.abc import Mapping
from typing import Any

from acr_transfer.errors import BrokenAnswerError
from acr_transfer.model.credentials import quoted
from acr_transfer.model.json_text import JsonError, parse_json


def media_type_of(headers: Mapping[str, str]) -> str:
    """Return the media type in the `Content-Type` header, in lower case and without parameters."""
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def json_object(headers: Mapping[str, str], content: bytes, resource: str) -> dict[str, Any]:
    """Return the JSON object in a body. Raises `BrokenAnswerError` for any other content."""
    media_type = media_type_of(headers)
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise BrokenAnswerError(f"{resource}: the response is {quoted(media_type)}, not JSON")
    return parse_object(content, resource)


def parse_object(content: bytes, resource: str) -> dict[str, Any]:
    """Return the JSON object in these bytes. Raises `BrokenAnswerError` for any other content."""
    try:
        document = parse_json(content.decode())
    except JsonError as error:
        raise BrokenAnswerError(f"{resource}: the body {error}") from None
    except UnicodeDecodeError:
        raise BrokenAnswerError(f"{resource}: the body is not text in UTF-8") from None
    if not isinstance(document, dict):
        raise BrokenAnswerError(f"{resource}: the body is not a JSON object")
    return document

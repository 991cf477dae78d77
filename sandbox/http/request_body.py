"""The body of a request: a JSON object in UTF-8 of limited size."""

import json
from typing import NoReturn

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDict, MultiMapping

from sandbox.cloud.database import Json
from sandbox.http.azure_errors import AzureError

MAX_SIZE = 4 << 20
"""Bytes, as in Azure Resource Manager
(https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits)."""


UNREADABLE = (HttpProcessingError, web.RequestPayloadError, LookupError, ValueError)
"""The errors of aiohttp for a body that is not in the encoding, character set or format of its headers."""


async def text(request: web.Request) -> str:
    """The body as text."""
    try:
        return (await request.read()).decode("utf-8-sig")
    except web.HTTPRequestEntityTooLarge as error:
        raise AzureError("RequestContentTooLarge", limit=str(MAX_SIZE)) from error
    except UNREADABLE as error:
        raise AzureError("InvalidRequestContent", reason="the body is not UTF-8") from error


async def form(request: web.Request) -> MultiMapping[str]:
    """The fields of a form; uploaded files are left out."""
    try:
        fields = (await request.post()).items()
    except web.HTTPRequestEntityTooLarge as error:
        raise AzureError("RequestContentTooLarge", limit=str(MAX_SIZE)) from error
    except UNREADABLE as error:
        raise AzureError("InvalidRequestContent", reason="the body is not a form") from error
    return MultiDict((name, value) for name, value in fields if isinstance(value, str))


def parsed(sent: str) -> Json:
    """The JSON object; an empty body is an empty object."""
    try:
        body = json.loads(sent, parse_constant=_refuse_constant) if sent.strip() else {}
        json.dumps(body, ensure_ascii=False).encode()  # fails for half of a surrogate pair
    except (ValueError, RecursionError) as error:
        raise AzureError("InvalidRequestContent", reason=str(error)[:200]) from error
    if not isinstance(body, dict):
        raise AzureError("InvalidRequestContent", reason="expected a JSON object")
    return body


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not valid JSON")

"""The body of a request, read as every door reads it: JSON in UTF-8, an object, not too long."""

from __future__ import annotations

import json
from typing import NoReturn

from aiohttp import web

from sandbox.cloud.store import Json
from sandbox.http.azure_errors import AzureError

LONGEST = 4 << 20
"""Bytes; Azure Resource Manager takes as many
(https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits)."""


async def text(request: web.Request) -> str:
    """The body as it was sent."""
    try:
        return (await request.read()).decode("utf-8-sig")
    except web.HTTPRequestEntityTooLarge as error:
        raise AzureError("RequestContentTooLarge", limit=str(LONGEST)) from error
    except UnicodeDecodeError as error:
        raise AzureError("InvalidRequestContent", reason="the body is not UTF-8") from error


def parsed(sent: str) -> Json:
    """The object that it spells; nothing spells an empty one."""
    try:
        body = json.loads(sent, parse_constant=_no_number) if sent.strip() else {}
        json.dumps(body, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise AzureError("InvalidRequestContent", reason=str(error)[:200]) from error
    if not isinstance(body, dict):
        raise AzureError("InvalidRequestContent", reason="expected a JSON object")
    return body


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")

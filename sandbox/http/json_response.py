"""Responses with a JSON body."""

from collections.abc import Mapping

from aiohttp import web


def json_response(status: int, text: str, headers: Mapping[str, str]) -> web.Response:
    """A response with a JSON text or, if it is empty, without a body."""
    kind = "application/json" if text else None
    return web.Response(status=status, text=text or None, content_type=kind, headers=headers)

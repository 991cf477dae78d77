"""Who comes into a registry: the public network at all, and a request for what its token covers."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from multidict import CIMultiDict

from sandbox.cloud.cloud import Cloud
from sandbox.http.azure_errors import AzureError
from sandbox.registry import permissions, tokens

_AUTHENTICATE = "authentication required, visit https://aka.ms/acr/authorization for more information."


class AccessControl:
    """The rules of one registry."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self._cloud, self._name = cloud, name

    def firewall(self) -> Middleware:
        """Refuses everything while the registry is closed to the public network."""

        @web.middleware
        async def serve(request: web.Request, handler: Handler) -> web.StreamResponse:
            if permissions.is_open(self._cloud, self._name):
                return await handler(request)
            words = f"client with IP '{request.remote}' is not allowed access."
            return error(403, "DENIED", f"{words} Refer https://aka.ms/acr/firewall to grant access.")

        return serve

    def identified(
        self, request: web.Request, headers: CIMultiDict[str], scope: str
    ) -> web.StreamResponse | None:
        """Put a token in place of a name and password; the answer is the refusal, if they are wrong."""
        try:
            if bearer := tokens.bearer_header(self._cloud, self._name, request, scope):
                headers["Authorization"] = bearer
        except AzureError as refused:
            return error(401, "UNAUTHORIZED", refused.message)
        return None

    def covers(self, headers: CIMultiDict[str], scope: str) -> bool:
        """Whether the token in these headers covers a scope."""
        return tokens.allowed(self._cloud, self._name, headers.get("Authorization", ""), scope)

    def refused(self, request: web.Request, scope: str) -> web.StreamResponse | None:
        """None where the request's token covers the scope; else the challenge that says where to get one."""
        headers = CIMultiDict(request.headers)
        if wrong := self.identified(request, headers, scope):
            return wrong
        if self.covers(headers, scope):
            return None
        server = self._cloud.login_server(self._name)
        challenge = f'Bearer realm="https://{server}/oauth2/token",service="{server}",scope="{scope}"'
        if request.headers.get("Authorization"):
            challenge += ',error="insufficient_scope"'
        return error(401, "UNAUTHORIZED", _AUTHENTICATE, {"WWW-Authenticate": challenge})


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """A refusal in the envelope of the distribution specification."""
    return web.json_response({"errors": [{"code": code, "message": message}]}, status=status, headers=headers)

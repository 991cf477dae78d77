"""Access to a registry: its firewall, and the tokens of requests."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.cloud.cloud import Cloud
from sandbox.registry import permissions, tokens

_AUTHENTICATE = "authentication required, visit https://aka.ms/acr/authorization for more information."


class AccessControl:
    """The access rules of one registry."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self._cloud, self._name = cloud, name

    def firewall(self) -> Middleware:
        """Middleware that refuses every request while the registry has no public network access."""

        @web.middleware
        async def serve(request: web.Request, handler: Handler) -> web.StreamResponse:
            if permissions.is_public(self._cloud, self._name):
                return await handler(request)
            message = f"client with IP '{request.remote}' is not allowed access."
            return error(403, "DENIED", f"{message} Refer https://aka.ms/acr/firewall to grant access.")

        return serve

    def refused(self, request: web.Request, scope: str) -> web.Response | None:
        """None if the request's token covers the scope; otherwise a challenge with the token endpoint."""
        authorization = request.headers.get("Authorization", "")
        if tokens.covers(self._cloud, self._name, authorization, scope):
            return None
        server = self._cloud.login_server(self._name)
        challenge = f'Bearer realm="https://{server}/oauth2/token",service="{server}",scope="{scope}"'
        if authorization:
            challenge += ',error="insufficient_scope"'
        return error(401, "UNAUTHORIZED", _AUTHENTICATE, {"WWW-Authenticate": challenge})


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """An error response in the format of the distribution specification."""
    return web.json_response({"errors": [{"code": code, "message": message}]}, status=status, headers=headers)

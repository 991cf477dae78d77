"""Microsoft Graph of one cloud: the Azure CLI looks up principals here when it creates a vault.

https://learn.microsoft.com/graph/api/serviceprincipal-list
"""

import re
from collections.abc import Iterator

from aiohttp import web

from sandbox.arm import roles
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.database import Json
from sandbox.http import request_body
from sandbox.http.azure_errors import AzureError

PATH = "/v1.0"


def routes(cloud: Cloud) -> list[web.RouteDef]:
    """The supported paths. Tokens for the management endpoint are accepted."""

    async def serve(request: web.Request) -> web.Response:
        principal = ""
        try:
            _, _, token = request.headers.get("Authorization", "").partition(" ")
            principal = str(cloud.tokens.check(token, cloud.audience)["oid"])
            status, body = 200, _answer(cloud, request, request_body.parsed(await request_body.text(request)))
        except AzureError as error:
            status, body = error.status, error.body
        cloud.request_log.record("graph", principal, (request.method, request.path_qs, status))
        return web.json_response(body, status=status)

    return [web.route("*", f"{PATH}/{{path:.*}}", serve)]


def _answer(cloud: Cloud, request: web.Request, body: Json) -> Json:
    known = {each["id"]: each for each in _principals(cloud)}
    path, filter = request.match_info["path"], request.query.get("$filter", "")
    if path == "servicePrincipals":
        wanted = set(re.findall(r"'([^']*)'", filter))
        fitting = [each for each in known.values() if not filter or wanted & {each["id"], each["appId"]}]
        return {"value": fitting}
    if path in ("users", "groups"):
        return {"value": []}
    if path == "directoryObjects/getByIds" and request.method == "POST":
        ids = body.get("ids")
        return {"value": [known[id] for id in ids if id in known] if isinstance(ids, list) else []}
    kind, _, id = path.partition("/")
    if kind in ("servicePrincipals", "directoryObjects") and id in known:
        return known[id]
    raise AzureError("Request_ResourceNotFound", resource=id or path)


def _principals(cloud: Cloud) -> Iterator[Json]:
    """The operator and all user-assigned identities."""
    definition = cloud.definition
    yield _principal(definition.operator, definition.operator_application, "operator", "Application")
    for body in cloud.resources.of_type(roles.IDENTITIES):
        ids = body["properties"]
        yield _principal(ids["principalId"], ids["clientId"], body["name"], "ManagedIdentity")


def _principal(id: str, application: str, name: str, kind: str) -> Json:
    return {
        "@odata.type": "#microsoft.graph.servicePrincipal",
        "id": id,
        "appId": application,
        "displayName": name,
        "servicePrincipalNames": [application],
        "servicePrincipalType": kind,
    }

"""Discovery: the metadata document, tenants, subscriptions, locations, providers and lists of resources.

https://learn.microsoft.com/rest/api/resources
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from aiohttp import web

from sandbox.arm import authorization, groups, operations, paging
from sandbox.arm.resource_id import ResourceId
from sandbox.arm.resource_type import Answer, Handler, Request, ResourceType
from sandbox.cloud.cloud import HOST, REGISTRY_HOST, Cloud
from sandbox.cloud.database import Json
from sandbox.http.azure_errors import AzureError

_ROLES = "/providers/Microsoft.Authorization/roleDefinitions"
_LAST_LIST_VERSION = "2020-06-01"
"""Up to this version the metadata document is a list of clouds, later a single cloud."""


def metadata_handler(
    cloud: Cloud, clouds: Sequence[Cloud]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler of `GET /metadata/endpoints`, which requires no token."""

    async def endpoints(request: web.Request) -> web.Response:
        if request.query.get("api-version", "") <= _LAST_LIST_VERSION:
            others = [{**_metadata(each), "name": each.definition.other_name} for each in clouds]
            return web.json_response([*map(_metadata, clouds), *others])
        return web.json_response(_metadata(cloud))

    return endpoints


def _metadata(cloud: Cloud) -> Json:
    return {
        "name": cloud.definition.name,
        "resourceManager": cloud.audience,
        "authentication": {
            "loginEndpoint": cloud.audience,
            "audiences": [cloud.audience],
            "tenant": cloud.definition.tenant,
            "identityProvider": "AAD",
        },
        "suffixes": {
            "storage": f"{HOST}:{cloud.ports.of('storage')}",
            "keyVaultDns": HOST,
            "acrLoginServer": REGISTRY_HOST,
        },
        "microsoftGraphResourceId": cloud.audience,
        "vaultAudience": cloud.definition.vault_audience,
    }


def find(
    cloud: Cloud, method: str, path: str, types: Mapping[str, ResourceType]
) -> tuple[Handler | None, ResourceId | None]:
    """The handler and ID of a path outside of the resource types; None and None for any other path."""
    if path.lower().startswith(_ROLES.lower()):
        return None, ResourceId.parse(f"/subscriptions/{cloud.definition.subscription}{path}")
    if path.lower() == "/providers":
        path = f"/subscriptions/{cloud.definition.subscription}{path}"
    for pattern, verbs in _paths(types):
        if match := re.fullmatch(pattern, path, re.IGNORECASE):
            given = {"subscription": cloud.definition.subscription, **match.groupdict()}
            operation = given.pop("operation", "")
            id = ResourceId(**given, segments=("operationResults", operation) if operation else ())
            if method not in verbs:
                raise AzureError("MethodNotAllowed", method=method, type=path)
            return verbs[method], id
    return None, None


def _paths(types: Mapping[str, ResourceType]) -> Iterator[tuple[str, dict[str, Handler]]]:
    """All paths with their methods."""

    async def providers(request: Request) -> Answer:
        names = sorted({kind.name.partition("/")[0] for kind in types.values()})
        return Answer(200, paging.page(request, [_provider(request, name, types) for name in names]))

    async def provider(request: Request) -> Answer:
        return Answer(200, _provider(request, request.id.namespace, types))

    async def delete_group(request: Request) -> Answer:
        return await groups.delete(request, types)

    async def operation(request: Request) -> Answer:
        return await operations.poll(request, request.id.name)

    subscription = "/subscriptions/(?P<subscription>[^/]+)"
    namespace = f"{subscription}/providers/(?P<namespace>[^/]+)"
    group = f"{subscription}/resourcegroups/(?P<group>[^/]+)"
    verbs = {"PUT": groups.put, "PATCH": groups.patch, "GET": groups.get, "HEAD": groups.head}
    yield "/tenants/?", {"GET": _tenants}
    yield "/subscriptions/?", {"GET": _subscriptions}
    yield subscription, {"GET": _subscription}
    yield f"{subscription}/locations", {"GET": _locations}
    yield f"{subscription}/providers", {"GET": providers}
    yield namespace, {"GET": provider}
    yield f"{namespace}/(?:un)?register", {"POST": provider}
    yield f"{subscription}/resources", {"GET": _resources}
    yield f"{subscription}/operationresults/(?P<operation>[^/]+)", {"GET": operation}
    yield f"{subscription}/resourcegroups/?", {"GET": groups.list_groups}
    yield group, {**verbs, "DELETE": delete_group}
    yield f"{group}/resources", {"GET": _resources}


async def _tenants(request: Request) -> Answer:
    tenant = request.cloud.definition.tenant
    shown = {"id": f"/tenants/{tenant}", "tenantId": tenant, "tenantCategory": "Home"}
    names = {"displayName": request.cloud.definition.name, "defaultDomain": "sandbox.invalid", "domains": []}
    return Answer(200, {"value": [{**shown, **names, "countryCode": "NL", "tenantType": "AAD"}]})


async def _subscriptions(request: Request) -> Answer:
    found = {"value": [_described(request)], "count": {"type": "Total", "value": 1}}
    return Answer(200, found)


async def _subscription(request: Request) -> Answer:
    return Answer(200, _described(request))


def _described(request: Request) -> Json:
    definition = request.cloud.definition
    policies = {"locationPlacementId": "Internal_2014-09-01", "quotaId": "Internal_2014-09-01"}
    return {
        "id": f"/subscriptions/{definition.subscription}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": definition.subscription,
        "tenantId": definition.tenant,
        "displayName": definition.name,
        "state": "Enabled",
        "subscriptionPolicies": {**policies, "spendingLimit": "Off"},
    }


async def _locations(request: Request) -> Answer:
    name = request.cloud.definition.location
    shown = {"id": f"/subscriptions/{request.id.subscription}/locations/{name}", "name": name}
    names = {"displayName": name, "regionalDisplayName": name}
    kind = {"regionType": "Physical", "regionCategory": "Recommended", "pairedRegion": []}
    return Answer(200, {"value": [{**shown, "type": "Region", **names, "metadata": kind}]})


def _provider(request: Request, namespace: str, types: Mapping[str, ResourceType]) -> Json:
    """A namespace with its types and their versions, newest first: clients use the first that they know."""
    mine = [kind for kind in types.values() if kind.name.lower().startswith(f"{namespace.lower()}/")]
    if not mine:
        raise AzureError("InvalidResourceNamespace", namespace=namespace)
    name = mine[0].name.partition("/")[0]
    listed = [
        {
            "resourceType": kind.name.partition("/")[2],
            "locations": [request.cloud.definition.location],
            "apiVersions": sorted(kind.versions, reverse=True),
            "capabilities": "SupportsTags, SupportsLocation" if kind.needs_location else "None",
        }
        for kind in mine
    ]
    return {
        "id": f"/subscriptions/{request.id.subscription}/providers/{name}",
        "namespace": name,
        "registrationPolicy": "RegistrationRequired",
        "registrationState": "Registered",
        "resourceTypes": listed,
    }


async def _resources(request: Request) -> Answer:
    """All tracked resources in short form; `$filter` can select by type, name, location or group."""
    if request.id.group:
        await groups.get(request)
    filter = request.query.get("$filter", "")
    wanted = {key.lower(): value.lower() for key, value in re.findall(r"(\w+) eq '([^']*)'", filter)}
    found, grants = [], authorization.granted_to(request)
    for body in request.resources.tracked(f"{request.id}/"):
        shown = {key: body[key] for key in _SHORT if key in body}
        fits = {"resourcetype": body["type"].lower(), "name": body["name"].lower()}
        fits |= {"location": str(body["location"]).lower(), "resourcegroup": body["id"].split("/")[4].lower()}
        selected = all(fits.get(key, value) == value for key, value in wanted.items())
        if selected and grants.permit(f"{body['type']}/read", body["id"]):
            found.append(shown)
    return Answer(200, paging.page(request, found))


_SHORT = ("id", "name", "type", "kind", "sku", "location", "tags", "identity")

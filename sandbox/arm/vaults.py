"""Microsoft.KeyVault: vaults, deleted vaults and access policies."""

from collections.abc import Callable
from datetime import UTC, datetime

from sandbox.arm import bodies, operations
from sandbox.arm.resource_id import ResourceId
from sandbox.arm.resource_type import Answer, Request, ResourceType, api_versions, is_taken, name_check
from sandbox.cloud.cloud import VAULTS
from sandbox.cloud.database import Json
from sandbox.http import ip_rules
from sandbox.http.azure_errors import AzureError
from sandbox.keyvault.secrets import Secrets

DELETED = "Microsoft.KeyVault/locations/deletedVaults"


async def put(request: Request) -> Answer:
    """Create or update a vault. The response of a new vault has a URI without a slash, as in Azure."""
    fresh, name = request.existing is None, request.id.name
    ip_rules.require_ipv4(request.properties.get("networkAcls"))
    recovering = fresh and str(request.properties.get("createMode") or "").lower() == "recover"
    if fresh and not recovering and is_taken(request, name, VAULTS, DELETED):
        raise AzureError("VaultAlreadyExists", name=name)
    if fresh:
        await request.cloud.open_vault(name)
        request.resources.remove(_deleted_id(request))
    sent = {key: value for key, value in request.properties.items() if key not in _unshown(request)}
    policies = {"accessPolicies": sent.get("accessPolicies") or []}
    fixed = {"vaultUri": f"{request.cloud.vault_url(name)}/", "provisioningState": "Succeeded"}
    body = {
        **bodies.tracked(request),
        "systemData": bodies.system_data(
            request, datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
        ),
        "properties": {**bodies.default_properties("vault"), **sent, **policies, **fixed},
        "sandbox": {"registering": operations.polls(request) if fresh else 0},
    }
    request.resources.put(request.id, request.id.type, body)
    registering = {"vaultUri": request.cloud.vault_url(name), **_REGISTERING} if fresh else {}
    return Answer(200, {**body, "properties": {**body["properties"], **registering}})


def shown(request: Request, body: Json) -> Json:
    """A vault; the first reads show that its DNS name is being registered."""
    left = body.get("sandbox", {}).get("registering", 0)
    if not left or request.method != "GET" or not request.id.named:
        return body
    request.resources.put(request.id, VAULTS, {**body, "sandbox": {"registering": left - 1}})
    return {**body, "properties": {**body["properties"], **_REGISTERING}}


_REGISTERING = {"provisioningState": "RegisteringDns"}


def _unshown(request: Request) -> set[str]:
    """Properties that Azure does not return: createMode, and network rules that allow all callers."""
    rules = request.properties.get("networkAcls") or {}
    narrow = rules.get("ipRules") or rules.get("virtualNetworkRules")
    open_to_all = rules.get("defaultAction") == "Allow" and not narrow
    return {"createMode", "networkAcls"} if open_to_all else {"createMode"}


async def delete(request: Request) -> Answer:
    """Soft-delete a vault: its endpoint closes and its name stays in use."""
    name, body = request.id.name, request.existing or {}
    await request.cloud.close_vault(name)
    deleted = _deleted_id(request)
    protected = {"purgeProtectionEnabled": True} if body["properties"].get("enablePurgeProtection") else {}
    shown = {"vaultId": body["id"], "location": body["location"], "tags": body["tags"], **protected}
    request.resources.put(
        deleted, DELETED, {"id": str(deleted), "name": name, "type": DELETED, "properties": shown}
    )
    request.resources.remove(request.id)
    return Answer(200)


async def purge(request: Request) -> Answer:
    """Delete a deleted vault permanently, unless purge protection is enabled."""
    body = request.existing or {}
    if body["properties"].get("purgeProtectionEnabled"):
        raise AzureError("DeletedVaultPurge", name=body["name"])
    Secrets(request.cloud.database, body["name"]).purge_all()
    request.resources.remove(request.id)
    return Answer(202, None, operations.by_location(request, "purge"))


async def list_deleted(request: Request) -> list[Json]:
    """List the deleted vaults of the subscription."""
    return request.resources.of_type(DELETED)


def _deleted_id(request: Request) -> ResourceId:
    segments = ("locations", request.cloud.definition.location, "deletedVaults", request.id.name)
    return ResourceId(request.id.subscription, "", "Microsoft.KeyVault", segments)


async def set_policies(request: Request) -> Answer:
    """`accessPolicies/add`, `replace` and `remove` for the principals in the request."""
    change = _CHANGES[request.id.name.lower()]
    target = request.id.up.up
    stored = request.resources.get(target) or {}
    found = {_holder(each): each for each in stored["properties"]["accessPolicies"]}
    for sent in request.properties.get("accessPolicies", []):
        found[_holder(sent)] = change(found.get(_holder(sent)), sent)
    stored["properties"]["accessPolicies"] = [each for each in found.values() if each]
    request.resources.put(target, target.type, stored)
    listed = {"accessPolicies": stored["properties"]["accessPolicies"]}
    return Answer(200, {"id": str(request.id), "type": bodies.typed_name(request.id), "properties": listed})


def _holder(policy: Json) -> tuple[str, str]:
    """The principal and application of a policy, of which a vault has one; IDs ignore case."""
    return policy["objectId"].lower(), str(policy.get("applicationId") or "").lower()


def _merged(old: Json | None, sent: Json) -> Json:
    """A policy with the permissions of both, each once: their names ignore case."""
    kinds = {**(old or {}).get("permissions", {}), **sent["permissions"]}
    permissions = {kind: _united(old or sent, sent, kind) for kind in kinds}
    return {**(old or {}), **sent, "permissions": permissions}


def _united(old: Json, sent: Json, kind: str) -> list[str]:
    listed = [*(old["permissions"].get(kind) or []), *(sent["permissions"].get(kind) or [])]
    found: dict[str, str] = {}
    for each in listed:
        found.setdefault(each.lower(), each)
    return list(found.values())


_CHANGES: dict[str, Callable[[Json | None, Json], Json | None]] = {
    "add": _merged,
    "replace": lambda _, sent: sent,
    "remove": lambda _, __: None,
}
"""The new policy of a principal: from the existing one, if any, and the one in the request."""

VERSIONS = api_versions("vaults")
_NAME = "[a-zA-Z0-9-]{3,24}"
_UNAVAILABLE = "The name '{name}' is already in use or is not valid."
check_name = name_check(_NAME, ("AccountNameInvalid", _UNAVAILABLE), _UNAVAILABLE, VAULTS, DELETED)
"""The check of a vault's name."""

TYPES = (
    ResourceType(
        VAULTS,
        VERSIONS,
        _NAME,
        put=put,
        delete=delete,
        patch=True,
        shown=shown,
        needs_location=True,
    ),
    ResourceType(DELETED, VERSIONS, _NAME, actions={"purge": purge}),
    ResourceType("Microsoft.KeyVault/deletedVaults", VERSIONS, _NAME, list=list_deleted),
    ResourceType(
        f"{VAULTS}/accessPolicies",
        VERSIONS,
        "(?i:add|replace|remove)",
        put=set_policies,
    ),
)

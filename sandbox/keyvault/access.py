"""Who may do what with a vault's secrets: by access policy, or by role where the vault says so.

https://learn.microsoft.com/azure/key-vault/general/rbac-migration
"""

from __future__ import annotations

from sandbox.arm import roles
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.store import Json
from sandbox.http.azure_errors import AzureError

VAULTS = "Microsoft.KeyVault/vaults"
_ASKED = {"update": "set"}
"""What an access policy calls a right, where it differs."""

_ACTIONS = {
    "get": "getSecret/action",
    "set": "setSecret/action",
    "list": "readMetadata/action",
    "update": "update/action",
    "delete": "delete",
    "recover": "recover/action",
    "purge": "purge/action",
}
"""Rights of an access policy, and what a role calls them.

https://learn.microsoft.com/azure/role-based-access-control/permissions/security#microsoftkeyvault
"""


def demand(cloud: Cloud, body: Json, name: str, principal: str, right: str) -> None:
    """A policy must name the principal and the right, or a role give it; nobody else reads a secret."""
    if body["properties"].get("enableRbacAuthorization"):
        _demand_role(cloud, f"{body['id']}/secrets/{name}", principal, right)
    elif not _has_policy(body, principal, _ASKED.get(right, right)):
        place = cloud.definition.location
        raise AzureError("Forbidden", principal=principal, right=right, vault=body["name"], location=place)


def _demand_role(cloud: Cloud, secret: str, principal: str, right: str) -> None:
    action = f"{VAULTS}/secrets/{_ACTIONS.get(right, right)}"
    if not roles.permitted(cloud, principal, action, secret, data=True):
        raise AzureError(
            "ForbiddenByRbac",
            principal=principal,
            action=action,
            resource=secret,
            vault=secret.split("/")[-3],
            location=cloud.definition.location,
        )


def _has_policy(body: Json, principal: str, right: str) -> bool:
    for policy in body["properties"]["accessPolicies"]:
        rights = {each.lower() for each in policy["permissions"].get("secrets") or []}
        if policy["objectId"] == principal and rights & {right, "all"}:
            return True
    return False

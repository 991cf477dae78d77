"""Access to a vault's secrets: by access policy, or by role if the vault uses RBAC.

https://learn.microsoft.com/azure/key-vault/general/rbac-migration
"""

from sandbox.arm import roles
from sandbox.cloud.cloud import VAULTS, Cloud
from sandbox.cloud.database import Json
from sandbox.http.azure_errors import AzureError

_ACTIONS = {
    "get": "getSecret/action",
    "set": "setSecret/action",
    "list": "readMetadata/action",
    "update": "update/action",
    "delete": "delete",
    "recover": "recover/action",
    "purge": "purge/action",
}
"""Permissions of an access policy, and the data actions of roles.

https://learn.microsoft.com/azure/role-based-access-control/permissions/security#microsoftkeyvault
"""


def require(cloud: Cloud, vault: Json, secret: str, principal: str, permission: str) -> None:
    """Raise AzureError unless an access policy or role gives the principal the permission."""
    location = cloud.definition.location
    if vault["properties"].get("enableRbacAuthorization"):
        scope, action = f"{vault['id']}/secrets/{secret}", f"{VAULTS}/secrets/{_ACTIONS[permission]}"
        cloud.needed_rights.record(principal, action, scope, data=True)
        if not roles.Grants(cloud.resources, cloud.faults, principal).permit(action, scope, data=True):
            values = {"principal": principal, "action": action, "resource": scope, "vault": vault["name"]}
            raise AzureError("ForbiddenByRbac", **values, location=location)
    elif not _has_policy(vault, principal, "set" if permission == "update" else permission):
        values = {"principal": principal, "right": permission, "vault": vault["name"]}
        raise AzureError("Forbidden", **values, location=location)


def _has_policy(vault: Json, principal: str, permission: str) -> bool:
    for policy in vault["properties"]["accessPolicies"]:
        permissions = {each.lower() for each in policy["permissions"].get("secrets") or []}
        if policy["objectId"] == principal and permissions & {permission, "all"}:
            return True
    return False

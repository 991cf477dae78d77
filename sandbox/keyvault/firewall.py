"""The firewall of a vault: which callers are allowed.

https://learn.microsoft.com/azure/key-vault/general/network-security
"""

from sandbox.cloud.database import Json
from sandbox.faults.state import Faults
from sandbox.http import ip_rules
from sandbox.http.azure_errors import AzureError

SERVICE = "transfer_service"
"""The claim in tokens that the transfer service requests for a pipeline: the type of the identity."""

_QUESTIONS = {"systemAssigned": "vault-system-identity", "userAssigned": "vault-user-identity"}


def require_allowed(vault: Json, claims: Json, faults: Faults) -> None:
    """Raise AzureError unless the vault is open, or its IP rules or its bypass allow the caller.

    IP rules are for people: the transfer service has no published addresses. Whether the bypass covers the
    service is an open question for each type of identity.
    """
    properties = vault["properties"]
    rules = properties.get("networkAcls") or {}
    disabled = str(properties.get("publicNetworkAccess") or "").lower() == "disabled"
    if identity := str(claims.get(SERVICE) or ""):
        is_open = str(rules.get("defaultAction") or "").lower() != "deny"
        bypass = str(rules.get("bypass") or "AzureServices").lower() == "azureservices"
        allowed = (is_open and not disabled) or (bypass and faults.choice(_QUESTIONS[identity]) == "admit")
    else:
        allowed = not disabled and ip_rules.admits_caller(rules)
    if not allowed:
        raise AzureError("ForbiddenByFirewall", caller=claims["oid"], vault=vault["name"])

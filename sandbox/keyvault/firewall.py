"""The firewall of a vault: which callers are allowed.

https://learn.microsoft.com/azure/key-vault/general/network-security
"""

from ipaddress import ip_address, ip_network

from sandbox.cloud.database import Json
from sandbox.http.azure_errors import AzureError

TRUSTED = "trusted_service"
"""The claim in tokens of Azure's trusted services; ACR Transfer is one."""

_CALLER = ip_address("127.0.0.1")


def require_allowed(vault: Json, claims: Json) -> None:
    """Raise AzureError unless the vault is open, or its IP rules or its bypass allow the caller."""
    properties = vault["properties"]
    rules = properties.get("networkAcls") or {}
    if claims.get(TRUSTED) and str(rules.get("bypass") or "AzureServices").lower() == "azureservices":
        return
    closed = str(properties.get("publicNetworkAccess") or "").lower() == "disabled"
    denied = str(rules.get("defaultAction") or "").lower() == "deny"
    listed = any(_CALLER in ip_network(rule["value"], strict=False) for rule in rules.get("ipRules") or [])
    if closed or (denied and not listed):
        raise AzureError("ForbiddenByFirewall", caller=claims["oid"], vault=vault["name"])

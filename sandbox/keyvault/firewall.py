"""Whom the closed network of a key vault lets in.

https://learn.microsoft.com/azure/key-vault/general/network-security
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from sandbox.cloud.store import Json
from sandbox.http.azure_errors import AzureError

TRUSTED = "trusted_service"
"""The claim in a token of a service that Azure counts among the trusted ones; ACR Transfer is one."""

_HERE = ip_address("127.0.0.1")
"""From where everybody calls."""


def refuse_outsiders(vault: Json, claims: Json) -> None:
    """A closed vault lets in its IP rules and, unless it says otherwise, trusted services."""
    properties = vault["properties"]
    rules = properties.get("networkAcls") or {}
    if claims.get(TRUSTED) and str(rules.get("bypass") or "AzureServices").lower() == "azureservices":
        return
    closed = str(properties.get("publicNetworkAccess") or "").lower() == "disabled"
    denied = str(rules.get("defaultAction") or "").lower() == "deny"
    listed = any(_HERE in ip_network(rule["value"], strict=False) for rule in rules.get("ipRules") or [])
    if closed or (denied and not listed):
        raise AzureError("ForbiddenByFirewall", caller=claims["oid"], vault=vault["name"])

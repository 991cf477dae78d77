"""The IP rules of a firewall: their form, and whether they admit callers from this machine.

https://learn.microsoft.com/azure/storage/common/storage-network-security-ip-address-range
https://learn.microsoft.com/azure/key-vault/general/network-security
"""

from ipaddress import IPv4Address, IPv4Network

from sandbox.cloud.database import Json
from sandbox.http.azure_errors import AzureError

_CALLER = IPv4Address("127.0.0.1")
"""The address of every caller of the sandbox."""

_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))


def admits_caller(rules: Json) -> bool:
    """Whether network rules admit callers from this machine by their default action or an IP rule."""
    if str(rules.get("defaultAction") or "").lower() != "deny":
        return True
    ranges = (_range(rule.get("value")) for rule in rules.get("ipRules") or [])
    return any(_CALLER in each for each in ranges if each)


def require_ipv4(rules: Json | None) -> None:
    """Raise AzureError for an IP rule that is not an IPv4 address or range."""
    for rule in (rules or {}).get("ipRules") or []:
        if _range(rule["value"]) is None:
            raise AzureError(
                "BadRequest", reason=f"The IP rule '{rule['value']}' is not an IPv4 address or range."
            )


def require_public_ipv4(rules: Json | None) -> None:
    """Raise AzureError for an IP rule that storage refuses: also private, /31 and /32 ranges."""
    for rule in (rules or {}).get("ipRules") or []:
        found = _range(rule["value"])
        small = "/" in rule["value"] and found is not None and found.prefixlen > 30
        if found is None or small or any(found.overlaps(each) for each in _PRIVATE):
            raise AzureError("InvalidIpRule")


def _range(value: object) -> IPv4Network | None:
    """The addresses of a rule; None if it is not an IPv4 address or range."""
    try:
        return IPv4Network(value, strict=False) if isinstance(value, str) else None
    except ValueError:
        return None

"""The applications of one cloud's tenant that sign in with a client secret: the operator's and others.

One application can have a service principal in both tenants, with the same client ID and secret.
https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals
"""

import hashlib
import hmac

from sandbox.cloud.cloud import Cloud, new_id

_SETTING = "applications"


def add(cloud: Cloud, client: str, secret: str) -> str:
    """Create the service principal of an application; returns its object ID. It has no role yet."""
    principal = new_id()
    known = cloud.database.setting(_SETTING) or {}
    entry = {"principal": principal, "secret": _hash(secret)}
    cloud.database.put_setting(_SETTING, {**known, client.lower(): entry})
    return principal


def principals(cloud: Cloud) -> set[str]:
    """The object IDs of all service principals but the operator."""
    return {each["principal"] for each in (cloud.database.setting(_SETTING) or {}).values()}


def principal_of(cloud: Cloud, client: str) -> str:
    """The object ID of an application's service principal; empty if the tenant has none."""
    if client.lower() == cloud.definition.operator_application:
        return cloud.definition.operator
    known = cloud.database.setting(_SETTING) or {}
    return str(known.get(client.lower(), {}).get("principal", ""))


def accepts(cloud: Cloud, client: str, secret: str) -> bool:
    """Whether a client secret is that of a known application."""
    if client.lower() == cloud.definition.operator_application:
        return hmac.compare_digest(secret.encode(), cloud.operator_secret.encode())
    known = cloud.database.setting(_SETTING) or {}
    return hmac.compare_digest(_hash(secret), known[client.lower()]["secret"])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

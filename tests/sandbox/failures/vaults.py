"""Failures of key vaults during a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from tests.sandbox.failures.scenarios import (
    NO_ERROR,
    error_message,
    export_error,
    import_error,
    run_with_container,
    with_fault,
)
from tests.sandbox.failures.table import BothClouds, failure
from tests.sandbox.faults import control
from tests.sandbox.transfer.side import SandboxSide

_VAULT = "Key vaults"
_REFUSED = "Failed to access key vault.  Status: "


failure(
    _VAULT,
    "The pipeline's identity has no access policy",
    "create no access policy for the pipeline's principal",
    _REFUSED + "403 (The user, group or application 'oid=…' does not have secrets "
    "get permission on key vault '…;location=westeurope'. For help resolving this issue, please see "
    "https://go.microsoft.com/fwlink/?linkid=2125287)",
)(partial(export_error, granted=False))


@failure(
    _VAULT,
    "The access policy has other permissions",
    "create an access policy with `list` only",
    _REFUSED + "403 (The user, group or application 'oid=…' does not have secrets get …)",
)
def _other_rights(clouds: BothClouds) -> str:
    pipeline = clouds.target.pipeline("import", clouds.INTO, granted=False)
    principal = clouds.target.arm("GET", clouds.target.pipeline_path("import", pipeline))["identity"]
    clouds.target.grant(principal["principalId"], permissions={"secrets": ["list"]})
    return error_message(clouds.target.run(pipeline, clouds.ARCHIVE))


@failure(
    _VAULT,
    "The vault uses RBAC, and the identity has no role",
    "set `enableRbacAuthorization` on the vault, without a role assignment",
    _REFUSED + "403 (Caller is not authorized to perform action on resource. …)",
)
def _no_role_on_the_vault(clouds: BothClouds) -> str:
    pipeline = clouds.source.pipeline("export", "out")
    with _vault(clouds.source, enableRbacAuthorization=True):
        return error_message(clouds.source.run(pipeline, pipeline, clouds.IMAGE))


@failure(
    _VAULT,
    "The secret does not exist",
    "name a missing secret in `keyVaultUri`",
    _REFUSED + "404 (A secret with (name/id) nothing was not found in this key vault. …)",
)
def _no_secret(clouds: BothClouds) -> str:
    return error_message(
        run_with_container(clouds.source, "export", keyVaultUri=_secret_uri(clouds.source, "nothing"))
    )


@failure(
    _VAULT,
    "The vault does not exist or was deleted",
    "name a missing vault in `keyVaultUri`",
    "Failed to access key vault.  https://localhost:1/secrets/any does not answer.",
)
def _no_vault(clouds: BothClouds) -> str:
    return error_message(
        run_with_container(clouds.source, "export", keyVaultUri="https://localhost:1/secrets/any")
    )


_SHUT_OUT = (
    _REFUSED + "403 (Client address is not authorized and caller is not a trusted service. "
    "Client address: 127.0.0.1; Caller: oid=…; Vault: …)"
)


@failure(
    _VAULT,
    "The vault's firewall does not allow trusted services",
    "set `networkAcls` to `defaultAction: Deny` and `bypass: None`",
    _SHUT_OUT,
)
def _closed_vault(clouds: BothClouds) -> str:
    with control.choice(clouds.source.paths, "source", "vault-system-identity", "admit"):
        return through_firewall(clouds.source, bypass="None")


@failure(
    _VAULT,
    "The vault's firewall allows trusted services, and refuses the pipeline's system-assigned identity",
    "set `networkAcls` to `defaultAction: Deny`; `fault choose source vault-system-identity admit` ends it",
    _SHUT_OUT,
)
def _system_identity(clouds: BothClouds) -> str:
    return through_firewall(clouds.source)


@failure(
    _VAULT,
    "The vault's firewall allows trusted services, and refuses the pipeline's user-assigned identity",
    "the same with a user-assigned identity; `fault choose source vault-user-identity admit` ends it",
    _SHUT_OUT,
)
def _user_identity(clouds: BothClouds) -> str:
    return through_firewall(clouds.source, user_assigned=True)


@failure(
    _VAULT,
    "The vault's firewall admits the addresses of people: the pipeline is still refused",
    "set `networkAcls` to `defaultAction: Deny` with an `ipRules` entry",
    _SHUT_OUT,
)
def _people_admitted(clouds: BothClouds) -> str:
    return through_firewall(clouds.source, ipRules=[{"value": "127.0.0.1"}])


def through_firewall(
    side: SandboxSide, *, user_assigned: bool = False, artifact: str = BothClouds.IMAGE, **rules: Any
) -> str:
    """Export through a vault that is closed with these rules; returns the run's error message."""
    pipeline = side.pipeline("export", "out")
    if user_assigned:
        path = side.provider("ManagedIdentity", "userAssignedIdentities", pipeline)
        identity = side.arm("PUT", path, {"location": side.definition.location}, "2023-01-31")
        changed = side.arm("GET", side.pipeline_path("export", pipeline))
        changed["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {identity["id"]: {}}}
        side.arm("PUT", side.pipeline_path("export", pipeline), changed)
        side.grant(identity["properties"]["principalId"])
    with _vault(side, networkAcls={"defaultAction": "Deny", "bypass": "AzureServices", **rules}):
        return error_message(side.run(pipeline, pipeline, artifact))


failure(
    _VAULT,
    "The vault throttles for more than three attempts",
    "`fault set source vault --status 429 --retry-after 1`",
    _REFUSED + "429 (Request was not processed because too many requests were received. "
    "Reason: VaultRequestTypeLimitReached)",
)(with_fault("vault", export_error, status=429, retry_after=1))
failure(
    _VAULT,
    "The vault throttles twice",
    "`fault set source vault --status 429 --times 2`",
    NO_ERROR,
)(with_fault("vault", export_error, status=429, times=2))
failure(
    _VAULT,
    "The connection to the vault is lost",
    "`fault set target vault --cut before`",
    "Failed to access key vault.  https://… does not answer.",
)(with_fault("vault", import_error, "target", cut="before"))
failure(
    _VAULT,
    "A firewall blocks the vault",
    "`fault set target vault --firewall`",
    _REFUSED + "403 (Client address is not authorized and caller is not a trusted service.)",
)(with_fault("vault", import_error, "target", firewall=True))


@contextmanager
def _vault(side: SandboxSide, **properties: Any) -> Iterator[None]:
    """Other properties of the vault within the block."""
    path = side.provider("KeyVault", "vaults", side.vault)
    policies = side.arm("GET", path)["properties"]["accessPolicies"]
    side.put_vault(accessPolicies=policies, **properties).raise_for_status()
    try:
        yield
    finally:
        side.put_vault(accessPolicies=policies).raise_for_status()


def _secret_uri(side: SandboxSide, name: str) -> str:
    path = side.provider("KeyVault", "vaults", side.vault)
    return str(side.arm("GET", path)["properties"]["vaultUri"]) + f"secrets/{name}"

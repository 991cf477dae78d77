"""Failures of key vaults, as a run meets them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from tests.sandbox.failures.playing import (
    NO_ERROR,
    exported,
    imported,
    run_with,
    said,
    while_faulty,
)
from tests.sandbox.failures.table import BothClouds, failure
from tests.sandbox.transfer.side import SandboxSide

_VAULT = "The vault"
_REFUSED = "Failed to access key vault.  Status: "


failure(
    _VAULT,
    "The pipeline's identity has no grant",
    "deploy no access policy for the pipeline's principal",
    _REFUSED + "403 (The user, group or application 'oid=…' does not have secrets "
    "get permission on key vault '…;location=westeurope'. For help resolving this issue, please see "
    "https://go.microsoft.com/fwlink/?linkid=2125287)",
)(partial(exported, granted=False))


@failure(
    _VAULT,
    "The grant is for other rights",
    "an access policy with `list` alone",
    _REFUSED + "403 (The user, group or application 'oid=…' does not have secrets get …)",
)
def _other_rights(world: BothClouds) -> str:
    pipeline = world.target.pipeline("import", world.INTO, granted=False)
    principal = world.target.arm("GET", world.target.pipeline_path("import", pipeline))["identity"]
    world.target.grant(principal["principalId"], permissions={"secrets": ["list"]})
    return said(world.target.run(pipeline, world.ARCHIVE))


@failure(
    _VAULT,
    "The vault goes by roles, and the identity has none",
    "a vault with `enableRbacAuthorization` and no role assignment",
    _REFUSED + "403 (Caller is not authorized to perform action on resource. …)",
)
def _no_role_on_the_vault(world: BothClouds) -> str:
    pipeline = world.source.pipeline("export", "out")
    with _vault(world.source, enableRbacAuthorization=True):
        return said(world.source.run(pipeline, pipeline, world.IMAGE))


@failure(
    _VAULT,
    "The secret is not there",
    "name a secret that nobody made in `keyVaultUri`",
    _REFUSED + "404 (A secret with (name/id) nothing was not found in this key vault. …)",
)
def _no_secret(world: BothClouds) -> str:
    return said(run_with(world.source, "export", keyVaultUri=_secret_uri(world.source, "nothing")))


@failure(
    _VAULT,
    "The vault is not there, or was deleted",
    "name a vault that does not answer in `keyVaultUri`",
    "Failed to access key vault.  https://localhost:1/secrets/any does not answer.",
)
def _no_vault(world: BothClouds) -> str:
    return said(run_with(world.source, "export", keyVaultUri="https://localhost:1/secrets/any"))


@failure(
    _VAULT,
    "The vault's network is closed to trusted services too",
    "`networkAcls` with `defaultAction: Deny` and `bypass: None`; with `AzureServices` a run comes in",
    _REFUSED + "403 (Client address is not authorized and caller is not a trusted service. "
    "Client address: 127.0.0.1; Caller: oid=…; Vault: …)",
)
def _closed_vault(world: BothClouds) -> str:
    pipeline = world.source.pipeline("export", "out")
    for bypass in ("AzureServices", "None"):
        with _vault(world.source, networkAcls={"defaultAction": "Deny", "bypass": bypass}):
            text = said(world.source.run(pipeline, f"{pipeline}{bypass}", world.IMAGE))
            assert (text == NO_ERROR) is (bypass == "AzureServices")
    return text


failure(
    _VAULT,
    "The vault throttles, for longer than three tries",
    "`fault set source vault --status 429 --retry-after 1`",
    _REFUSED + "429 (Request was not processed because too many requests were received. "
    "Reason: VaultRequestTypeLimitReached)",
)(while_faulty("vault", exported, status=429, retry_after=1))
failure(
    _VAULT,
    "The vault throttles twice",
    "`fault set source vault --status 429 --times 2`",
    NO_ERROR,
)(while_faulty("vault", exported, status=429, times=2))
failure(
    _VAULT,
    "The vault loses connections",
    "`fault set target vault --cut before`",
    "Failed to access key vault.  https://… does not answer.",
)(while_faulty("vault", imported, "target", cut="before"))
failure(
    _VAULT,
    "A firewall stands before the vault",
    "`fault set target vault --firewall`",
    _REFUSED + "403 (Client address is not authorized and caller is not a trusted service.)",
)(while_faulty("vault", imported, "target", firewall=True))


@contextmanager
def _vault(side: SandboxSide, **properties: Any) -> Iterator[None]:
    """Another set-up of the vault for as long as the block lasts."""
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

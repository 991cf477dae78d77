"""What is up, and where."""

from __future__ import annotations

from typing import Any

from sandbox.arm.vaults import uri
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import Paths
from sandbox.lifecycle import require_running
from sandbox.storage import blobs


def status(paths: Paths) -> dict[str, Any]:
    """Both clouds' addresses, a bearer token for each, and what they hold."""
    require_running(paths)
    return {"clouds": {definition.side: _cloud_status(Cloud(definition, paths)) for definition in CLOUDS}}


def _cloud_status(cloud: Cloud) -> dict[str, Any]:
    def named(kind: str) -> list[str]:
        return [body["name"] for body in cloud.store.of_type(kind)]

    return {
        "arm": cloud.arm,
        "subscription": cloud.definition.subscription,
        "tenant": cloud.definition.tenant,
        "authority": cloud.authority,
        "clientId": cloud.definition.operator_application,
        "clientSecret": cloud.operator_secret,
        "ca": str(cloud.paths.authority),
        "token": cloud.operator_token(cloud.audience),
        "registries": {
            name: cloud.login_server(name) for name in named("Microsoft.ContainerRegistry/registries")
        },
        "accounts": {
            name: {"blob": blobs.url(cloud, name)} for name in named("Microsoft.Storage/storageAccounts")
        },
        "vaults": {name: uri(cloud, name) for name in named("Microsoft.KeyVault/vaults")},
        "silent": cloud.ports.silent(cloud.expected_doors()),
    }

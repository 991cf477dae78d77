"""The addresses and resources of both clouds."""

from typing import Any

from sandbox.cloud.cloud import ACCOUNTS, REGISTRIES, VAULTS, Cloud
from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import Paths
from sandbox.lifecycle import require_running


def status(paths: Paths) -> dict[str, Any]:
    """Both clouds' addresses and resources, and a bearer token for each."""
    require_running(paths)
    return {"clouds": {definition.side: _cloud_status(Cloud(definition, paths)) for definition in CLOUDS}}


def _cloud_status(cloud: Cloud) -> dict[str, Any]:
    return {
        "arm": cloud.arm,
        "subscription": cloud.definition.subscription,
        "tenant": cloud.definition.tenant,
        "authority": cloud.authority,
        "clientId": cloud.definition.operator_application,
        "clientSecret": cloud.operator_secret,
        "ca": str(cloud.paths.authority),
        "token": cloud.operator_token(cloud.audience),
        "registries": {name: cloud.login_server(name) for name in cloud.names(REGISTRIES)},
        "accounts": {name: {"blob": cloud.blob_url(name)} for name in cloud.names(ACCOUNTS)},
        "vaults": {name: cloud.vault_url(name) for name in cloud.names(VAULTS)},
        "silent": cloud.ports.silent(cloud.endpoints()),
    }

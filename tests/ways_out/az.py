"""The Azure CLI of these tests: the commands of the ways out, as the requests that `az` sends for them.

`make test` does not install the Azure CLI (1 GB, see setup/azure_cli.py). tests/sandbox/test_azure_cli.py
runs the real one on the sandbox. This program accepts only the commands of acr_transfer/model/failures, and
ends with an error for any other command or option. `WAYS_OUT_CLOUD` names the cloud that it is signed in to.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import requests

from sandbox.arm.roles import definitions
from sandbox.cloud.cloud import ACCOUNTS, REGISTRIES, VAULTS
from sandbox.cloud.paths import Paths
from sandbox.faults.control import send_order
from tests.rights.callers import blob_client
from tests.ways_out.azure import Azure

Options = dict[str, str]


def keyvault_update(azure: Azure, options: Options) -> None:
    """Change a vault."""
    id = azure.id_of(VAULTS, options.pop("--name"))
    if model := options.pop("--enable-rbac-authorization", ""):
        azure.change(id, enableRbacAuthorization=model == "true")
    _change_network(azure, id, options)


def storage_account_update(azure: Azure, options: Options) -> None:
    """Change a storage account."""
    id = azure.id_of(ACCOUNTS, options.pop("--name"))
    if keys := options.pop("--allow-shared-key-access", ""):
        azure.change(id, allowSharedKeyAccess=keys == "true")
    _change_network(azure, id, options)


def _change_network(azure: Azure, id: str, options: Options) -> None:
    if access := options.pop("--public-network-access", ""):
        azure.change(id, publicNetworkAccess=access)
    if action := options.pop("--default-action", ""):
        azure.change(id, networkAcls={"defaultAction": action, "bypass": "AzureServices"})


def container_create(azure: Azure, options: Options) -> None:
    """Create a container by Resource Manager."""
    group, account, name = (options.pop(each) for each in ("--resource-group", "--storage-account", "--name"))
    parent = f"{azure.group(group)}/providers/{ACCOUNTS}/{account}/blobServices/default"
    azure.ask("PUT", f"{parent}/containers/{name}", {"properties": {}})


def blob_delete(azure: Azure, options: Options) -> None:
    """Delete a blob with the caller's own login."""
    assert options.pop("--auth-mode") == "login"
    account, container, name = (
        options.pop(each) for each in ("--account-name", "--container-name", "--name")
    )
    url = f"{azure.cloud.blob_url(account)}{container}/{name}"
    blob_client(azure.cloud.paths, azure.definition, url).delete_blob()


def secret_attributes(azure: Azure, options: Options) -> None:
    """Enable a secret at the endpoint of its vault, which needs a permission on secrets."""
    vault, name = options.pop("--vault-name"), options.pop("--name")
    enabled = options.pop("--enabled") == "true"
    token = azure.cloud.operator_token(azure.cloud.definition.vault_audience)
    answer = requests.patch(
        f"{azure.cloud.vault_url(vault)}/secrets/{name}/",
        params={"api-version": "7.4"},
        json={"attributes": {"enabled": enabled}},
        headers={"Authorization": f"Bearer {token}"},
        verify=str(azure.cloud.paths.authority),
        timeout=60,
    )
    if not answer.ok:
        raise SystemExit(f"ERROR: {answer.text}")


def registry_update(azure: Azure, options: Options) -> None:
    """Change a registry."""
    id = azure.id_of(REGISTRIES, options.pop("--name"))
    if tier := options.pop("--sku", ""):
        azure.ask("PATCH", id, {"sku": {"name": tier}})
    if options.pop("--public-network-enabled", "") == "true":
        azure.change(id, publicNetworkAccess="Enabled", policies={"exportPolicy": {"status": "enabled"}})
        assert options.pop("--allow-exports") == "true"


def repository_update(azure: Azure, options: Options) -> None:
    """Unlock an artifact; in place of a lock, the sandbox of these tests has a fault."""
    azure.id_of(REGISTRIES, options.pop("--name"))
    assert options.pop("--read-enabled") == "true"
    repository, _, tag = options.pop("--image").rpartition(":")
    for each in send_order(azure.cloud.paths, azure.definition.side, "list")["faults"]:
        if each["path"] == f"/v2/{repository}/manifests/{tag}":
            send_order(azure.cloud.paths, azure.definition.side, "lift", id=each["id"])


def role_create(azure: Azure, options: Options) -> None:
    """Assign a role."""
    name = options.pop("--role")
    role = next(guid for guid, role in definitions().items() if role.name == name)
    subscription = f"/subscriptions/{azure.definition.subscription}"
    properties = {
        "roleDefinitionId": f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}",
        "principalId": options.pop("--assignee"),
        "principalType": "ServicePrincipal",
    }
    assignments = f"{options.pop('--scope')}/providers/Microsoft.Authorization/roleAssignments"
    azure.ask("PUT", f"{assignments}/{uuid.uuid4()}", {"properties": properties})


def resource_delete(azure: Azure, options: Options) -> None:
    """Delete a resource."""
    azure.ask("DELETE", options.pop("--ids"))


def activity_log(azure: Azure, options: Options) -> None:
    """List failed requests; the sandbox writes no activity log."""
    assert options.pop("--status") == "Failed"
    assert options.pop("--query").startswith("[].[")
    options.pop("--offset")
    azure.ask("GET", f"{azure.registry}")
    assert options.pop("--resource-group") == azure.definition.registry_group
    print(json.dumps([]))


def _session() -> Path:
    """The file that exists while somebody is signed in."""
    return Path(os.environ["AZURE_CONFIG_DIR"]) / "signed-in"


def login() -> None:
    """Sign in, as an operator of both clouds."""
    _session().parent.mkdir(exist_ok=True)
    _session().touch()


def access_token(options: Options) -> None:
    """A token of the person who is signed in, for azure-identity's AzureCliCredential."""
    if not _session().exists():
        raise SystemExit("ERROR: Please run 'az login' to setup account.")
    tenant = options.pop("--tenant")
    azure = next(each for side in SIDES if (each := Azure(side, Paths.here())).definition.tenant == tenant)
    resource = options.pop("--resource")
    own = resource.rstrip("/") == azure.cloud.arm
    token = azure.cloud.operator_token(azure.cloud.audience if own else resource)
    print(json.dumps({"accessToken": token, "expires_on": int(time.time()) + 3600, "tokenType": "Bearer"}))


SIDES = ("source", "target")
COMMANDS: dict[str, Callable[[Azure, Options], None]] = {
    "keyvault update": keyvault_update,
    "keyvault secret set-attributes": secret_attributes,
    "storage account update": storage_account_update,
    "storage container-rm create": container_create,
    "storage blob delete": blob_delete,
    "acr update": registry_update,
    "acr repository update": repository_update,
    "role assignment create": role_create,
    "resource delete": resource_delete,
    "monitor activity-log list": activity_log,
}


def main(words: list[str]) -> None:
    """Run one command."""
    line = " ".join(words)
    if words == ["login"]:
        return login()
    if words[:4] == ["account", "get-access-token", "--output", "json"]:
        return access_token(dict(zip(words[4::2], words[5::2], strict=True)))
    name = next((each for each in COMMANDS if line.startswith(f"{each} -")), "")
    if not name:
        raise SystemExit(f"az: no way out has the command: {line}")
    rest = words[len(name.split()) :]
    options = dict(zip(rest[::2], rest[1::2], strict=True))
    COMMANDS[name](Azure(os.environ["WAYS_OUT_CLOUD"], Paths.here()), options)
    if options:
        raise SystemExit(f"az: no way out has the options: {options}")
    return None


if __name__ == "__main__":
    main(sys.argv[1:])

"""Requests to the management endpoint of one cloud, as a colleague's."""

from __future__ import annotations

from typing import Any

import requests

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE, TARGET
from sandbox.cloud.paths import Paths

VERSIONS = {
    "microsoft.keyvault": "2024-11-01",
    "microsoft.storage": "2024-01-01",
    "microsoft.containerregistry": "2025-06-01-preview",
    "microsoft.authorization": "2022-04-01",
}
"""The API version of each provider's requests."""


class Azure:
    """One cloud, with the rights of its operator."""

    def __init__(self, side: str, paths: Paths) -> None:
        self.definition = SOURCE if side == "source" else TARGET
        self.cloud = Cloud(self.definition, paths)
        self.registry = (
            f"/subscriptions/{self.definition.subscription}/resourceGroups/{self.definition.registry_group}"
            f"/providers/Microsoft.ContainerRegistry/registries/{self.definition.registry}"
        )

    def ids(self, type: str, below: str = "") -> list[str]:
        """The IDs of the resources of a type whose ID starts with `below`."""
        return [str(each["id"]) for each in self.cloud.resources.of_type(type, below)]

    def id_of(self, type: str, name: str) -> str:
        """The ID of the resource with this name."""
        (found,) = [id for id in self.ids(type) if id.rpartition("/")[2].lower() == name.lower()]
        return found

    def group(self, name: str) -> str:
        """The ID of a resource group."""
        return f"/subscriptions/{self.definition.subscription}/resourceGroups/{name}"

    def ask(self, method: str, id: str, body: Any = None, *, good: bool = True) -> Any:
        """One request for a resource; returns its body."""
        provider = id.rpartition("/providers/")[2].partition("/")[0].lower()
        headers = {"Authorization": f"Bearer {self.cloud.operator_token(self.cloud.audience)}"}
        answer = requests.request(
            method,
            f"{self.cloud.arm}{id}",
            params={"api-version": VERSIONS[provider]},
            json=body,
            headers=headers,
            verify=str(self.cloud.paths.authority),
            timeout=60,
        )
        assert answer.ok or not good, f"{method} {id}: {answer.text}"
        return answer.json() if answer.content else {}

    def write_secret(self, vault: str, name: str, value: str) -> None:
        """Write a new version of a secret; `vault` is the vault's ID."""
        self.ask("PUT", f"{vault}/secrets/{name}", {"properties": {"value": value}})

    def key(self, account: str) -> str:
        """The first key of a storage account, given by its ID."""
        return str(self.ask("POST", f"{account}/listKeys")["keys"][0]["value"])

    def allow_secrets(self, vault: str, *permissions: str) -> None:
        """Give the operator permissions on the secrets of a vault with access policies."""
        granted = {"permissions": {"secrets": [*permissions]}, "objectId": self.definition.operator}
        policies = {"accessPolicies": [{**granted, "tenantId": self.definition.tenant}]}
        self.ask("PUT", f"{vault}/accessPolicies/add", {"properties": policies})

    def change(self, id: str, **properties: Any) -> None:
        """Change properties of a resource."""
        self.ask("PATCH", id, {"properties": properties})

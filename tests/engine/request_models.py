"""Checks request bodies against the models of Azure's management clients."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

_MODELS = {
    "resourcegroups": "azure.mgmt.resource.resources.models:ResourceGroup",
    "storageaccounts": "azure.mgmt.storage.models:StorageAccountCreateParameters",
    "containers": "azure.mgmt.storage.models:BlobContainer",
    "blobservices": "azure.mgmt.storage.models:BlobServiceProperties",
    "managementpolicies": "azure.mgmt.storage.models:ManagementPolicy",
    "vaults": "azure.mgmt.keyvault.models:VaultCreateOrUpdateParameters",
    "secrets": "azure.mgmt.keyvault.models:SecretCreateOrUpdateParameters",
    "accesspolicies": "azure.mgmt.keyvault.models:VaultAccessPolicyParameters",
    "userassignedidentities": "azure.mgmt.msi.v2024_11_30.models:Identity",
    "roleassignments": "azure.mgmt.authorization.v2022_04_01.models:RoleAssignmentCreateParameters",
    "registries": "azure.mgmt.containerregistry.{version}.models:Registry",
    "exportpipelines": "azure.mgmt.containerregistry.{version}.models:ExportPipeline",
    "importpipelines": "azure.mgmt.containerregistry.{version}.models:ImportPipeline",
    "pipelineruns": "azure.mgmt.containerregistry.{version}.models:PipelineRun",
}
_NEWEST_PREVIEW = "v2024_11_01_preview"
_NEWER = "storageAccessMode"
"""The only field of 2025-06-01-preview that is in the specification but in no released client."""


def unknown_fields(url: str, body: dict[str, Any]) -> list[str]:
    """Paths in the body of a PUT that the model does not have or loses in serialization."""
    parts = urlsplit(url)
    version = "v" + parse_qs(parts.query)["api-version"][0].replace("-", "_")
    if version == "v2025_06_01_preview":
        version, body = _NEWEST_PREVIEW, _without(body, _NEWER)
    path = parts.path.lower().strip("/").split("/")
    kind = path[-2]
    module, _, name = _MODELS[kind].format(version=version).partition(":")
    model = getattr(importlib.import_module(module), name)
    if hasattr(model, "deserialize"):
        return list(_lost(body, model.deserialize(body).serialize(), ""))
    return list(_unknown(model(body), body, ""))


def _without(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {name: _without(each, key) for name, each in value.items() if name != key}
    return value


def _lost(sent: Any, back: Any, path: str) -> Iterator[str]:
    """Older clients drop unknown fields."""
    if isinstance(sent, dict) and isinstance(back, dict):
        for key, each in sent.items():
            place = f"{path}.{key}".strip(".")
            if key not in back:
                # Clients do not send empty objects and lists.
                if each not in ({}, [], None):
                    yield place
            else:
                yield from _lost(each, back[key], place)
    elif sent != back:
        yield path


def _unknown(model: Any, sent: dict[str, Any], path: str) -> Iterator[str]:
    """Newer clients keep unknown fields, so the model's fields are compared."""
    fields = {field._rest_name: name for name, field in type(model)._attr_to_rest_field.items()}
    for key, value in sent.items():
        place = f"{path}.{key}".strip(".")
        if key not in fields:
            yield place
            continue
        typed = getattr(model, fields[key])
        pairs = zip(typed, value, strict=True) if isinstance(value, list) else [(typed, value)]
        for index, (each, plain) in enumerate(pairs):
            if isinstance(plain, dict) and hasattr(type(each), "_attr_to_rest_field"):
                yield from _unknown(each, plain, f"{place}[{index}]" if isinstance(value, list) else place)

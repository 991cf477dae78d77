"""The Azure cloud of a stack: which one it is, where its ARM answers, and who vouches for the caller.

Nothing of any cloud is written here. Known clouds come from the tables of Azure's own libraries, all others
from the metadata that a cloud serves itself, just as pulumi-azure-native does it.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from azure.core import AzureClouds
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints

from acr_transfer.azure.stacks import Stack
from acr_transfer.errors import MissingError, ServiceError, StackError, host
from acr_transfer.model.clouds import CHINA, PUBLIC, US_GOVERNMENT, cloud_name

_PATIENCE = 30.0


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Where a cloud is managed, and what its tokens are asked for."""

    name: str
    resource_manager: str
    """Base URL of Azure Resource Manager."""

    scope: str
    """What a token for Resource Manager is asked for; ends in `/.default`."""

    authority: str
    """Base URL of Microsoft Entra for this cloud."""

    registry_audience: str | None = None
    """What a registry of this cloud takes tokens for; None: the default of azure-containerregistry."""


async def cloud_of(stack: Stack) -> Cloud:
    """The cloud that a stack deploys to, chosen as pulumi-azure-native does: a metadata host beats a name."""
    name = stack.setting("azure-native:environment", "ARM_ENVIRONMENT", "AZURE_ENVIRONMENT")
    metadata_host = stack.setting("azure-native:metadataHost", "ARM_METADATA_HOSTNAME")
    if metadata_host:
        return await asyncio.to_thread(_served, name, metadata_host)
    return _known(name)


_TABLES = {
    PUBLIC: (AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
    CHINA: (AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA),
    US_GOVERNMENT: (AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
}


def _known(name: str) -> Cloud:
    if table := _TABLES.get(cloud_name(name)):
        return _from_tables(*table)
    raise StackError(
        f"azure-native:environment is {name!r}; expected public, usgovernment or china, "
        "or ARM_METADATA_HOSTNAME naming a host that describes this cloud"
    )


def _from_tables(cloud: AzureClouds, authority: str) -> Cloud:
    endpoints = get_arm_endpoints(cloud)
    manager: str = endpoints["resource_manager"]
    # Azure's client documents Resource Manager's audience for national clouds, its own default elsewhere.
    audience = None if cloud == AzureClouds.AZURE_PUBLIC_CLOUD else manager.rstrip("/")
    return Cloud(
        name=cloud.name,
        resource_manager=manager,
        scope=endpoints["credential_scopes"][0],
        authority=f"https://{authority}",
        registry_audience=audience,
    )


def _served(name: str, metadata_host: str) -> Cloud:
    base = metadata_host if "://" in metadata_host else f"https://{metadata_host}"
    documents = _documents(base.rstrip("/"))
    chosen = [document for document in documents if str(document.get("name")).lower() == name.lower()]
    if not name and len(documents) == 1:
        chosen = documents
    if not chosen:
        known = ", ".join(sorted(str(document.get("name")) for document in documents))
        raise MissingError(
            f"{host(base)} describes no cloud {name!r} (azure-native:environment); it has: {known}"
        )
    return _described(chosen[0], base)


def _documents(base: str) -> list[dict[str, Any]]:
    """What the host serves: a list of clouds in the older version, one cloud in the newer."""
    try:
        found = _fetch(f"{base}/metadata/endpoints?api-version=2020-06-01")
    except urllib.error.HTTPError:
        found = _try_fetch(f"{base}/metadata/endpoints?api-version=2022-09-01")
    return [
        document for document in (found if isinstance(found, list) else [found]) if isinstance(document, dict)
    ]


def _try_fetch(url: str) -> Any:
    try:
        return _fetch(url)
    except urllib.error.HTTPError as error:
        raise ServiceError(f"the metadata host {host(url)} answers HTTP {error.code}") from None


def _fetch(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:
            return json.load(answer)
    except urllib.error.HTTPError:
        raise
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise ServiceError(f"the metadata host {host(url)} gives no answer: {reason}") from None


def _described(document: dict[str, Any], base: str) -> Cloud:
    try:
        authentication = document["authentication"]
        audience = str(authentication["audiences"][0])
        return Cloud(
            name=str(document["name"]),
            resource_manager=str(document["resourceManager"]),
            scope=f"{audience}/.default",
            authority=str(authentication["loginEndpoint"]),
            registry_audience=audience,
        )
    except (KeyError, IndexError, TypeError) as error:
        raise ServiceError(f"{host(base)} describes {document.get('name')!r} without {error}") from None

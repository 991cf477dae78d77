"""The Azure cloud of a stack: its Resource Manager, its token audience and its sign-in authority.

No endpoint is written here. Known clouds come from the tables of Azure's libraries, all others from the
metadata that a cloud serves, as in pulumi-azure-native.
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

from acr_transfer.azure.provider_settings import ProviderSettings
from acr_transfer.errors import MissingError, ServiceError, StackError, host
from acr_transfer.model.clouds import CHINA, PUBLIC, US_GOVERNMENT, cloud_name

_TIMEOUT = 30.0


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """The endpoints of a cloud."""

    name: str
    resource_manager: str
    """Base URL of Azure Resource Manager."""

    scope: str
    """The scope of a token for Resource Manager; ends in `/.default`."""

    authority: str
    """Base URL of Microsoft Entra for this cloud."""

    registry_audience: str | None = None
    """The audience of a token for a registry; None: the default of Azure's registry client."""


async def find_cloud(settings: ProviderSettings) -> Cloud:
    """Return the cloud that the settings name; as in pulumi-azure-native, a metadata host comes first."""
    if settings.metadata_host:
        return await asyncio.to_thread(_from_metadata, settings.environment, settings.metadata_host)
    return known_cloud(settings.environment)


_TABLES = {
    PUBLIC: (AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
    CHINA: (AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA),
    US_GOVERNMENT: (AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
}


def known_cloud(name: str) -> Cloud:
    """Return a public cloud by any of its names. Raises `StackError` for an unknown name."""
    if table := _TABLES.get(cloud_name(name)):
        return _from_tables(*table)
    raise StackError(
        f"azure-native:environment is {name!r}; expected public, usgovernment or china, "
        "or set ARM_METADATA_HOSTNAME to a host that describes this cloud"
    )


def _from_tables(cloud: AzureClouds, authority: str) -> Cloud:
    endpoints = get_arm_endpoints(cloud)
    manager: str = endpoints["resource_manager"]
    # The client's documentation names Resource Manager's audience for national clouds only.
    audience = None if cloud == AzureClouds.AZURE_PUBLIC_CLOUD else manager.rstrip("/")
    return Cloud(
        name=cloud.name,
        resource_manager=manager,
        scope=endpoints["credential_scopes"][0],
        authority=f"https://{authority}",
        registry_audience=audience,
    )


def _from_metadata(name: str, metadata_host: str) -> Cloud:
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
    """The clouds that the host describes: a list in the older API version, one cloud in the newer."""
    url = f"{base}/metadata/endpoints?api-version="
    try:
        try:
            found = _fetch(f"{url}2020-06-01")
        except urllib.error.HTTPError:
            found = _fetch(f"{url}2022-09-01")
    except urllib.error.HTTPError as error:
        raise ServiceError(f"the metadata host {host(base)} answered HTTP {error.code}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise ServiceError(f"the metadata host {host(base)} did not answer: {reason}") from None
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict)]


def _fetch(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as response:
        return json.load(response)


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

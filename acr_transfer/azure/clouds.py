"""The Azure cloud of a stack: its Resource Manager, its token audience and its sign-in authority.

No endpoint is written here. Known clouds come from the tables of Azure's libraries, all others from the
metadata that a cloud serves, as in pulumi-azure-native.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.core import AzureClouds
from azure.mgmt.core.tools import get_arm_endpoints

from acr_transfer.azure.http_session import http_session, https_endpoint
from acr_transfer.azure.provider_settings import ProviderSettings
from acr_transfer.errors import MissingError, ServiceError, StackError, host
from acr_transfer.model.clouds import CHINA, PUBLIC, US_GOVERNMENT, cloud_name


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

    vault_audience: str = ""
    """The audience of a token for a key vault, if the cloud's metadata names it."""

    registry_audience: str | None = None
    """The audience of a token for a registry; None: the default of Azure's registry client."""


async def find_cloud(settings: ProviderSettings) -> Cloud:
    """Return the cloud that the settings name; as in pulumi-azure-native, a metadata host comes first."""
    name, base = settings.cloud_name, settings.metadata_host
    if not base:
        return known_cloud(name)
    base = https_endpoint(base if "://" in base else f"https://{base}", "the metadata host")
    documents = await _documents(base)
    only = not name and len(documents) == 1
    chosen = [found for found in documents if only or str(found.get("name")).lower() == name.lower()]
    if not chosen:
        known = ", ".join(sorted(str(document.get("name")) for document in documents))
        raise MissingError(
            f"{host(base)} describes no cloud {name!r} (azure-native:environment); it has: {known}"
        )
    return _described(chosen[0], base)


def _tables() -> Mapping[str, tuple[AzureClouds, str]]:
    # Loading it takes a fifth of a second, and a registry with Docker's credentials needs none of it.
    from azure.identity import AzureAuthorityHosts

    return {
        PUBLIC: (AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
        CHINA: (AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA),
        US_GOVERNMENT: (AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
    }


def known_cloud(name: str) -> Cloud:
    """Return a public cloud by any of its names. Raises `StackError` for an unknown name."""
    if not (table := _tables().get(cloud_name(name))):
        raise StackError(
            f"azure-native:environment is {name!r}; expected public, usgovernment or china, "
            "or set ARM_METADATA_HOSTNAME to a host that describes this cloud"
        )
    cloud, authority = table
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


async def _documents(base: str) -> list[dict[str, Any]]:
    """The clouds that the host describes: a list in the older API version, one cloud in the newer."""
    status = 0
    async with http_session() as http:
        for version in ("2020-06-01", "2022-09-01"):
            url = f"{base}/metadata/endpoints?api-version={version}"
            answer = await http.request("GET", url, what="the metadata host ")
            status = answer.status
            if status == 200:
                found = answer.json()
                documents = found if isinstance(found, list) else [found]
                return [document for document in documents if isinstance(document, dict)]
    raise ServiceError(f"the metadata host {host(base)} answered HTTP {status}")


def _described(document: dict[str, Any], base: str) -> Cloud:
    try:
        authentication = document["authentication"]
        audience = str(authentication["audiences"][0])
        return Cloud(
            name=str(document["name"]),
            resource_manager=https_endpoint(str(document["resourceManager"]), "its resourceManager"),
            scope=f"{audience}/.default",
            authority=https_endpoint(str(authentication["loginEndpoint"]), "its loginEndpoint"),
            vault_audience=str(document.get("vaultAudience") or "").rstrip("/"),
            registry_audience=audience,
        )
    except (KeyError, IndexError, TypeError) as error:
        raise ServiceError(f"{host(base)} describes {document.get('name')!r} without {error}") from None

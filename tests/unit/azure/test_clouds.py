"""Known clouds come from the tables of Azure's libraries."""

from __future__ import annotations

import asyncio

import pytest
from azure.core import AzureClouds
from azure.mgmt.core.tools import get_arm_endpoints

from acr_transfer.azure import clouds
from acr_transfer.azure.clouds import Cloud, find_cloud, known_cloud
from acr_transfer.azure.provider_settings import ProviderSettings
from acr_transfer.errors import ServiceError, StackError


@pytest.mark.parametrize(
    ("names", "cloud"),
    [
        (["", "public", "Public", "AzureCloud"], AzureClouds.AZURE_PUBLIC_CLOUD),
        (["china", "AzureChinaCloud"], AzureClouds.AZURE_CHINA_CLOUD),
        (["usgovernment", "usgov", "AzureUSGovernment"], AzureClouds.AZURE_US_GOVERNMENT),
    ],
)
def test_a_known_cloud_has_the_endpoints_of_azures_tables(names: list[str], cloud: AzureClouds) -> None:
    endpoints = get_arm_endpoints(cloud)
    for name in names:
        known: Cloud = known_cloud(name)
        assert known.resource_manager == endpoints["resource_manager"]
        assert [known.scope] == endpoints["credential_scopes"]
        assert known.authority.startswith("https://login.")


@pytest.mark.parametrize(
    "text",
    [
        "file:///etc/passwd",
        "http://localhost:1",
        "ftp://metadata.example",
        "https://user:SECRET@metadata.example",
        "https://metadata.example?x=SECRET",
        "[::1",
        "..",
        "metadata.example:99999",
    ],
)
def test_a_metadata_host_is_a_host_by_https(text: str) -> None:
    settings = ProviderSettings.of({"azure-native:metadataHost": text})
    with pytest.raises(ServiceError, match="expected an https URL with a host") as refused:
        asyncio.run(find_cloud(settings))
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize("key", ["resourceManager", "loginEndpoint"])
@pytest.mark.parametrize(
    "url", ["http://arm.example", "file:///etc/passwd", "arm.example", "https://u:p@a", ""]
)
def test_an_endpoint_in_the_metadata_is_an_https_url(key: str, url: str) -> None:
    endpoints = {"resourceManager": "https://arm.example/", "loginEndpoint": "https://login.example"} | {
        key: url
    }
    authentication = {"audiences": ["https://a"], "loginEndpoint": endpoints.pop("loginEndpoint")}
    document = {"name": "Own", "authentication": authentication, **endpoints}
    with pytest.raises(ServiceError, match=f"its {key} is "):
        clouds._described(document, "https://metadata.example")


def test_an_unknown_cloud_is_named_with_the_expected_names() -> None:
    with pytest.raises(StackError, match="'mars'; expected public, usgovernment or china"):
        known_cloud("mars")

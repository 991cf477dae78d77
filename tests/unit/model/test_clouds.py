"""A host belongs to the cloud that its name ends with."""

from __future__ import annotations

import pytest

from acr_transfer.model.clouds import HostDirectory, cloud_name

CLOUDS = HostDirectory(".Local.example", "vault.local.example")


@pytest.mark.parametrize(
    ("host", "cloud"),
    [
        ("account.blob.core.windows.net", "public"),
        ("ACCOUNT.BLOB.CORE.WINDOWS.NET", "public"),
        ("account.z01.blob.storage.azure.net", "public"),
        ("account.blob.core.usgovcloudapi.net", "usgovernment"),
        ("account.blob.core.chinacloudapi.cn", "china"),
        ("account.blob.local.example", "own"),
        ("account.blob.core.window.net", ""),
        ("accountcore.windows.net", ""),
        ("core.windows.net", ""),
        ("account.blob.core.windows.net.example", ""),
        ("vault.vault.azure.net", ""),
        ("", ""),
    ],
)
def test_a_blob_host_belongs_to_one_cloud_or_none(host: str, cloud: str) -> None:
    assert CLOUDS.of_storage(host) == cloud


@pytest.mark.parametrize(
    ("host", "cloud"),
    [
        ("contoso.vault.azure.net", "public"),
        ("contoso.vault.usgovcloudapi.net", "usgovernment"),
        ("contoso.vault.azure.cn", "china"),
        ("contoso.vault.local.example", "own"),
        ("contoso.vault.azure.us", ""),
        ("account.blob.core.windows.net", ""),
    ],
)
def test_a_vault_host_belongs_to_one_cloud_or_none(host: str, cloud: str) -> None:
    assert CLOUDS.of_vault(host) == cloud


def test_no_host_belongs_to_a_cloud_without_suffixes() -> None:
    assert HostDirectory("", "").of_storage("account.blob.local.example") == ""
    assert HostDirectory("", "").of_vault("") == ""


@pytest.mark.parametrize(
    ("name", "cloud"),
    [
        ("public", "public"),
        ("AzureCloud", "public"),
        ("AzureUSGovernment", "usgovernment"),
        ("AzureChinaCloud", "china"),
        ("Own", "own"),
        ("mars", "mars"),
        ("", "public"),
    ],
)
def test_a_cloud_is_known_by_the_names_that_azures_tools_give_it(name: str, cloud: str) -> None:
    assert cloud_name(name) == cloud

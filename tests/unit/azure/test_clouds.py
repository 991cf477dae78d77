"""Known clouds come from the tables of Azure's libraries."""

from __future__ import annotations

import pytest
from azure.core import AzureClouds
from azure.mgmt.core.tools import get_arm_endpoints

from acr_transfer.azure.clouds import Cloud, known_cloud
from acr_transfer.errors import StackError


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


def test_an_unknown_cloud_is_named_with_the_expected_names() -> None:
    with pytest.raises(StackError, match="'mars'; expected public, usgovernment or china"):
        known_cloud("mars")

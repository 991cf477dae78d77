"""The settings of the azure-native provider: a stack's configuration, else the environment.

https://www.pulumi.com/registry/packages/azure-native/installation-configuration/
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

CLIENT_SECRET = "azure-native:clientSecret"


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """The cloud, and the identity for it. A setting that is not set is an empty text."""

    cloud_name: str
    metadata_host: str
    """The host that describes the cloud."""

    tenant_id: str
    client_id: str
    """The client ID of a service principal."""

    client_secret: str = field(repr=False)
    subscription_id: str = ""

    @classmethod
    def of(cls, config: Mapping[str, str]) -> Self:
        """Read the settings from configuration by full key, with its secrets; empty without a stack."""

        def setting(key: str, *variables: str) -> str:
            return config.get(f"azure-native:{key}") or next(filter(None, map(os.environ.get, variables)), "")

        return cls(
            cloud_name=setting("environment", "ARM_ENVIRONMENT", "AZURE_ENVIRONMENT"),
            metadata_host=setting("metadataHost", "ARM_METADATA_HOSTNAME"),
            tenant_id=setting("tenantId", "ARM_TENANT_ID"),
            client_id=setting("clientId", "ARM_CLIENT_ID"),
            client_secret=setting("clientSecret", "ARM_CLIENT_SECRET"),
            subscription_id=setting("subscriptionId", "ARM_SUBSCRIPTION_ID"),
        )

"""The settings of the azure-native provider: a stack's configuration, else the environment.

https://www.pulumi.com/registry/packages/azure-native/installation-configuration/
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

CLIENT_SECRET = "azure-native:clientSecret"


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """The cloud, tenant and service principal that the provider uses. An unset value is an empty text."""

    config: Mapping[str, str] = field(default_factory=dict)
    """Plain configuration by full key; empty without a stack."""

    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secret configuration by full key. It is in memory only."""

    @property
    def environment(self) -> str:
        """The name of the cloud."""
        return self._value("environment", "ARM_ENVIRONMENT", "AZURE_ENVIRONMENT")

    @property
    def metadata_host(self) -> str:
        """The host that describes the cloud."""
        return self._value("metadataHost", "ARM_METADATA_HOSTNAME")

    @property
    def tenant_id(self) -> str:
        """The tenant that tokens are requested for."""
        return self._value("tenantId", "ARM_TENANT_ID")

    @property
    def client_id(self) -> str:
        """The service principal's client ID."""
        return self._value("clientId", "ARM_CLIENT_ID")

    @property
    def client_secret(self) -> str:
        """The service principal's secret."""
        return self.secrets.get(CLIENT_SECRET) or self._value("clientSecret", "ARM_CLIENT_SECRET")

    def _value(self, key: str, *variables: str) -> str:
        configured = self.config.get(f"azure-native:{key}")
        return configured or next(filter(None, map(os.environ.get, variables)), "")

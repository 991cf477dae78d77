"""A stand-in for version 3.29.0 of the vendor's `pulumi-resource-azure-native` plugin.

It supports the types in resource_types.json; docs/provider-stand-in.md lists the differences from the plugin.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping

from sandbox.pulumi_plugins.azure_native import functions
from sandbox.pulumi_plugins.azure_native.access_policy import AccessPolicyProvider
from sandbox.pulumi_plugins.azure_native.arm_resource import ArmResourceProvider
from sandbox.pulumi_plugins.azure_native.azure_client import AzureClient
from sandbox.pulumi_plugins.azure_native.resource_schema import ACCESS_POLICY, api_version, parse
from sandbox.pulumi_plugins.azure_native.vault_secret import VaultSecretProvider
from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.resource_provider import Provider
from sandbox.pulumi_plugins.protocol.values import Values


class AzureNative(Provider):
    """The plugin's package: resources of Azure, access policies and functions."""

    version = "3.29.0"

    def __init__(self) -> None:
        self.configure({})

    def configure(self, config: Mapping[str, str]) -> None:
        self._azure = AzureClient(config)
        self._resources = ArmResourceProvider(self._azure, config)
        self._custom: dict[str, Provider] = {
            ACCESS_POLICY: AccessPolicyProvider(self._azure),
            "keyvault:Secret": VaultSecretProvider(self._azure, config),
        }

    def parameterize(self, name: str, value: bytes) -> str:
        """One module in another API version: the value is JSON {"module", "version"} in base64."""
        try:
            parameters = json.loads(base64.b64decode(value, validate=True))
            package = f"azure-native_{parameters['module']}_{parameters['version']}"
        except (binascii.Error, ValueError, KeyError, TypeError) as error:
            raise ProviderError(f"invalid parameterization value {value!r}") from error
        if name != package or not api_version(parameters["version"]):
            raise ProviderError(f"the package {name} does not match its parameters, which describe {package}")
        return package

    def of_type(self, token: str) -> Provider:
        # A parameterized package has no custom handling of secrets.
        type = parse(token)[0]
        ordinary = type == "keyvault:Secret" and token.startswith("azure-native_")
        return self._resources if ordinary else self._custom.get(type, self._resources)

    def invoke(self, token: str, arguments: Values) -> Values:
        return functions.call(self._azure, token, arguments)

"""A stand-in for the vendor's `pulumi-resource-azure-native` plugin.

It supports the types in resource_types.json; docs/provider-stand-in.md lists the differences from the plugin.
"""

import base64
import json
from collections.abc import Mapping

from sandbox.pulumi_plugins import versions
from sandbox.pulumi_plugins.azure_native import functions
from sandbox.pulumi_plugins.azure_native.access_policy import AccessPolicyProvider
from sandbox.pulumi_plugins.azure_native.arm_resource import ArmResourceProvider
from sandbox.pulumi_plugins.azure_native.azure_client import AzureClient
from sandbox.pulumi_plugins.azure_native.resource_schema import ACCESS_POLICY, parse
from sandbox.pulumi_plugins.azure_native.vault_secret import VaultSecretProvider
from sandbox.pulumi_plugins.protocol.resource_provider import Provider
from sandbox.pulumi_plugins.protocol.values import Values


class AzureNative(Provider):
    """The plugin's package: resources of Azure, access policies and functions."""

    version = versions.AZURE_NATIVE

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
        parameters = json.loads(base64.b64decode(value))
        return f"azure-native_{parameters['module']}_{parameters['version']}"

    def of_type(self, token: str) -> Provider:
        return self._custom.get(parse(token)[0], self._resources)

    def invoke(self, token: str, arguments: Values) -> Values:
        return functions.call(self._azure, token, arguments)

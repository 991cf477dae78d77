"""Serves the stand-in to the engine: `python -m sandbox.pulumi_plugins.azure_native`."""

from sandbox.pulumi_plugins.azure_native.provider import AzureNative
from sandbox.pulumi_plugins.protocol.resource_provider import serve

serve(AzureNative())

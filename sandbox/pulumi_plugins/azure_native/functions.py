"""azure-native's functions: get a resource, list an account's keys. No result is marked secret."""

from collections.abc import Callable

from sandbox.pulumi_plugins.azure_native import conversion
from sandbox.pulumi_plugins.azure_native.azure_client import AzureClient
from sandbox.pulumi_plugins.azure_native.resource_schema import UnknownTypeError, parse, resource_schema
from sandbox.pulumi_plugins.azure_native.resource_types import RESOURCE_TYPES
from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.values import Values, known

_CLIENT_CONFIG, _ACCOUNT_KEYS = "authorization:getClientConfig", "storage:listStorageAccountKeys"
NAMES = (_CLIENT_CONFIG, _ACCOUNT_KEYS)
"""All functions except the getter of each type."""


def call(azure: AzureClient, token: str, arguments: Values) -> Values:
    """The function's result; empty while an argument is unknown. Errors name the resource."""
    name, _ = parse(token)
    if name == _CLIENT_CONFIG:
        claims = azure.authentication.claims()
        found = {"clientId": claims["appid"], "objectId": claims["oid"], "tenantId": claims["tid"]}
        return {**found, "subscriptionId": azure.subscription}
    if not known(arguments):
        return {}
    if name == _ACCOUNT_KEYS:
        account = RESOURCE_TYPES["storage:StorageAccount"]
        id, version = account.id(azure.subscription, arguments), account.version
        return _request(id, lambda: azure.post(f"{id}/listKeys", version))
    module, get, type = token.rpartition(":get")
    try:
        schema = resource_schema(f"{module}:{type}" if get else token)
    except UnknownTypeError as error:
        message = f"the sandbox's stand-in for azure-native does not support the function {token}"
        raise ProviderError(message) from error
    id, version = schema.metadata.id(azure.subscription, arguments), schema.metadata.version
    return _request(id, lambda: conversion.outputs(schema, azure.get(id, version)))


def _request(id: str, send: Callable[[], Values]) -> Values:
    try:
        return send()
    except ProviderError as error:
        raise ProviderError(f"request failed {id}: {error}") from error

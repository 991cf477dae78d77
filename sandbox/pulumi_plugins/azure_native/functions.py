"""azure-native's functions: get resources, list keys, create a service SAS. No result is marked secret."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.pulumi_plugins.azure_native import conversion
from sandbox.pulumi_plugins.azure_native.azure_client import AzureClient
from sandbox.pulumi_plugins.azure_native.resource_schema import UnknownTypeError, parse, resource_schema
from sandbox.pulumi_plugins.azure_native.resource_types import RESOURCE_TYPES, SERVICE_SAS
from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.values import Values, known

_ACTIONS = {
    "storage:listStorageAccountKeys": ("storage:StorageAccount", "listKeys"),
    "storage:listStorageAccountServiceSAS": ("storage:StorageAccount", "ListServiceSas"),
}
"""Function to the resource type and its action."""

NAMES = ("authorization:getClientConfig", *_ACTIONS)
"""All functions except the getter of each type."""


def call(azure: AzureClient, token: str, arguments: Values) -> Values:
    """The function's result; empty while an argument is unknown."""
    name, _ = parse(token)
    if name == "authorization:getClientConfig":
        return _client_config(azure)
    if not known(arguments):
        return {}
    if name in _ACTIONS:
        return _act(azure, *_ACTIONS[name], arguments)
    return _get(azure, token, arguments)


def _act(azure: AzureClient, type: str, action: str, arguments: Values) -> Values:
    metadata = RESOURCE_TYPES[type]
    body = _service_sas(arguments) if action == "ListServiceSas" else None
    query = {"$expand": arguments["expand"]} if "expand" in arguments else {}
    with _request(metadata.id(azure.subscription, arguments)) as id:
        return azure.post(f"{id}/{action}", metadata.version, body, **query)


def _get(azure: AzureClient, token: str, arguments: Values) -> Values:
    module, get, type = token.rpartition(":get")
    try:
        schema = resource_schema(f"{module}:{type}" if get else token)
    except UnknownTypeError as error:
        message = f"the sandbox's stand-in for azure-native does not support the function {token}"
        raise ProviderError(message) from error
    with _request(schema.metadata.id(azure.subscription, arguments)) as id:
        return conversion.outputs(schema, azure.get(id, schema.metadata.version))


@contextmanager
def _request(id: str) -> Iterator[str]:
    """Errors of a function name the resource."""
    try:
        yield id
    except ProviderError as error:
        raise ProviderError(f"request failed {id}: {error}") from error


def _service_sas(arguments: Values) -> Values:
    return {SERVICE_SAS[key]: value for key, value in arguments.items() if key in SERVICE_SAS}


def _client_config(azure: AzureClient) -> Values:
    claims = azure.authentication.claims()
    found = {"clientId": claims["appid"], "objectId": claims["oid"], "tenantId": claims["tid"]}
    return {**found, "subscriptionId": azure.subscription}

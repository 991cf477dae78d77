"""azure-native's functions: get resources, list keys, create a service SAS. No result is marked secret."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.pulumi_plugins.azure_native import conversion
from sandbox.pulumi_plugins.azure_native.arm_client import ArmClient
from sandbox.pulumi_plugins.azure_native.resource_metadata import ResourceMetadata
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


def call(arm: ArmClient, token: str, arguments: Values) -> Values:
    """The function's result; empty while an argument is unknown."""
    name, _ = parse(token)
    if name == "authorization:getClientConfig":
        return _client_config(arm)
    if not known(arguments):
        return {}
    if name in _ACTIONS:
        type, action = _ACTIONS[name]
        metadata, body = RESOURCE_TYPES[type], _service_sas(arguments) if action == "ListServiceSas" else None
        query = {"$expand": arguments["expand"]} if "expand" in arguments else {}
        post = lambda id: arm.post(f"{id}/{action}", metadata.version, body, **query)  # noqa: E731
        return _with_id(arm, metadata, arguments, post)
    return _get(arm, token, arguments)


def _get(arm: ArmClient, token: str, arguments: Values) -> Values:
    module, get, type = token.rpartition(":get")
    try:
        schema = resource_schema(f"{module}:{type}" if get else token)
    except UnknownTypeError as error:
        message = f"the sandbox's stand-in for azure-native does not support the function {token}"
        raise ProviderError(message) from error
    metadata = schema.metadata
    read = lambda id: conversion.outputs(schema, arm.get(id, metadata.version))  # noqa: E731
    return _with_id(arm, metadata, arguments, read)


def _with_id(
    arm: ArmClient, metadata: ResourceMetadata, arguments: Values, work: Callable[[str], Values]
) -> Values:
    id = metadata.id(arm.subscription, arguments)
    try:
        return work(id)
    except ProviderError as error:
        raise ProviderError(f"request failed {id}: {error}") from error


def _service_sas(arguments: Values) -> Values:
    return {SERVICE_SAS[key]: value for key, value in arguments.items() if key in SERVICE_SAS}


def _client_config(arm: ArmClient) -> Values:
    claims = arm.authentication.claims()
    found = {"clientId": claims["appid"], "objectId": claims["oid"], "tenantId": claims["tid"]}
    return {**found, "subscriptionId": arm.subscription}

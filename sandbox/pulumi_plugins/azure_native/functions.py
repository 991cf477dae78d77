"""azure-native's functions: reading what exists, listing keys, making a service SAS. No result is secret."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.pulumi_plugins.azure_native import conversion
from sandbox.pulumi_plugins.azure_native.arm_client import ArmClient
from sandbox.pulumi_plugins.azure_native.resource_metadata import ResourceMetadata
from sandbox.pulumi_plugins.azure_native.resource_schema import UnknownTokenError, parsed, resource_type
from sandbox.pulumi_plugins.azure_native.resource_types import (
    RESOURCE_TYPES,
    ROLE_DEFINITION,
    SERVICE_SAS,
)
from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.values import Values, known

_POSTS = {
    "storage:listStorageAccountKeys": ("storage:StorageAccount", "listKeys"),
    "storage:listStorageAccountServiceSAS": ("storage:StorageAccount", "ListServiceSas"),
    "containerregistry:listRegistryCredentials": ("containerregistry:Registry", "listCredentials"),
}
"""Function to the type and the action that it is called on."""

NAMES = ("authorization:getClientConfig", "authorization:getRoleDefinition", *_POSTS)
"""All but the getters, which every type has under its own name."""


def call(arm: ArmClient, token: str, arguments: Values) -> Values:
    """The function's result; nothing while an argument is unknown."""
    name, _ = parsed(token)
    if name == "authorization:getClientConfig":
        return _client_config(arm)
    if not known(arguments):
        return {}
    if name == "authorization:getRoleDefinition":
        return _on(arm, ROLE_DEFINITION, arguments, lambda id: _role_definition(arm, id))
    if name in _POSTS:
        type, action = _POSTS[name]
        kind, body = RESOURCE_TYPES[type], _service_sas(arguments) if action == "ListServiceSas" else None
        more = {"$expand": arguments["expand"]} if "expand" in arguments else {}
        return _on(arm, kind, arguments, lambda id: arm.post(f"{id}/{action}", kind.version, body, **more))
    return _got(arm, token, arguments)


def _got(arm: ArmClient, token: str, arguments: Values) -> Values:
    head, separator, function = token.rpartition(":get")
    if not separator:
        raise UnknownTokenError(token)
    known_type = resource_type(f"{head}:{function}")
    kind = known_type.kind
    return _on(arm, kind, arguments, lambda id: conversion.outputs(known_type, arm.require(id, kind.version)))


def _on(arm: ArmClient, kind: ResourceMetadata, arguments: Values, work: Callable[[str], Values]) -> Values:
    id = kind.id(arm.subscription, arguments)
    try:
        return work(id)
    except ProviderError as error:
        raise ProviderError(f"request failed {id}: {error}") from error


def _role_definition(arm: ArmClient, id: str) -> Values:
    answer = arm.require(id, ROLE_DEFINITION.version)
    inner = answer.pop("properties", {})
    kind = inner.pop("type", None)
    return {**answer, **inner, "roleType": kind, "azureApiVersion": ROLE_DEFINITION.version}


def _service_sas(arguments: Values) -> Values:
    return {SERVICE_SAS[key]: value for key, value in arguments.items() if key in SERVICE_SAS}


def _client_config(arm: ArmClient) -> Values:
    claims = arm.sign_in.claims()
    found = {"clientId": claims["appid"], "objectId": claims["oid"], "tenantId": claims["tid"]}
    return {**found, "subscriptionId": arm.subscription}

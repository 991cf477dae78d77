"""The types that are Azure resources: each call is one request to Azure Resource Manager, or a few."""

from collections.abc import Mapping
from typing import Any

from sandbox.pulumi_plugins.azure_native import conversion, input_checks
from sandbox.pulumi_plugins.azure_native.azure_client import AzureClient
from sandbox.pulumi_plugins.azure_native.comparison import input_changes, refreshed_inputs
from sandbox.pulumi_plugins.azure_native.default_inputs import DefaultLocations, with_name
from sandbox.pulumi_plugins.azure_native.http_client import ResponseError
from sandbox.pulumi_plugins.azure_native.resource_schema import ResourceSchema, resource_schema
from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.resource_provider import Diff, InitError, Provider
from sandbox.pulumi_plugins.protocol.values import UNKNOWN, Values, at

_OPEN = {"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []}


class ArmResourceProvider(Provider):
    """Creates, reads, updates and deletes Azure resources by Azure Resource Manager."""

    def __init__(self, azure: AzureClient, config: Mapping[str, str]) -> None:
        self._azure = azure
        self._locations = DefaultLocations(azure, config)

    def check(self, token: str, name: str, old: Values, new: Values, seed: bytes) -> tuple[Values, list[str]]:
        schema = resource_schema(token)
        inputs = with_name(schema.metadata, name, old, new, seed)
        if "location" in schema.inputs and "location" not in inputs:
            inputs = {**inputs, **self._locations.default(old, inputs)}
        inputs = {**inputs, "azureApiVersion": schema.metadata.version}
        return inputs, input_checks.faults(schema, inputs)

    def diff(self, token: str, old: Values, new: Values, state: Values) -> Diff:
        schema = resource_schema(token)
        found = input_changes(old, new)
        added = [path for path, change in found.items() if change == "ADD"]
        for path in added:
            if path in schema.defaults and at(new, path) == schema.defaults[path]:
                del found[path]
        # An added input that has its value already does not replace the resource.
        unchanged = {path for path in added if path in state and at(new, path) == state[path]}
        replacing = {*schema.metadata.path_inputs, *schema.metadata.replaces}
        replaces = sorted((replacing & {*found}) - unchanged)
        return Diff(found, replaces, delete_before_replace=not old.get("__createBeforeDelete"))

    def create(self, token: str, inputs: Values, preview: bool) -> tuple[str, Values]:
        schema = resource_schema(token)
        if preview:
            return "", _preview(schema, inputs)
        id = schema.metadata.id(self._azure.subscription, inputs)
        self._refuse_existing(schema, id)
        return self._put(schema, id, inputs)

    def read(self, token: str, id: str, inputs: Values, state: Values) -> tuple[Values, Values] | None:
        schema = resource_schema(token)
        found = self._azure.read(id, schema.metadata.request_version(inputs))
        if found is None:
            return None
        now = conversion.outputs(schema, found)
        if not inputs:
            return conversion.imported_inputs(schema, id, now), now
        return refreshed_inputs(schema, inputs, state, now), now

    def update(self, token: str, id: str, state: Values, old: Values, new: Values, preview: bool) -> Values:
        schema = resource_schema(token)
        if preview:
            kept: Values = {key: state[key] for key in ("name", "location") if key in state}
            return {**_preview(schema, new), **kept}
        id = schema.metadata.id(self._azure.subscription, new)
        return self._put(schema, id, new, old)[1]

    def delete(self, token: str, id: str, inputs: Values) -> None:
        schema = resource_schema(token)
        if schema.metadata.singleton:
            self._azure.put(id, schema.metadata.version, {})
        else:
            self._azure.delete(id, schema.metadata.request_version(inputs))

    def _put(
        self, schema: ResourceSchema, id: str, inputs: Values, old: Values | None = None
    ) -> tuple[str, Values]:
        """PUT the resource, wait, read it again. If the operation fails, the created resource is kept."""
        version = schema.metadata.request_version(inputs)
        body = self._body(schema, id, inputs, old)
        try:
            return self._write(schema, id, version, body, inputs, old)
        except ProviderError as error:
            if isinstance(error, ResponseError) and error.rejected:
                raise
            raise self._init_error(schema, id, version, inputs, error) from error

    def _write(
        self, schema: ResourceSchema, id: str, version: str, body: Values, inputs: Values, old: Values | None
    ) -> tuple[str, Values]:
        method = conversion.remove_identities(schema, body, old or {}, inputs)
        id = str(self._azure.put(id, version, body, method).get("id", id))
        return id, conversion.outputs(schema, self._azure.get(id, version))

    def _body(self, schema: ResourceSchema, id: str, inputs: Values, old: Values | None) -> Values:
        """The request body.

        A vault keeps its access policies unless the program lists them. An account whose network rules were
        removed from the program is opened.
        """
        body = conversion.request_body(schema, inputs)
        if schema.type == "storage:StorageAccount" and "networkRuleSet" in (old or {}):
            body["properties"].setdefault("networkAcls", dict(_OPEN))
        if schema.type == "keyvault:Vault" and at(body, "properties.accessPolicies") is None:
            vault = None if old is None else self._azure.find(id, schema.metadata.version)
            policies = at(vault, "properties.accessPolicies") or []
            body.setdefault("properties", {})["accessPolicies"] = policies
        return body

    def _init_error(
        self, schema: ResourceSchema, id: str, version: str, inputs: Values, error: ProviderError
    ) -> InitError:
        try:
            state = conversion.outputs(schema, self._azure.get(id, version))
            return InitError(str(error), id, inputs, state)
        except ProviderError as unread:
            return InitError(f"resource created but read failed {unread}: {error}", id, inputs, {})

    def _refuse_existing(self, schema: ResourceSchema, id: str) -> None:
        """The check uses the type's API version, even for a generic resource with another one."""
        if schema.metadata.singleton:
            return
        try:
            existing = self._azure.find(id, schema.metadata.version)
        except ResponseError as error:
            response = f"status code {error.status}, {error.body}"
            raise ProviderError(f"cannot check existence of resource '{id}': {response}") from error
        if existing is not None:
            raise ProviderError(f"cannot create already existing resource '{id}'")


def _preview(schema: ResourceSchema, inputs: Values) -> Values:
    """Outputs in a preview: those that the inputs determine; all others are unknown."""
    outputs = {**schema.outputs, **dict.fromkeys(("name", "type"), "string")}
    path_inputs = {*schema.metadata.path_inputs}
    given = {key: value for key, value in inputs.items() if key not in path_inputs}
    return {**_expected(outputs, given), "azureApiVersion": schema.metadata.version}


def _expected(shape: Any, value: Any) -> Any:
    if value is None or value == UNKNOWN:
        return UNKNOWN
    if isinstance(shape, dict) and isinstance(value, dict):
        if "*" in shape:
            return {key: _expected(shape["*"], entry) for key, entry in value.items()}
        return {key: _expected(inner, value.get(key)) for key, inner in shape.items()}
    if isinstance(shape, list) and isinstance(value, list):
        return [_expected(shape[0], entry) for entry in value]
    return value

"""A stand-in for `pulumi-resource-azure-native`: nothing but a client of Azure Resource Manager.

It behaves as version 3.29.0 of the real plugin does, for the types in catalogue.py;
docs/provider-stand-in.md says what is mirrored and what is not.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping
from typing import Any

from sandbox.pulumi_plugins.azure_native import conversion, functions, input_checks, refresh
from sandbox.pulumi_plugins.azure_native.access_policy import AccessPolicies
from sandbox.pulumi_plugins.azure_native.arm_client import ArmClient
from sandbox.pulumi_plugins.azure_native.default_inputs import Locations, named
from sandbox.pulumi_plugins.azure_native.http_client import ResponseError
from sandbox.pulumi_plugins.azure_native.resource_schema import (
    POLICY,
    ResourceSchema,
    UnknownTokenError,
    api_version,
    parsed,
    policy_inputs,
    resource_type,
)
from sandbox.pulumi_plugins.azure_native.vault_secret import VaultSecrets
from sandbox.pulumi_plugins.protocol.call_context import ProviderError, warn
from sandbox.pulumi_plugins.protocol.resource_provider import Autonaming, Diff, InitError, Provider
from sandbox.pulumi_plugins.protocol.values import UNKNOWN, Values, at, changes

_OPEN = {"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []}
_POLICY_REPLACES = frozenset({"resourceGroupName", "vaultName", "policy.objectId"})


class AzureNative(Provider):
    """The stand-in. Every call ends in one request on the management endpoint, or a few."""

    version = "3.29.0"

    def __init__(self) -> None:
        self._arm = ArmClient({})
        self._config: Mapping[str, str] = {}
        self._locations = Locations(self._arm, {})

    def configure(self, config: Mapping[str, str]) -> None:
        self._config, self._arm = config, ArmClient(config)
        self._locations = Locations(self._arm, config)

    def parameterize(self, name: str, value: bytes) -> str:
        """One module in another API version: the value is JSON {"module", "version"}, in base64."""
        try:
            asked = json.loads(base64.b64decode(value, validate=True))
            package = f"azure-native_{asked['module']}_{asked['version']}"
        except (binascii.Error, ValueError, KeyError, TypeError) as error:
            raise ProviderError(f"invalid parameterization value {value!r}") from error
        if name != package or not api_version(asked["version"]):
            raise ProviderError(f"package {name} is not what its parameters say: {package}")
        return package

    def check(
        self, token: str, name: str, old: Values, new: Values, seed: bytes, wish: Autonaming | None
    ) -> tuple[Values, list[str]]:
        if parsed(token)[0] == POLICY:
            return new, input_checks.missing(policy_inputs(), new)
        known = _known(token)
        inputs = named(known.kind, name, old, new, seed, wish)
        if "location" in known.inputs and "location" not in inputs:
            inputs = {**inputs, **self._locations.of(old, inputs)}
        inputs = {**inputs, "azureApiVersion": known.kind.version}
        return inputs, input_checks.faults(known, inputs)

    def diff(self, token: str, old: Values, new: Values, state: Values) -> Diff:
        found = dict(changes(_comparable(old), _comparable(new)))
        by_choice = not old.get("__createBeforeDelete")
        if parsed(token)[0] == POLICY:
            return Diff(found, sorted(_POLICY_REPLACES & {*found}), delete_before_replace=by_choice)
        known = _known(token)
        _warn_of_version(old, new)
        defaults = known.defaults
        for path in [path for path, kind in found.items() if kind == "ADD" and path in defaults]:
            if at(new, path) == defaults[path]:
                del found[path]
        replacing = {*known.kind.path_inputs, *known.kind.replaces}
        replaces = [path for path in sorted(replacing & {*found}) if not _already(path, found, new, state)]
        return Diff(found, replaces, delete_before_replace=by_choice)

    def create(self, token: str, inputs: Values, preview: bool) -> tuple[str, Values]:
        short, _ = parsed(token)
        if preview:
            return "", inputs if short == POLICY else _previewed(_known(token), inputs)
        if short == POLICY:
            return AccessPolicies(self._arm).create(inputs)
        known = _known(token)
        id = self._id(known, inputs)
        self._refuse_existing(known, id)
        return self._put(known, id, inputs)

    def read(self, token: str, id: str, inputs: Values, state: Values) -> tuple[Values, Values] | None:
        if parsed(token)[0] == POLICY:
            return AccessPolicies(self._arm).read(id, inputs)
        known = _known(token)
        found = self._arm.get(id, known.kind.request_version(inputs))
        if found is None:
            return None
        now = conversion.outputs(known, found)
        if not inputs:
            return conversion.inputs(known, id, now), now
        return refresh.inputs_after(known, inputs, state, now), now

    def update(self, token: str, id: str, state: Values, old: Values, new: Values, preview: bool) -> Values:
        short, _ = parsed(token)
        if preview:
            kept: Values = {key: state[key] for key in ("name", "location") if key in state}
            return new if short == POLICY else {**_previewed(_known(token), new), **kept}
        if short == POLICY:
            return AccessPolicies(self._arm).update(new)
        known = _known(token)
        return self._put(known, self._id(known, new), new, old)[1]

    def delete(self, token: str, id: str, inputs: Values) -> None:
        if parsed(token)[0] == POLICY:
            AccessPolicies(self._arm).delete(inputs)
            return
        known = _known(token)
        if known.short == "keyvault:Secret" and known.custom:
            VaultSecrets(self._arm).delete(inputs)
        elif known.kind.singleton:
            self._arm.put(id, known.kind.version, {})
        else:
            self._arm.delete(id, known.kind.request_version(inputs))

    def invoke(self, token: str, arguments: Values) -> Values:
        try:
            return functions.call(self._arm, token, arguments)
        except UnknownTokenError as error:
            raise ProviderError(
                f"the sandbox's stand-in for azure-native does not know the function {token}"
            ) from error

    def _put(
        self, known: ResourceSchema, id: str, inputs: Values, old: Values | None = None
    ) -> tuple[str, Values]:
        """PUT, wait, read again. What was accepted and then failed is kept as partly made."""
        version = known.kind.request_version(inputs)
        body = self._body(known, id, inputs, old)
        method = conversion.without_identities(known, body, old or {}, inputs)
        secret = known.short == "keyvault:Secret" and known.custom
        try:
            if secret:
                answer = VaultSecrets(self._arm).written(inputs, lambda: self._arm.put(id, version, body))
                return id, conversion.outputs(known, answer)
            answer = self._arm.put(id, version, body, method)
        except ProviderError as error:
            if isinstance(error, ResponseError) and error.refused:
                raise
            raise self._partly(known, id, version, inputs, error) from error
        return str(answer.get("id", id)), self._read_again(known, id, version, answer, old)

    def _read_again(
        self, known: ResourceSchema, id: str, version: str, answer: Values, old: Values | None
    ) -> Values:
        """The state of what was written: by one more GET, unless that is switched off."""
        skip = self._config.get("skipReadOnUpdate") or os.environ.get("ARM_SKIP_READ_ON_UPDATE", "")
        if skip.lower() == "true":
            return conversion.outputs(known, answer)
        try:
            return conversion.outputs(known, self._arm.require(id, version))
        except ProviderError as error:
            verb = "Create" if old is None else "Update"
            warn(f"Failed to read resource after {verb}. Please report this issue. {id}: {error}")
            return answer

    def _body(self, known: ResourceSchema, id: str, inputs: Values, old: Values | None) -> Values:
        """The request; access policies that the program does not list stay as they are.

        An account's network rules that a program no longer lists are opened, as the plugin opens them.
        """
        body, fresh = conversion.body(known, inputs), old is None
        if known.short == "storage:StorageAccount" and "networkRuleSet" in (old or {}):
            body["properties"].setdefault("networkAcls", dict(_OPEN))
        if known.short == "keyvault:Vault" and at(body, "properties.accessPolicies") is None:
            there = None if fresh else self._arm.get(id, known.kind.version)
            body.setdefault("properties", {})["accessPolicies"] = at(there, "properties.accessPolicies") or []
        return body

    def _partly(
        self, known: ResourceSchema, id: str, version: str, inputs: Values, error: ProviderError
    ) -> InitError:
        try:
            return InitError(
                str(error), id, inputs, conversion.outputs(known, self._arm.require(id, version))
            )
        except ProviderError as unread:
            return InitError(f"resource created but read failed {unread}: {error}", id, inputs, {})

    def _refuse_existing(self, known: ResourceSchema, id: str) -> None:
        """With the type's own version, even for a generic resource that names another."""
        if known.kind.singleton:
            return
        try:
            there = self._arm.get(id, known.kind.version)
        except ResponseError as error:
            words = f"status code {error.status}, {error.body}"
            raise ProviderError(f"cannot check existence of resource '{id}': {words}") from error
        if there is not None:
            raise ProviderError(f"cannot create already existing resource '{id}'")

    def _id(self, known: ResourceSchema, inputs: Values) -> str:
        for name in known.kind.path_inputs:
            if not isinstance(inputs.get(name), str):
                kind = _GO_TYPES.get(type(inputs.get(name)), "map[string]interface {}")
                raise ProviderError(f"expected string value for path parameter '{name}', got {kind}")
        return known.kind.id(self._arm.subscription, inputs)


_GO_TYPES: dict[type, str] = {
    int: "float64",
    float: "float64",
    bool: "bool",
    list: "[]interface {}",
    type(None): "<nil>",
}
"""What the plugin, which is written in Go, calls values of the protocol in its messages."""


def _warn_of_version(old: Values, new: Values) -> None:
    before, now = old.get("azureApiVersion"), new.get("azureApiVersion")
    if before and now and before != now:
        warn(
            f"Resource API version has changed from {before} to {now}. Run `pulumi refresh --run-program` if "
            "this plan shows changes that you did not make."
        )


def _known(token: str) -> ResourceSchema:
    try:
        return resource_type(token)
    except UnknownTokenError as error:
        words = f"the sandbox's stand-in for azure-native does not know the type {token}"
        raise ProviderError(words) from error


def _already(path: str, found: Mapping[str, str], new: Values, state: Values) -> bool:
    """Whether an input that is newly written says only what is so already."""
    return found[path] == "ADD" and path in state and at(new, path) == state[path]


def _comparable(inputs: Values) -> Values:
    """Inputs as the plugin compares them: the case of a group's name and of a location does not count."""
    folded = dict(inputs)
    if isinstance(folded.get("resourceGroupName"), str):
        folded["resourceGroupName"] = folded["resourceGroupName"].lower()
    if isinstance(folded.get("location"), str):
        folded["location"] = folded["location"].lower().replace(" ", "")
    return folded


def _previewed(known: ResourceSchema, inputs: Values) -> Values:
    """What is known in a preview: outputs that the inputs give; every other one is unknown."""
    names = {**known.outputs, **dict.fromkeys(("name", "type"), "string")}
    path_inputs = {*known.kind.path_inputs}
    given = {key: value for key, value in inputs.items() if key not in path_inputs}
    return {**_expected(names, given), "azureApiVersion": known.kind.version}


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

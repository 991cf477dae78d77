"""A stand-in for `pulumi-resource-azure-native`: nothing but a client of Azure Resource Manager.

It behaves as version 3.29.0 of the real plugin does, for the types in kinds.py; docs/sandbox.md says where
it does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sandbox.engine.access_policy import AccessPolicies
from sandbox.engine.arm_client import ArmClient, RequestError
from sandbox.engine.kinds import GETTERS, KINDS, Kind, faults, short
from sandbox.engine.provider import (
    UNKNOWN,
    Diff,
    InitError,
    Provider,
    ProviderError,
    Values,
    changes,
    known,
    serve,
)

_POLICY = "keyvault:AccessPolicy"
_GROUP_VERSION = "2020-10-01"


class AzureNative(Provider):
    """The stand-in. Every call ends in one request on the management endpoint, or a few."""

    version = "3.29.0"

    def __init__(self) -> None:
        self._arm = ArmClient({})
        self._config: Mapping[str, str] = {}
        self._locations: dict[str, str] = {}

    def configure(self, config: Mapping[str, str]) -> None:
        self._config, self._arm = config, ArmClient(config)

    def check(self, token: str, name: str, old: Values, new: Values, seed: bytes) -> tuple[Values, list[str]]:
        if short(token) == _POLICY:
            return new, []
        kind = _kind(token)
        inputs = {**self._named(kind, name, old, new, seed), "azureApiVersion": kind.version}
        if kind.needs_location and "location" not in inputs:
            inputs |= self._location(kind, old, inputs)
        return inputs, faults(kind, inputs)

    def diff(self, token: str, old: Values, new: Values) -> Diff:
        found = dict(changes(_comparable(old), _comparable(new)))
        if short(token) == _POLICY:
            replacing = {"resourceGroupName", "vaultName", "policy.objectId"}
        else:
            kind = _kind(token)
            replacing = {*kind.path_inputs, *kind.replaces}
        replaces = sorted(path for path in found if path in replacing)
        return Diff(found, replaces, delete_before_replace=not old.get("__createBeforeDelete"))

    def create(self, token: str, inputs: Values, preview: bool) -> tuple[str, Values]:
        if preview:
            return "", _previewed(token, inputs)
        if short(token) == _POLICY:
            return AccessPolicies(self._arm).create(inputs)
        kind = _kind(token)
        id = kind.id(self._arm.subscription, inputs)
        self._refuse_existing(kind, id)
        return self._put(kind, id, inputs)

    def read(self, token: str, id: str, inputs: Values, state: Values) -> tuple[Values, Values] | None:
        if short(token) == _POLICY:
            return AccessPolicies(self._arm).read(inputs, state)
        kind = _kind(token)
        found = self._arm.get(id, kind.version)
        return None if found is None else (inputs, kind.outputs(found))

    def update(self, token: str, id: str, old: Values, new: Values, preview: bool) -> Values:
        if preview:
            return {**_previewed(token, new), "name": old.get("name", UNKNOWN)}
        if short(token) == _POLICY:
            return AccessPolicies(self._arm).update(new)
        kind = _kind(token)
        return self._put(kind, kind.id(self._arm.subscription, new), new)[1]

    def delete(self, token: str, id: str, inputs: Values) -> None:
        if short(token) == _POLICY:
            AccessPolicies(self._arm).delete(inputs)
        elif short(token) == "keyvault:Secret":
            self._delete_secret(inputs)
        else:
            self._arm.delete(id, _kind(token).version)

    def invoke(self, token: str, arguments: Values) -> Values:
        name = short(token)
        if name == "authorization:getClientConfig":
            return self._client_config()
        if name == "storage:listStorageAccountKeys":
            account = KINDS["storage:StorageAccount"]
            return self._called(
                account, arguments, lambda id: self._arm.post(f"{id}/listKeys", account.version)
            )
        if name not in GETTERS:
            raise ProviderError(f"the sandbox's stand-in for azure-native does not know the function {token}")
        kind = KINDS[GETTERS[name]]
        return self._called(kind, arguments, lambda id: kind.outputs(self._got(kind, id)))

    def _put(self, kind: Kind, id: str, inputs: Values) -> tuple[str, Values]:
        """PUT, wait, read again. What was accepted and then failed is kept as partly made."""
        body = kind.body(inputs)
        if kind is KINDS["keyvault:Vault"] and "accessPolicies" not in body["properties"]:
            there = self._arm.get(id, kind.version) or {"properties": {}}
            body["properties"]["accessPolicies"] = there["properties"].get("accessPolicies", [])
        try:
            answer = self._arm.put(id, kind.version, body)
        except ProviderError as error:
            if isinstance(error, RequestError) and error.status >= 300:
                raise  # refused: nothing was made
            found = self._arm.get(id, kind.version)
            raise InitError(str(error), id, inputs, kind.outputs(found or {})) from error
        found = self._arm.get(id, kind.version)
        return str(answer.get("id", id)), kind.outputs(found or answer)

    def _refuse_existing(self, kind: Kind, id: str) -> None:
        try:
            there = self._arm.get(id, kind.version)
        except RequestError as error:
            raise ProviderError(f"cannot check existence of resource '{id}': {error}") from error
        if there is not None:
            raise ProviderError(f"cannot create already existing resource '{id}'")

    def _named(self, kind: Kind, name: str, old: Values, new: Values, seed: bytes) -> Values:
        if kind.name_input in new:
            return new
        if kind.name_input in old:
            kept = {key: old[key] for key in (kind.name_input, "__createBeforeDelete") if key in old}
            return {**new, **kept}
        if kind.naming == "copy":
            return {**new, kind.name_input: name}
        made = name + hashlib.sha256(seed).hexdigest()[:8]
        return {**new, kind.name_input: made, "__createBeforeDelete": True}

    def _location(self, kind: Kind, old: Values, inputs: Values) -> Values:
        """The old one, the configured one, or the resource group's; none is left to the checks."""
        found = old.get("location") or self._config.get("location")
        group = inputs.get("resourceGroupName")
        if not found and group == UNKNOWN:
            found = UNKNOWN
        if not found and group and kind is not KINDS["resources:ResourceGroup"]:
            found = self._group_location(str(group))
        return {"location": found} if found else {}

    def _group_location(self, group: str) -> str:
        if group not in self._locations:
            path = f"/subscriptions/{self._arm.subscription}/resourceGroups/{group}"
            try:
                found = self._arm.get(path, _GROUP_VERSION) or {}
            except ProviderError:
                return ""
            self._locations[group] = str(found.get("location", ""))
        return self._locations[group]

    def _got(self, kind: Kind, id: str) -> Values:
        found = self._arm.get(id, kind.version)
        if found is None:
            raise ProviderError(f'Status=404 Code="ResourceNotFound" Message="{id} was not found."')
        return found

    def _called(self, kind: Kind, arguments: Values, call: object) -> Values:
        if not known(arguments):
            return {}
        id = kind.id(self._arm.subscription, arguments)
        try:
            found: Values = call(id)  # type: ignore[operator]
        except ProviderError as error:
            raise ProviderError(f"request failed {id}: {error}") from error
        return found

    def _client_config(self) -> Values:
        claims = self._arm.claims()
        return {
            "clientId": claims["appid"],
            "objectId": claims["oid"],
            "subscriptionId": self._arm.subscription,
            "tenantId": claims["tid"],
        }

    def _delete_secret(self, inputs: Values) -> None:
        """Through the vault itself, as the plugin does: the management endpoint has no DELETE for secrets."""
        vault = KINDS["keyvault:Vault"]
        found = self._arm.get(vault.id(self._arm.subscription, inputs), vault.version)
        if found is None:
            return
        base = found["properties"]["vaultUri"].rstrip("/")
        status = self._arm.data_plane("DELETE", f"{base}/secrets/{inputs['secretName']}?api-version=7.5")
        if status not in (200, 404):
            raise ProviderError(f"Status={status} deleting secret {inputs['secretName']!r} of {base}")


def _kind(token: str) -> Kind:
    kind = KINDS.get(short(token))
    if not kind:
        raise ProviderError(f"the sandbox's stand-in for azure-native does not know the type {token}")
    return kind


def _comparable(inputs: Values) -> Values:
    """Inputs as the plugin compares them: the case of a group's name and of a location does not count."""
    folded = dict(inputs)
    if isinstance(folded.get("resourceGroupName"), str):
        folded["resourceGroupName"] = folded["resourceGroupName"].lower()
    if isinstance(folded.get("location"), str):
        folded["location"] = folded["location"].lower().replace(" ", "")
    return folded


_OUTPUTS_UNKNOWN = (
    "name",
    "type",
    "provisioningState",
    "identity",
    "loginServer",
    "primaryEndpoints",
    "response",
    "properties",
)


def _previewed(token: str, inputs: Values) -> Values:
    """What is known in a preview: the inputs; every other output is unknown."""
    unknown = dict.fromkeys(_OUTPUTS_UNKNOWN, UNKNOWN)
    shown = {key: value for key, value in inputs.items() if not key.startswith("__")}
    if short(token).endswith("Pipeline") or short(token) in ("keyvault:Vault", "keyvault:Secret"):
        shown.pop("identity", None)
        shown.pop("properties", None)
    return {**unknown, **shown}


if __name__ == "__main__":
    serve(AzureNative())

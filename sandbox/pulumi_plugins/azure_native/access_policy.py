"""keyvault:AccessPolicy: a type that the plugin makes up; Azure knows only the vault's list."""

from __future__ import annotations

from sandbox.pulumi_plugins.azure_native.arm_client import ArmClient
from sandbox.pulumi_plugins.azure_native.resource_types import RESOURCE_TYPES
from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.values import Values

_VERSION = "2023-07-01"


class AccessPolicies:
    """Adds, changes and removes one principal's entry in a vault's list."""

    def __init__(self, arm: ArmClient) -> None:
        self._arm = arm

    def create(self, inputs: Values) -> tuple[str, Values]:
        """An entry for a principal that has none yet."""
        id = f"{self._vault(inputs)}/accessPolicy/{_principal(inputs)}"
        if self._entry(inputs) is not None:
            raise ProviderError(f'cannot create already existing resource "{id}"')
        return id, self._write(inputs)

    def update(self, inputs: Values) -> Values:
        """Other rights for the same principal."""
        if self._entry(inputs) is None:
            raise ProviderError(f"access policy for {_principal(inputs)} does not exist")
        return self._write(inputs)

    def read(self, id: str, inputs: Values) -> tuple[Values, Values] | None:
        """The entry as it is now, or None where it or the vault is gone.

        Without inputs they are made from the ID and what the vault says.
        """
        asked = inputs or _described(id)
        entry = self._entry(asked) if asked else None
        if entry is None:
            return None
        now = _outputs(asked, entry)
        return inputs or now, now

    def delete(self, inputs: Values) -> None:
        """Take the entry out."""
        self._send("remove", inputs)

    def _write(self, inputs: Values) -> Values:
        self._send("replace", inputs)
        entry = self._entry(inputs)
        if entry is None:
            raise ProviderError("newly written access policy not found")
        return _outputs(inputs, entry)

    def _send(self, kind: str, inputs: Values) -> None:
        policy = {"applicationId": "", **inputs["policy"]}
        body = {"properties": {"accessPolicies": [policy]}}
        self._arm.put(f"{self._vault(inputs)}/accessPolicies/{kind}", _VERSION, body)

    def _entry(self, inputs: Values) -> Values | None:
        vault = self._arm.get(self._vault(inputs), _VERSION) or {"properties": {}}
        for entry in vault["properties"].get("accessPolicies", []):
            if entry["objectId"] == _principal(inputs):
                found: Values = entry
                return found
        return None

    def _vault(self, inputs: Values) -> str:
        return RESOURCE_TYPES["keyvault:Vault"].id(self._arm.subscription, inputs)


def _described(id: str) -> Values:
    """As much of an entry's inputs as its ID says."""
    place, _, principal = id.rpartition("/accessPolicy/")
    names = RESOURCE_TYPES["keyvault:Vault"].names(place)
    return {**names, "policy": {"objectId": principal}} if names else {}


def _principal(inputs: Values) -> str:
    return str(inputs["policy"]["objectId"])


def _outputs(inputs: Values, entry: Values) -> Values:
    place = {key: inputs[key] for key in ("resourceGroupName", "vaultName")}
    rights = {kind: listed for kind, listed in entry["permissions"].items() if listed}
    return {**place, "policy": {**entry, "permissions": rights}}

"""keyvault:AccessPolicy: a type of the plugin; in Azure a policy is an entry in the vault's list."""

from sandbox.pulumi_plugins.azure_native import input_checks
from sandbox.pulumi_plugins.azure_native.azure_client import AzureClient
from sandbox.pulumi_plugins.azure_native.comparison import input_changes
from sandbox.pulumi_plugins.azure_native.resource_schema import ACCESS_POLICY, sdk_schemas
from sandbox.pulumi_plugins.azure_native.resource_types import RESOURCE_TYPES
from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.resource_provider import Diff, Provider
from sandbox.pulumi_plugins.protocol.values import Values

_VERSION = "2023-07-01"
_REPLACES = frozenset({"resourceGroupName", "vaultName", "policy.objectId"})
_VAULT = RESOURCE_TYPES["keyvault:Vault"]
_SOVEREIGN = frozenset({"usgovernment", "china"})
"""The names of clouds whose management endpoint the plugin does not use for access policies."""


class AccessPolicyProvider(Provider):
    """Adds, updates and removes one principal's policy in a vault's list."""

    def __init__(self, azure: AzureClient) -> None:
        self._azure = azure

    def check(self, token: str, name: str, old: Values, new: Values, seed: bytes) -> tuple[Values, list[str]]:
        return new, input_checks.missing(sdk_schemas()[ACCESS_POLICY]["inputs"], new)

    def diff(self, token: str, old: Values, new: Values, state: Values) -> Diff:
        found = input_changes(old, new)
        return Diff(found, sorted(_REPLACES & {*found}))

    def create(self, token: str, inputs: Values, preview: bool) -> tuple[str, Values]:
        if preview:
            return "", inputs
        id = f"{self._vault_id(inputs)}/accessPolicy/{_principal(inputs)}"
        if self._policy(inputs) is not None:
            raise ProviderError(f'cannot create already existing resource "{id}"')
        return id, self._write(inputs)

    def read(self, token: str, id: str, inputs: Values, state: Values) -> tuple[Values, Values] | None:
        wanted = inputs or _inputs_of(id)
        policy = self._policy(wanted) if wanted else None
        if policy is None:
            return None
        outputs = _outputs(wanted, policy)
        return inputs or outputs, outputs

    def update(self, token: str, id: str, state: Values, old: Values, new: Values, preview: bool) -> Values:
        if preview:
            return new
        if self._policy(new) is None:
            raise ProviderError(f"access policy for {_principal(new)} does not exist")
        return self._write(new)

    def delete(self, token: str, id: str, inputs: Values) -> None:
        self._send("remove", inputs)

    def _write(self, inputs: Values) -> Values:
        self._send("replace", inputs)
        policy = self._policy(inputs)
        if policy is None:
            raise ProviderError("newly written access policy not found")
        return _outputs(inputs, policy)

    def _send(self, operation: str, inputs: Values) -> None:
        policy = {"applicationId": "", **inputs["policy"]}
        body = {"properties": {"accessPolicies": [policy]}}
        self._azure.put(f"{self._vault_id(inputs)}/accessPolicies/{operation}", _VERSION, body)

    def _policy(self, inputs: Values) -> Values | None:
        vault = self._azure.find(self._vault_id(inputs), _VERSION) or {"properties": {}}
        policies: list[Values] = vault["properties"].get("accessPolicies", [])
        return next((policy for policy in policies if policy["objectId"] == _principal(inputs)), None)

    def _require_public_cloud(self) -> None:
        """Fail as the plugin does in a sovereign cloud: its client of vaults has default cloud options.

        It requests a token for the public cloud's management endpoint, which the tenant does not know.
        https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/resources/customresources/customresources.go
        """
        if self._azure.authentication.metadata["name"].lower() in _SOVEREIGN:
            audience = "https://management.core.windows.net/"
            raise ProviderError(
                f"AADSTS500011: The resource principal named {audience} was not found in the tenant. "
                "(request to https://management.azure.com)"
            )

    def _vault_id(self, inputs: Values) -> str:
        self._require_public_cloud()
        return _VAULT.id(self._azure.subscription, inputs)


def _inputs_of(id: str) -> Values:
    """The inputs that an ID contains."""
    vault, _, principal = id.rpartition("/accessPolicy/")
    names = _VAULT.path_values(vault)
    return {**names, "policy": {"objectId": principal}} if names else {}


def _principal(inputs: Values) -> str:
    return str(inputs["policy"]["objectId"])


def _outputs(inputs: Values, policy: Values) -> Values:
    names = {key: inputs[key] for key in ("resourceGroupName", "vaultName")}
    permissions = {kind: granted for kind, granted in policy["permissions"].items() if granted}
    return {**names, "policy": {**policy, "permissions": permissions}}

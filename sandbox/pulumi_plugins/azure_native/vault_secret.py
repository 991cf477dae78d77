"""keyvault:Secret: written by Azure Resource Manager, deleted and recovered by the vault's data plane."""

from sandbox.pulumi_plugins.azure_native import conversion
from sandbox.pulumi_plugins.azure_native.arm_resource import ArmResourceProvider
from sandbox.pulumi_plugins.azure_native.http_client import ResponseError
from sandbox.pulumi_plugins.azure_native.resource_schema import ResourceSchema
from sandbox.pulumi_plugins.azure_native.resource_types import RESOURCE_TYPES
from sandbox.pulumi_plugins.protocol.call_context import ProviderError, pause
from sandbox.pulumi_plugins.protocol.values import Values

_QUERY = "api-version=7.5"
_MAX_CONFLICTS = 6
"""Consecutive conflicts without a secret to recover, before the conflict is reported."""

_PAUSE = 5.0


class VaultSecretProvider(ArmResourceProvider):
    """Secrets of vaults."""

    def delete(self, token: str, id: str, inputs: Values) -> None:
        """Delete a secret without purging it; a missing secret or vault is not an error."""
        base = self._vault_url(inputs)
        if base is None:
            return
        url = f"{base}/secrets/{inputs['secretName']}"
        answer = self._azure.send_to_vault("DELETE", f"{url}?{_QUERY}")
        if answer.status_code not in (200, 404):
            # The error of the vault's client, which has the body: it names the action that is not permitted.
            raise ProviderError(
                f"DELETE {url}\nRESPONSE {answer.status_code}: {answer.reason}\n{answer.text}"
            )

    def _write(
        self, schema: ResourceSchema, id: str, version: str, body: Values, inputs: Values, old: Values | None
    ) -> tuple[str, Values]:
        """PUT the secret; a soft-deleted secret with the same name is recovered first."""
        conflicts = 0
        while True:
            try:
                return id, conversion.outputs(schema, self._azure.put(id, version, body))
            except ResponseError as error:
                if error.status != 409:
                    raise
                conflicts = 0 if self._recover(inputs) else conflicts + 1
                if conflicts >= _MAX_CONFLICTS:
                    raise
            pause(_PAUSE if conflicts else 0.2)

    def _recover(self, inputs: Values) -> bool:
        """Start the recovery of a soft-deleted secret; False if there is none."""
        base = self._vault_url(inputs)
        if base is None:
            return False
        deleted = f"{base}/deletedsecrets/{inputs['secretName']}"
        if self._azure.send_to_vault("GET", f"{deleted}?{_QUERY}").status_code != 200:
            return False
        return self._azure.send_to_vault("POST", f"{deleted}/recover?{_QUERY}").status_code == 200

    def _vault_url(self, inputs: Values) -> str | None:
        vault = RESOURCE_TYPES["keyvault:Vault"]
        found = self._azure.find(vault.id(self._azure.subscription, inputs), vault.version)
        return None if found is None else str(found["properties"]["vaultUri"]).rstrip("/")

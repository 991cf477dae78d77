"""keyvault:Secret: written through the management endpoint, removed and recovered at the vault itself."""

from __future__ import annotations

import time
from collections.abc import Callable

from sandbox.pulumi_plugins.azure_native.arm_client import ArmClient
from sandbox.pulumi_plugins.azure_native.http_client import ResponseError
from sandbox.pulumi_plugins.azure_native.resource_types import RESOURCE_TYPES
from sandbox.pulumi_plugins.protocol.call_context import ProviderError, pause
from sandbox.pulumi_plugins.protocol.values import Values

_API = "api-version=7.5"
_CONFLICTS = 6
"""In a row, with nothing to recover: then the conflict is the error."""
_LIMIT, _PAUSE = 180.0, 5.0


class VaultSecrets:
    """The data plane's part of a secret's life."""

    def __init__(self, arm: ArmClient) -> None:
        self._arm = arm

    def written(self, inputs: Values, put: Callable[[], Values]) -> Values:
        """What `put` answers; a deleted secret in the way is recovered first, then written over."""
        end, conflicts = time.monotonic() + _LIMIT, 0
        while True:
            try:
                return put()
            except ResponseError as error:
                if error.status != 409:
                    raise
                conflicts = 0 if self._recovered(inputs) else conflicts + 1
                if conflicts >= _CONFLICTS or time.monotonic() > end:
                    raise
            pause(_PAUSE if conflicts else 0.2)

    def delete(self, inputs: Values) -> None:
        """The management endpoint has no DELETE for secrets. What is gone is good; nothing is purged."""
        base = self._base(inputs)
        if base is None:
            return
        status = self._arm.on_vault("DELETE", f"{base}/secrets/{inputs['secretName']}?{_API}")
        if status not in (200, 404):
            raise ProviderError(f"Status={status} deleting secret {inputs['secretName']!r} of {base}")

    def _recovered(self, inputs: Values) -> bool:
        """Whether a deleted secret of that name was there; it is on its way back then."""
        base = self._base(inputs)
        if base is None:
            return False
        place = f"{base}/deletedsecrets/{inputs['secretName']}"
        if self._arm.on_vault("GET", f"{place}?{_API}") != 200:
            return False
        return self._arm.on_vault("POST", f"{place}/recover?{_API}") == 200

    def _base(self, inputs: Values) -> str | None:
        vault = RESOURCE_TYPES["keyvault:Vault"]
        found = self._arm.get(vault.id(self._arm.subscription, inputs), vault.version)
        return None if found is None else str(found["properties"]["vaultUri"]).rstrip("/")

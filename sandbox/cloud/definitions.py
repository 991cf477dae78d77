"""The fixed definition of the two clouds: what a stack's configuration may name before any port is known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CloudDefinition:
    """One cloud's identity. Nothing here depends on the machine, so stack files can name it."""

    side: str
    """`source` or `target`: the folder of its state, and its key in `status --json`."""

    name: str
    """The cloud's name, as `azure-native:environment` and its metadata document spell it."""

    subscription: str
    tenant: str
    location: str

    registry: str
    """The Premium registry that is there before anything is deployed."""

    registry_group: str = "images"
    """The resource group of that registry."""

    operator: str = "0b5e0000-0000-4000-8000-000000000001"
    """Object ID of the person or machine that calls; it owns the subscription."""

    operator_application: str = "0b5e0000-0000-4000-8000-000000000002"
    """Application (client) ID of the same."""

    @property
    def vault_audience(self) -> str:
        """What a token for this cloud's vaults is issued for; each cloud has its own."""
        return f"https://vault.{self.name.lower()}.invalid"


SOURCE = CloudDefinition(
    side="source",
    name="SandboxSource",
    subscription="50000000-0000-4000-8000-000000000001",
    tenant="50000000-0000-4000-8000-00000000000a",
    location="westeurope",
    registry="contososource",
)
TARGET = CloudDefinition(
    side="target",
    name="SandboxTarget",
    subscription="70000000-0000-4000-8000-000000000001",
    tenant="70000000-0000-4000-8000-00000000000a",
    location="northeurope",
    registry="contosotarget",
)
CLOUDS = (SOURCE, TARGET)

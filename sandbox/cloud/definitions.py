"""The two clouds: the names and IDs that stack files can contain before the sandbox starts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CloudDefinition:
    """One cloud's names and IDs. They do not depend on the machine."""

    side: str
    """`source` or `target`: its folder and its key in `status --json`."""

    name: str
    """The cloud's name in `azure-native:environment` and in its metadata document."""

    other_name: str
    """The name of one of Azure's own clouds, under which the metadata describes this cloud too."""

    subscription: str
    tenant: str
    location: str

    registry: str
    """The predefined Premium registry."""

    registry_group: str = "images"
    """The resource group of that registry."""

    operator: str = "0b5e0000-0000-4000-8000-000000000001"
    """Object ID of the operator, who owns the subscription."""

    operator_application: str = "0b5e0000-0000-4000-8000-000000000002"
    """Application (client) ID of the operator."""

    @property
    def vault_audience(self) -> str:
        """The audience of tokens for this cloud's vaults; each cloud has its own."""
        return f"https://vault.{self.name.lower()}.invalid"


SOURCE = CloudDefinition(
    side="source",
    name="SandboxSource",
    other_name="usgovernment",
    subscription="50000000-0000-4000-8000-000000000001",
    tenant="50000000-0000-4000-8000-00000000000a",
    location="westeurope",
    registry="contososource",
)
TARGET = CloudDefinition(
    side="target",
    name="SandboxTarget",
    other_name="china",
    subscription="70000000-0000-4000-8000-000000000001",
    tenant="70000000-0000-4000-8000-00000000000a",
    location="northeurope",
    registry="contosotarget",
)
CLOUDS = (SOURCE, TARGET)

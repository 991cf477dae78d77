"""One cloud's state and addresses. Constructing it starts nothing, so commands and tests can read it."""

import uuid
from dataclasses import dataclass

from sandbox.cloud.database import Database
from sandbox.cloud.definitions import CloudDefinition
from sandbox.cloud.needed_rights import NeededRights
from sandbox.cloud.paths import Paths
from sandbox.cloud.ports import Ports
from sandbox.cloud.request_log import RequestLog
from sandbox.cloud.resources import Resources
from sandbox.entra.tokens import Tokens
from sandbox.faults.state import Faults

HOST = "localhost"
REGISTRY_HOST = "127.0.0.1"
"""Some registry clients assume that a registry named `localhost` has no TLS (see docs/adr/0030)."""

REGISTRIES = "Microsoft.ContainerRegistry/registries"
VAULTS = "Microsoft.KeyVault/vaults"
ACCOUNTS = "Microsoft.Storage/storageAccounts"


@dataclass
class Cloud:
    """One cloud. Two clouds share the machine, but no state, key or address."""

    definition: CloudDefinition
    paths: Paths

    def __post_init__(self) -> None:
        self.folder = self.paths.state / self.definition.side
        self.database = Database(self.folder)
        self.resources = Resources(self.database)
        self.request_log = RequestLog(self.database)
        self.needed_rights = NeededRights(self.database)
        self.ports = Ports(self.database)
        self.faults = Faults(self.database)
        self.tokens = Tokens(self.definition, self.folder, self.faults.time)

    @property
    def arm(self) -> str:
        """The base URL of the management endpoint, without a slash at its end."""
        return f"https://{HOST}:{self.ports.of('management')}"

    @property
    def audience(self) -> str:
        """The audience of tokens for the management endpoint."""
        return self.arm + "/"

    @property
    def authority(self) -> str:
        """The URL at which programs sign in to this cloud's tenant."""
        return f"{self.arm}/{self.definition.tenant}"

    def login_server(self, registry: str) -> str:
        """Host and port of a registry."""
        return f"{REGISTRY_HOST}:{self.ports.of(f'registry/{registry.lower()}')}"

    def blob_url(self, account: str) -> str:
        """The blob endpoint of a storage account; it ends with a slash, as in Azure."""
        return f"https://{HOST}:{self.ports.of('storage')}/{account}/"

    def vault_url(self, vault: str) -> str:
        """The URL of a vault, without a slash at its end."""
        return f"https://{HOST}:{self.ports.of(f'vault/{vault.lower()}')}"

    def names(self, type: str) -> list[str]:
        """The names of all resources of a type."""
        return [body["name"] for body in self.resources.of_type(type)]

    def endpoints(self) -> list[str]:
        """The names of all endpoints and servers that listen on a port while this cloud is up."""
        registries = self.names(REGISTRIES)
        return [
            *("management", "storage"),
            *(f"registry/{name.lower()}" for name in registries),
            *(f"registry-server/{name}" for name in registries),
            *(f"vault/{name.lower()}" for name in self.names(VAULTS)),
        ]

    @property
    def operator_secret(self) -> str:
        """The operator's client secret; the same at every start."""
        return self.tokens.secret_for("operator").hex()

    def operator_token(self, audience: str) -> str:
        """A token of the operator."""
        return self.tokens.issue(self.definition.operator, audience, idtyp="app")

    def authorise(self, registry: str, *repositories: str) -> dict[str, str]:
        """A header that permits pull and push in some repositories of a registry."""
        actions = ["pull", "push"]
        access = [{"type": "repository", "name": name, "actions": actions} for name in repositories]
        audience = self.login_server(registry)
        token = self.tokens.issue("acr-transfer-service", audience, seconds=3600, access=access)
        return {"Authorization": f"Bearer {token}"}


def new_id() -> str:
    """A new GUID."""
    return str(uuid.uuid4())

"""What `doctor` looks at: everything about one side that the caller may see, and what could not be seen."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from transfer.errors import AccessError, TransferError
from transfer.management import PIPELINES, PIPELINES_WITHOUT_MODE
from transfer.sas_token import SasToken

if TYPE_CHECKING:
    import aiohttp
    from azure.core.credentials_async import AsyncTokenCredential

    from transfer.management import Management
    from transfer.stacks import Stack

Body = Mapping[str, Any]
_ACCOUNTS = "providers/Microsoft.Storage/storageAccounts"
_VAULTS = "providers/Microsoft.KeyVault/vaults"


@dataclass(frozen=True)
class Blob:
    """A blob that waits at the target."""

    name: str
    marked: bool
    """Whether it has the metadata that a trigger looks for."""

    hashed: bool
    """Whether it has a Content-MD5."""

    changed: datetime


@dataclass(kw_only=True)
class Facts:
    """One side as it was found. None: not there. What could not be seen is in `unseen`, by its name."""

    side: str
    registry: Body | None = None
    pipeline: Body | None = None
    account: Body | None = None
    container: Body | None = None
    vault: Body | None = None
    secret: Body | None = None
    token: SasToken | None = None
    roles: frozenset[str] = frozenset()
    """GUIDs of the roles of the pipeline's identity, on the container or on the vault."""

    blobs: tuple[Blob, ...] | None = None
    expected: tuple[str, ...] = ()
    """Blobs of the source's hand-over."""

    clock: float | None = None
    """Seconds that this machine is ahead of the cloud."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    unseen: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> Body:
        """The pipeline's target or source: where its blobs are, and how it gets in."""
        properties = (self.pipeline or {}).get("properties") or {}
        found: Body = properties.get("target") or properties.get("source") or {}
        return found

    @property
    def by_identity(self) -> bool:
        """Whether the pipeline's identity opens the container itself, without a SAS token."""
        return str(self.place.get("storageAccessMode") or "").lower() == "managedidentity"

    @property
    def principal(self) -> str:
        """Whom the pipeline acts as."""
        identity = (self.pipeline or {}).get("identity") or {}
        assigned = [identity, *(identity.get("userAssignedIdentities") or {}).values()]
        return next((str(each["principalId"]) for each in assigned if each.get("principalId")), "")


class Examination:
    """Collects the facts of one side; what the caller may not see is noted, and no failure."""

    def __init__(
        self,
        side: str,
        stack: Stack,
        subscription: str,
        management: Management,
        session: aiohttp.ClientSession,
    ) -> None:
        self.facts = Facts(side=side)
        self._stack, self._subscription = stack, subscription
        self._management, self._session = management, session

    async def made(self, login: AsyncTokenCredential) -> Facts:
        """Everything that can be seen of this side, but for its blobs."""
        side = "export" if self.facts.side == "source" else "import"
        pipeline_id = self._stack.output(f"{side}PipelineId")
        registry_id = pipeline_id.rsplit("/", 2)[0]
        self.facts.registry = await self._seen("the registry", registry_id, "2023-07-01")
        self.facts.pipeline = await self._seen("the pipeline", pipeline_id, PIPELINES, PIPELINES_WITHOUT_MODE)
        await self._storage()
        if self.facts.by_identity:
            await self._roles(str((self.facts.container or self.facts.account or {}).get("id") or ""))
        else:
            await self._vault(login)
        self._clock()
        return self.facts

    async def _storage(self) -> None:
        url = str(self.facts.place.get("uri") or self._stack.outputs.get("containerUrl") or "")
        self.facts.account = await self._by_endpoint(_ACCOUNTS, "2024-01-01", url, _blob_endpoint)
        if self.facts.account:
            name = urlsplit(url).path.rstrip("/").rpartition("/")[2]
            id = f"{self.facts.account['id']}/blobServices/default/containers/{name}"
            self.facts.container = await self._seen("the container", id, "2024-01-01")

    async def _vault(self, login: AsyncTokenCredential) -> None:
        uri = str(self.facts.place.get("keyVaultUri") or "")
        rest = uri.partition("/secrets/")[2]
        self.facts.vault = await self._by_endpoint(_VAULTS, "2024-11-01", uri, _vault_uri)
        if not self.facts.vault:
            return
        id = f"{self.facts.vault['id']}/secrets/{rest.split('/')[0]}"
        self.facts.secret = await self._seen("the secret", id, "2024-11-01")
        await self._roles(str(self.facts.vault["id"]))
        with self._noting("the SAS token"):
            self.facts.token = await self._token(uri, login)

    async def _roles(self, scope: str) -> None:
        if not scope or not self.facts.principal:
            return
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
        asked = f"{path}?$filter=principalId eq '{self.facts.principal}'".replace(" ", "%20")
        with self._noting("role assignments"):
            found = await self._management.list(asked, "2022-04-01")
            given = (str(each["properties"]["roleDefinitionId"]) for each in found)
            self.facts.roles = frozenset(each.rpartition("/")[2].lower() for each in given)

    async def _token(self, uri: str, login: AsyncTokenCredential) -> SasToken | None:
        """The secret's value, decoded at once; only what it allows is kept."""
        async with self._session.get(f"{uri}?api-version=7.4") as knock:
            challenge = knock.headers.get("WWW-Authenticate", "")
        audience = re.search(r'(?:resource|scope)="([^"]+)"', challenge)
        if not audience:
            raise AccessError("the vault does not say what it takes tokens for")
        bearer = await login.get_token(f"{audience.group(1).removesuffix('/.default').rstrip('/')}/.default")
        headers = {"Authorization": f"Bearer {bearer.token}"}
        async with self._session.get(f"{uri}?api-version=7.4", headers=headers) as answer:
            if answer.status != 200:
                raise AccessError(f"the vault answers HTTP {answer.status}; secrets get lets the caller look")
            return SasToken.parse(str((await answer.json()).get("value") or ""))

    async def _by_endpoint(self, collection: str, version: str, url: str, endpoint: Any) -> Body | None:
        with self._noting(collection.rpartition("/")[2]):
            listed = await self._management.list(f"/subscriptions/{self._subscription}/{collection}", version)
            for body in listed:
                base = str(endpoint(body) or "").rstrip("/").lower()
                if base and url.lower().startswith(f"{base}/"):
                    return body
        return None

    async def _seen(self, what: str, id: str, *versions: str) -> Body | None:
        with self._noting(what):
            return await self._management.get(id, *versions)
        return None

    def _noting(self, what: str) -> _Noting:
        return _Noting(self.facts.unseen, what)

    def _clock(self) -> None:
        if self._management.date:
            cloud = parsedate_to_datetime(self._management.date)
            self.facts.clock = (datetime.now(UTC) - cloud).total_seconds()


class _Noting:
    """Notes what could not be seen, with the reason, and goes on."""

    def __init__(self, notes: dict[str, str], what: str) -> None:
        self._notes, self._what = notes, what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        # Only words of our own: a library's exception may hold the request.
        known = isinstance(error, TransferError)
        self._notes[self._what] = str(error) if known else type(error).__name__
        return True


def _blob_endpoint(account: Body) -> str:
    return str(((account.get("properties") or {}).get("primaryEndpoints") or {}).get("blob") or "")


def _vault_uri(vault: Body) -> str:
    return str((vault.get("properties") or {}).get("vaultUri") or "")


@asynccontextmanager
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Connections to vaults."""
    import ssl

    import aiohttp

    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context())
    patience = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=patience, trust_env=True) as opened:
        yield opened

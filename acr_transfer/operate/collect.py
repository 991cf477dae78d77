"""How `doctor` looks at one side: with the caller's own rights, and noting whatever it may not see."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from acr_transfer.azure.arm import PIPELINES, PIPELINES_WITHOUT_MODE, blob_endpoint
from acr_transfer.errors import FAILURES, AccessError
from acr_transfer.model.sas import SasToken
from acr_transfer.operate.facts import Body, Facts
from acr_transfer.operate.runs import all_runs

if TYPE_CHECKING:
    import aiohttp
    from azure.core.credentials_async import AsyncTokenCredential

    from acr_transfer.azure.arm import ArmClient
    from acr_transfer.azure.stacks import Stack

_ACCOUNTS = "providers/Microsoft.Storage/storageAccounts"
_VAULTS = "providers/Microsoft.KeyVault/vaults"
_REGISTRIES = "Microsoft.ContainerRegistry/registries"


class Examination:
    """Collects the facts of one side; what the caller may not see is noted, and no failure."""

    def __init__(
        self,
        side: str,
        stack: Stack,
        subscription: str,
        management: ArmClient,
        session: aiohttp.ClientSession,
    ) -> None:
        self.facts = Facts(side=side, stack=stack.name)
        self._stack, self._subscription = stack, subscription
        self._management, self._session = management, session

    async def made(self, login: AsyncTokenCredential) -> Facts:
        """Everything that Resource Manager, vault and storage tell of this side, but for its blobs."""
        pipeline_id = self._stack.pipeline_id(self.facts.side)
        registry_id = pipeline_id.rsplit("/", 2)[0]
        self.facts.registry = await self._seen("the registry", registry_id, "2023-07-01")
        self.facts.pipeline = await self._seen("the pipeline", pipeline_id, PIPELINES, PIPELINES_WITHOUT_MODE)
        await self._rights(registry_id, pipeline_id.split("/")[-2])
        await self._storage()
        if self.facts.by_identity:
            await self._roles(str((self.facts.container or self.facts.account or {}).get("id") or ""))
        else:
            await self._vault(login)
        if self.facts.side == "target":
            await self._imported(registry_id, pipeline_id)
        self._clock()
        return self.facts

    async def _rights(self, registry_id: str, kind: str) -> None:
        """https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource"""
        path = f"{registry_id}/providers/Microsoft.Authorization/permissions"
        with self.noting("your rights"):
            granted = await self._management.list(path, "2022-04-01")
            self.facts.may_not = tuple(
                resources
                for resources in (kind, "pipelineRuns")
                if not _allows(granted, f"{_REGISTRIES}/{resources}/write")
            )

    async def _storage(self) -> None:
        url = str(self.facts.place.get("uri") or self._stack.outputs.get("containerUrl") or "")
        self.facts.account = await self._by_endpoint(
            "the storage account", _ACCOUNTS, "2024-01-01", url, blob_endpoint
        )
        if self.facts.account:
            name = urlsplit(url).path.rstrip("/").rpartition("/")[2]
            id = f"{self.facts.account['id']}/blobServices/default/containers/{name}"
            self.facts.container = await self._seen("the container", id, "2024-01-01")

    async def _vault(self, login: AsyncTokenCredential) -> None:
        uri = str(self.facts.place.get("keyVaultUri") or "")
        self.facts.vault = await self._by_endpoint("the key vault", _VAULTS, "2024-11-01", uri, _vault_uri)
        if not self.facts.vault:
            return
        id = f"{self.facts.vault['id']}/secrets/{self.facts.secret_name}"
        self.facts.secret = await self._seen("the SAS secret", id, "2024-11-01")
        await self._roles(str(self.facts.vault["id"]))
        with self.noting("the SAS token"):
            await self._token(uri, login)

    async def _roles(self, scope: str) -> None:
        if not scope or not self.facts.principal:
            return
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
        asked = f"{path}?$filter=principalId eq '{self.facts.principal}'".replace(" ", "%20")
        with self.noting("role assignments"):
            found = await self._management.list(asked, "2022-04-01")
            given = (str(each["properties"]["roleDefinitionId"]) for each in found)
            self.facts.roles = frozenset(each.rpartition("/")[2].lower() for each in given)

    async def _token(self, uri: str, login: AsyncTokenCredential) -> None:
        """The secret's value, decoded and tried at once; only what it allows is kept."""
        async with self._session.get(f"{uri}?api-version=7.4") as knock:
            challenge = knock.headers.get("WWW-Authenticate", "")
        audience = re.search(r'(?:resource|scope)="([^"]+)"', challenge)
        if not audience:
            raise AccessError("the vault does not say what it takes tokens for")
        bearer = await login.get_token(f"{audience.group(1).removesuffix('/.default').rstrip('/')}/.default")
        headers = {"Authorization": f"Bearer {bearer.token}"}
        async with self._session.get(f"{uri}?api-version=7.4", headers=headers) as answer:
            if answer.status != 200:
                raise AccessError(_refusal(answer.status, await answer.text()))
            value = str((await answer.json()).get("value") or "")
        self.facts.token = SasToken.parse(value)
        if self.facts.token.signed:
            await self._tried(value)

    async def _tried(self, value: str) -> None:
        """What storage answers to whoever lists one blob with the token.

        https://learn.microsoft.com/rest/api/storageservices/list-blobs
        """
        from yarl import URL

        query = f"restype=container&comp=list&maxresults=1&{value.lstrip('?')}"
        url = URL(f"{self.facts.place['uri']}?{query}", encoded=True)
        with self.noting("whether storage takes the SAS token"):
            async with self._session.get(url) as answer:
                said = (await answer.read()).decode(errors="replace")
            if answer.status != 200:
                code = answer.headers.get("x-ms-error-code", "")
                wrong = code == "AuthenticationFailed" or "including the signature" in said
                self.facts.answer = "signature" if wrong else f"{answer.status} {code}".strip()

    async def _imported(self, registry_id: str, pipeline_id: str) -> None:
        with self.noting("the runs"):
            listed = await all_runs(registry_id, self._stack.container_url(), self._management)
            own = (run for run in listed if run.pipeline == pipeline_id.lower())
            self.facts.imported = frozenset(run.blob for run in own if run.succeeded)

    async def _by_endpoint(
        self, what: str, collection: str, version: str, url: str, endpoint: Any
    ) -> Body | None:
        with self.noting(what):
            path = f"/subscriptions/{self._subscription}/{collection}"
            return await self._management.find_by_endpoint(path, version, url, endpoint)
        return None

    async def _seen(self, what: str, id: str, *versions: str) -> Body | None:
        with self.noting(what):
            return await self._management.get(id, *versions)
        return None

    def noting(self, what: str) -> _Noting:
        """A block that may fail: the reason is noted under this name."""
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
        known = isinstance(error, FAILURES)
        self._notes[self._what] = str(error) if known else type(error).__name__
        return True


def _allows(granted: Sequence[Mapping[str, Any]], action: str) -> bool:
    """Whether one of these permissions has the action and does not take it away again.

    https://learn.microsoft.com/azure/role-based-access-control/role-definitions#how-actions-and-notactions-work
    """

    def has(patterns: Any) -> bool:
        return any(fnmatch.fnmatchcase(action.lower(), str(pattern).lower()) for pattern in patterns or ())

    return any(has(each.get("actions")) and not has(each.get("notActions")) for each in granted)


def _vault_uri(vault: Body) -> str:
    return str((vault.get("properties") or {}).get("vaultUri") or "")


def _refusal(status: int, said: str) -> str:
    """Why a vault gives no secret out: of two reasons with one code, Key Vault tells in words alone."""
    if "Client address is not authorized" in said:
        return "the vault's firewall keeps this machine out; a rule for its address lets the caller look"
    return f"the vault answers HTTP {status}; secrets get lets the caller look"

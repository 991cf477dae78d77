"""Collects the facts for `doctor` with the caller's own rights, and notes what the caller cannot read."""

import asyncio
import fnmatch
import logging
import re
import traceback
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential
from yarl import URL

from acr_transfer.azure import connect, containers
from acr_transfer.azure.arm import (
    PIPELINES,
    PIPELINES_WITHOUT_MODE,
    REGISTRIES,
    REGISTRIES_WITHOUT_MODE,
    ArmClient,
)
from acr_transfer.azure.clouds import Cloud
from acr_transfer.azure.endpoints import find_account, find_vault
from acr_transfer.azure.http_session import AzureHttp, http_session, https_endpoint
from acr_transfer.azure.stack_state import PIPELINE_KINDS, StateResource
from acr_transfer.azure.stacks import Stack, plain_container_url
from acr_transfer.errors import FAILURES, AccessError, explained, host
from acr_transfer.model.credentials import quoted
from acr_transfer.model.roles import RoleAssignmentMode
from acr_transfer.model.sas import SasToken
from acr_transfer.operate.blobs import list_blobs
from acr_transfer.operate.drift import deleted_resources, deleted_runs
from acr_transfer.operate.facts import Body, Facts, properties
from acr_transfer.operate.rights import Right, deployer_rights, operator_rights
from acr_transfer.operate.runs import pipeline_runs, start_of, unresolved_failures

_SECRETS_VERSION = "7.4"


async def collect(stacks: Mapping[str, Stack], states: Mapping[str, Sequence[StateResource]]) -> list[Facts]:
    """The facts of each side; `stacks` and their `states` are by side, `source` or `target` or both."""
    found = await asyncio.gather(
        *(_collect_side(side, stack, states[side]) for side, stack in stacks.items())
    )
    by_side = {facts.side: facts for facts in found}
    if len(by_side) == 2:
        source, target = by_side["source"], by_side["target"]
        target.handover_blobs = source.handover_blobs
        source.needed_blobs = target.lacking_blobs
    return list(found)


async def _collect_side(side: str, stack: Stack, state: Sequence[StateResource]) -> Facts:
    facts = Facts(side=side, stack=stack.name, config=stack.keys)
    async with (
        connect.arm(stack) as arm,
        http_session() as http,
        connect.signed_in(stack.provider) as (_, credential),
    ):
        await arm.sign_in()  # Without a login, nothing can be read.
        resources = _Resources(facts, stack, arm)
        await resources.collect(http, credential)
        await resources.compare(state)
    if facts.container:
        with noting(facts, "the blobs"):
            async with containers.container(stack) as container:
                facts.blobs = await list_blobs(container.client)
    if side == "source":
        with noting(facts, "the artifacts"):
            await _artifacts(stack, facts)
    return facts


@contextmanager
def noting(facts: Facts, what: str) -> Iterator[None]:
    """Note why something could not be read, and continue.

    An error that this program does not expect is noted apart: it must not look like a missing right.
    """
    try:
        yield
    except (*FAILURES, aiohttp.ClientError, OSError) as error:
        # The message of a library's error can quote the request, so only the type is shown.
        facts.unseen[what] = str(error) if isinstance(error, FAILURES) else type(error).__name__
    except Exception as error:
        facts.errors[what] = type(error).__name__
        frames = "".join(traceback.format_tb(error.__traceback__))
        logging.getLogger(__name__).error("collecting %s: %s\n%s", what, type(error).__name__, frames)


class _Resources:
    """Reads one side's resources from Resource Manager, and its SAS token."""

    def __init__(self, facts: Facts, stack: Stack, arm: ArmClient) -> None:
        self._facts, self._stack, self._arm = facts, stack, arm

    async def collect(self, http: AzureHttp, credential: AsyncTokenCredential) -> None:
        facts = self._facts
        pipeline_id = self._stack.pipeline_id(facts.side)
        registry_id = pipeline_id.rsplit("/", 2)[0]
        request = self._arm.get(registry_id, REGISTRIES, REGISTRIES_WITHOUT_MODE)
        facts.registry = await self._read("the registry", request)
        facts.configured_mode = self._stack.keys.get("registryRoleAssignmentMode", "")
        request = self._arm.get(pipeline_id, PIPELINES, PIPELINES_WITHOUT_MODE)
        facts.pipeline = await self._read("the pipeline", request)
        if RoleAssignmentMode.of(facts.registry or {}) is RoleAssignmentMode.ABAC:
            facts.registry_roles = await self._roles(registry_id)
        await self._storage()
        if facts.by_identity:
            facts.roles = await self._roles(str((facts.container or facts.account or {}).get("id") or ""))
        else:
            await self._vault(http, credential)
        with noting(facts, "your rights"):
            await self._rights(registry_id)
        with noting(facts, "the runs"):
            runs = await pipeline_runs(pipeline_id, self._stack.container_url(), self._arm)
            facts.runs = frozenset(run.id.lower() for run in runs)
            facts.imported = frozenset(run.blob for run in runs if run.succeeded)
            facts.failed = {run.blob: run for run in sorted(unresolved_failures(runs), key=start_of)}
        facts.clock = _seconds_ahead(self._arm.date)

    async def compare(self, state: Sequence[StateResource]) -> None:
        """Compare the stack's state with Azure."""
        facts = self._facts
        read = (facts.registry, facts.pipeline, facts.account, facts.container, facts.vault, facts.secret)
        existing = {str(found.get("id")).lower() for found in read if found}
        facts.deleted, unread = await deleted_resources(state, existing, self._arm)
        for name, reason in unread.items():
            facts.unseen[f"{name} in the stack's state"] = reason
        replaced = (each for each in state if each.replaced and each.kind in PIPELINE_KINDS)
        facts.replaced_pipelines = tuple(each.name for each in replaced)
        if facts.runs is not None:
            facts.deleted += deleted_runs(state, facts.runs)

    async def _rights(self, registry_id: str) -> None:
        """Compare the caller's permissions with the rights that the commands and `pulumi up` need.

        A permission of a resource includes those of its group and its subscription. Nothing is known about
        those on a resource that does not exist.
        """
        facts = self._facts
        group = connect.scope_of(self._stack, "acr-transfer:storageAccount")
        inside = [str(found["id"]) for found in (facts.container or facts.account, facts.vault) if found]
        on_registry = await self._permissions(registry_id)
        on_group = await self._permissions(group, *inside)
        on_both = None if on_group is None else [*on_group, *(on_registry or ())]
        granted = {"registry": on_registry, "resource group": on_group, "subscription": on_both}
        facts.scopes = {"registry": registry_id, "resource group": group, "subscription": group}
        read = (
            ("Microsoft.Storage/", "the storage account", facts.account),
            ("Microsoft.KeyVault/", "the key vault", facts.vault),
        )
        unknown = tuple(
            provider for provider, what, found in read if found is None and what not in facts.unseen
        )

        def lacking(rights: Sequence[Right]) -> tuple[Right, ...]:
            return tuple(
                right
                for right in rights
                if (permissions := granted[right.place]) is not None
                if not right.action.startswith(unknown)
                if not allows(permissions, right.action, is_data=right.is_data)
            )

        config = self._stack.keys
        by_key = properties(facts.account).get("allowSharedKeyAccess") is not False
        by_key &= config.get("storageAccess") != "ManagedIdentity"
        mode = RoleAssignmentMode.of(facts.registry or {})
        facts.lacking_to_operate = lacking(operator_rights(facts.side, by_key=by_key, mode=mode))
        facts.lacking_to_deploy = lacking(deployer_rights(facts.side, config))

    async def _permissions(self, *scopes: str) -> list[Body] | None:
        """The caller's permissions, which everybody may read; None if none of the scopes exists.

        https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource
        """
        path = "/providers/Microsoft.Authorization/permissions"
        reads = (self._arm.list_existing(scope + path, "2022-04-01") for scope in scopes)
        lists = [each for each in await asyncio.gather(*reads) if each is not None]
        return [*chain(*lists)] if lists else None

    async def _storage(self) -> None:
        url = str(self._facts.container_settings.get("uri") or self._stack.outputs.get("containerUrl") or "")
        request = find_account(self._stack, url, self._arm)
        self._facts.account = account = await self._read("the storage account", request)
        if account:
            name = urlsplit(url).path.rstrip("/").rpartition("/")[2]
            container_id = f"{account['id']}/blobServices/default/containers/{name}"
            request = self._arm.get(container_id, "2024-01-01")
            self._facts.container = await self._read("the container", request)

    async def _vault(self, http: AzureHttp, credential: AsyncTokenCredential) -> None:
        facts, uri = self._facts, self._facts.secret_uri
        request = find_vault(self._stack, uri, self._arm)
        facts.vault = await self._read("the key vault", request)
        if not facts.vault:
            return
        secret_id = f"{facts.vault['id']}/secrets/{facts.secret_name}"
        facts.secret = await self._read("the SAS secret", self._arm.get(secret_id, "2024-11-01"))
        if properties(facts.vault).get("enableRbacAuthorization"):
            facts.roles = await self._roles(str(facts.vault["id"]))
        with noting(facts, "the SAS token"):
            token = await _read_secret(uri, http, credential, self._arm.cloud)
            facts.token = SasToken.parse(token)
            if facts.token.signed:
                with noting(facts, "acceptance of the SAS token"):
                    url = plain_container_url(
                        str(facts.container_settings["uri"]), "the pipeline's container"
                    )
                    facts.rejection = await _rejection(url, token, http)

    async def _roles(self, scope: str) -> frozenset[str]:
        """GUIDs of the roles of the pipeline's identity on a resource."""
        if not scope or not self._facts.principal:
            return frozenset()
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
        filtered = f"{path}?$filter=principalId eq '{self._facts.principal}'".replace(" ", "%20")
        with noting(self._facts, "role assignments"):
            found = await self._arm.list(filtered, "2022-04-01")
            roles = (str(each["properties"]["roleDefinitionId"]) for each in found)
            return frozenset(role.rpartition("/")[2].lower() for role in roles)
        return frozenset()

    async def _read(self, what: str, request: Awaitable[Body | None]) -> Body | None:
        with noting(self._facts, what):
            return await request
        return None


def _seconds_ahead(date: str) -> float | None:
    """How far this machine's clock is ahead of a `Date` header; None without a valid one."""
    try:
        return (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None


async def _artifacts(stack: Stack, facts: Facts) -> None:
    """Which artifacts of the source's hand-over exist in the registry, and which cannot be transferred."""
    from acr_transfer.operate.locked import pinned_entries
    from acr_transfer.plan.content_warnings import unsupported
    from acr_transfer.registry.failures import Unreadable, described
    from acr_transfer.registry.moved_tags import moved_tags
    from acr_transfer.registry.resolve import resolve

    handover = stack.handover()
    facts.handover_blobs = tuple(handover.blob_names)
    pinned = pinned_entries(stack, handover)
    references = sorted({*handover.references, *(entry.reference for entry in pinned)})
    async with connect.registry(stack) as registry:
        found = await resolve(references, {}, registry, with_referrers=False)
    Unreadable(found.unreadable).raise_if_all(references)
    facts.artifacts, facts.absent = len(references), tuple(found.absent)
    facts.unreadable = {name: described(name, error) for name, error in found.unreadable.items()}
    now = {artifact.reference: artifact.digest for artifact in found.artifacts}
    existing = [entry for entry in pinned if entry.reference in now]
    facts.moved = tuple(moved_tags(existing, now))
    facts.unsupported = (*found.missing, *unsupported(found))


def allows(granted: Sequence[Mapping[str, Any]], action: str, *, is_data: bool = False) -> bool:
    """Whether one of the permissions has the action in its actions and not in its notActions.

    Data actions have their own two lists.

    https://learn.microsoft.com/azure/role-based-access-control/role-definitions#how-actions-and-notactions-work
    """

    def has(patterns: Any) -> bool:
        # In Azure `/*/` also matches a single slash.
        known = [str(pattern).lower() for pattern in patterns or ()]
        known += [pattern.replace("/*/", "/") for pattern in known]
        return any(fnmatch.fnmatchcase(action.lower(), pattern) for pattern in known)

    given, excepted = ("dataActions", "notDataActions") if is_data else ("actions", "notActions")
    return any(has(each.get(given)) and not has(each.get(excepted)) for each in granted)


async def _read_secret(uri: str, http: AzureHttp, credential: AsyncTokenCredential, cloud: Cloud) -> str:
    """The value of a secret. Raises `AccessError` if the vault refuses it.

    https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses
    """
    url = f"{https_endpoint(uri, 'the URI of the SAS secret')}?api-version={_SECRETS_VERSION}"
    challenge = (await http.request("GET", url)).headers.get("WWW-Authenticate", "")
    audience = _vault_audience(challenge, host(uri), cloud)
    with explained("signing in", host(uri)):
        token = await credential.get_token(f"{audience}/.default")
    answer = await http.request("GET", url, {"Authorization": f"Bearer {token.token}"})
    if answer.status != 200:
        raise AccessError(_refusal(answer.status, answer.body.decode(errors="replace")))
    secret = answer.json()
    return str(secret.get("value") or "") if isinstance(secret, dict) else ""


def _vault_audience(challenge: str, vault: str, cloud: Cloud) -> str:
    """The audience of a token for a vault, which must be the vault's own domain or the cloud's for vaults.

    Otherwise the vault would choose a token for another service, and receive it.
    https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses
    """
    found = re.search(r'(?:resource|scope)="([^"]+)"', challenge)
    audience = found[1].removesuffix("/.default").rstrip("/") if found else ""
    if not audience:
        raise AccessError("the vault's challenge names no audience for a token")
    is_own = audience.startswith("https://") and vault.endswith(f".{host(audience)}")
    if not is_own and audience != cloud.vault_audience:
        raise AccessError(f"the vault {vault} asks for a token of another service, {quoted(audience)}")
    return audience


async def _rejection(container_url: str, token: str, http: AzureHttp) -> str:
    """Why storage rejects a token: `signature`, or status and code; empty if it lists a blob with it.

    https://learn.microsoft.com/rest/api/storageservices/list-blobs
    """
    query = f"restype=container&comp=list&maxresults=1&{token.lstrip('?')}"
    answer = await http.request("GET", URL(f"{container_url}?{query}", encoded=True))
    if answer.status == 200:
        return ""
    code = answer.headers.get("x-ms-error-code", "")
    if code == "AuthenticationFailed" or b"including the signature" in answer.body:
        return "signature"
    return f"{answer.status} {code}".strip()


def _refusal(status: int, message: str) -> str:
    """Why a vault returns no secret: Key Vault has one code for two reasons, and only the message differs."""
    if "Client address is not authorized" in message:
        return (
            "the vault's firewall blocks this machine; add its address to acr-transfer:vaultAddresses, "
            "or to the rules of an existing vault"
        )
    return f"the vault answers HTTP {status}; the caller needs the secret permission get"

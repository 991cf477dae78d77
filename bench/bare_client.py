"""A bare client of a registry: it only sends the requests that a task cannot do without."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence

import aiohttp
from filled_registry import IMAGE

CONNECTIONS = 32
_CATALOG = "_catalog?n=1000"


def plan_requests(references: Sequence[str]) -> list[list[str]]:
    """The requests for a lock of everything, in steps that need the responses of the step before."""
    return [[_CATALOG], _tag_lists(references), _manifests(references)]


def prove_requests(references: Sequence[str]) -> list[list[str]]:
    """The requests for a proof: every manifest, and the lists of tags, which show the extra ones."""
    return [[*_manifests(references), *_tag_lists(references)]]


def _manifests(references: Sequence[str]) -> list[str]:
    return [f"{name}/manifests/{tag}" for name, _, tag in (each.partition(":") for each in references)]


def _tag_lists(references: Sequence[str]) -> list[str]:
    repositories = dict.fromkeys(each.partition(":")[0] for each in references)
    return [f"{name}/tags/list?n=1000" for name in repositories]


def seconds_to_read(base: str, steps: Sequence[Sequence[str]]) -> float:
    """The seconds that these requests take, with `CONNECTIONS` at the same time."""
    begun = time.monotonic()
    asyncio.run(_read_all(base, steps))
    return time.monotonic() - begun


async def _read_all(base: str, steps: Sequence[Sequence[str]]) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
        client = _BareClient(session, base)
        await client.find_realm()
        for paths in steps:
            await asyncio.gather(*map(client.read, paths))


class _BareClient:
    """Requests with one token for each repository, if the registry requires a login."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session, self._base = session, base
        self._realm = ""
        self._tokens: dict[str, asyncio.Task[str]] = {}

    async def find_realm(self) -> None:
        """Ask the registry where its tokens are issued."""
        async with self._session.get(f"{self._base}/v2/") as response:
            found = re.search('realm="([^"]+)"', response.headers.get("WWW-Authenticate", ""))
        self._realm = found[1] if found else ""

    async def read(self, path: str) -> None:
        """Read a path below `/v2/`."""
        headers = {"Accept": IMAGE}
        if self._realm:
            headers["Authorization"] = f"Bearer {await self._token(path)}"
        async with self._session.get(f"{self._base}/v2/{path}", headers=headers) as response:
            response.raise_for_status()
            await response.read()

    async def _token(self, path: str) -> str:
        name = re.split("/manifests/|/tags/", path)[0]
        scope = "registry:catalog:*" if path == _CATALOG else f"repository:{name}:pull"
        if scope not in self._tokens:
            self._tokens[scope] = asyncio.create_task(self._request_token(scope))
        return await self._tokens[scope]

    async def _request_token(self, scope: str) -> str:
        query = {"service": "bench", "scope": scope}
        async with self._session.get(self._realm, params=query) as response:
            return str((await response.json())["token"])

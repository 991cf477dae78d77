"""HTTP sessions for Azure's control calls: Resource Manager, cloud metadata, key vaults."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

_TIMEOUT = aiohttp.ClientTimeout(total=60)


@asynccontextmanager
async def http_session() -> AsyncIterator[aiohttp.ClientSession]:
    """A session that trusts the certificates of SSL_CERT_FILE and uses the environment's proxy."""
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context())
    async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, trust_env=True) as session:
        yield session

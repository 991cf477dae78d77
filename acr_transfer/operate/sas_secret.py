"""Reads a SAS token from its vault, and tries it at the storage account."""

import re

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential
from yarl import URL

from acr_transfer.errors import AccessError, explained, host

_API_VERSION = "7.4"


async def read(uri: str, session: aiohttp.ClientSession, credential: AsyncTokenCredential) -> str:
    """The value of a secret. Raises `AccessError` if the vault refuses it.

    https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses
    """
    url = f"{uri}?api-version={_API_VERSION}"
    async with session.get(url) as response:
        challenge = response.headers.get("WWW-Authenticate", "")
    audience = re.search(r'(?:resource|scope)="([^"]+)"', challenge)
    if not audience:
        raise AccessError("the vault's challenge names no audience for a token")
    with explained("signing in", host(uri)):
        token = await credential.get_token(f"{audience[1].removesuffix('/.default').rstrip('/')}/.default")
    async with session.get(url, headers={"Authorization": f"Bearer {token.token}"}) as response:
        if response.status != 200:
            raise AccessError(_refusal(response.status, await response.text()))
        return str((await response.json()).get("value") or "")


async def rejection(container_url: str, token: str, session: aiohttp.ClientSession) -> str:
    """Why storage rejects a token: `signature`, or status and code; empty if it lists a blob with it.

    https://learn.microsoft.com/rest/api/storageservices/list-blobs
    """
    query = f"restype=container&comp=list&maxresults=1&{token.lstrip('?')}"
    async with session.get(URL(f"{container_url}?{query}", encoded=True)) as response:
        body = (await response.read()).decode(errors="replace")
    if response.status == 200:
        return ""
    code = response.headers.get("x-ms-error-code", "")
    if code == "AuthenticationFailed" or "including the signature" in body:
        return "signature"
    return f"{response.status} {code}".strip()


def _refusal(status: int, message: str) -> str:
    """Why a vault returns no secret: Key Vault has one code for two reasons, and only the message differs."""
    if "Client address is not authorized" in message:
        return "the vault's firewall blocks this machine; add a rule for its address"
    return f"the vault answers HTTP {status}; the caller needs the secret permission get"

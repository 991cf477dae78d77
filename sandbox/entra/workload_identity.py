"""Workload identity: a user-assigned identity for whoever brings a token of an issuer that it trusts.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation
"""

from __future__ import annotations

import aiohttp
import jwt

from sandbox.arm import roles
from sandbox.cloud import certificates
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.store import Json
from sandbox.http.azure_errors import SignInError

CREDENTIALS = f"{roles.IDENTITIES}/federatedIdentityCredentials"
_PATIENCE = aiohttp.ClientTimeout(total=10)


async def check(cloud: Cloud, identity: Json, assertion: str) -> None:
    """Refuse an assertion that no credential of the identity names, or that its issuer did not sign."""
    try:
        said = jwt.decode(assertion, options={"verify_signature": False})
        key = jwt.get_unverified_header(assertion).get("kid")
    except jwt.PyJWTError as error:
        raise SignInError(50027, reason=str(error)) from error
    issuer, subject, audience = (str(said.get(name)) for name in ("iss", "sub", "aud"))
    for each in cloud.store.of_type(CREDENTIALS, f"{identity['id'].lower()}/"):
        trusted = each["properties"]
        if (issuer, subject) == (trusted["issuer"], trusted["subject"]) and audience in trusted["audiences"]:
            await _check_signature(cloud, issuer, audience, assertion, key)
            return
    raise SignInError(700213, issuer=issuer, subject=subject, audience=audience)


async def _check_signature(cloud: Cloud, issuer: str, audience: str, assertion: str, key: object) -> None:
    try:
        keys = await _keys(cloud, issuer)
        found = next(each for each in keys.keys if each.key_id == key)
        jwt.decode(assertion, found.key, ["RS256"], audience=audience, issuer=issuer)
    except (TimeoutError, aiohttp.ClientError, ValueError, KeyError, StopIteration) as error:
        raise SignInError(500133, reason=f"the keys of {issuer} cannot be read") from error
    except jwt.PyJWTError as error:
        raise SignInError(500133, reason=str(error)) from error


async def _keys(cloud: Cloud, issuer: str) -> jwt.PyJWKSet:
    context = certificates.client_context(cloud.paths)
    async with aiohttp.ClientSession(timeout=_PATIENCE, raise_for_status=True) as session:
        place = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        async with session.get(place, ssl=context) as answer:
            configuration = await answer.json(content_type=None)
        async with session.get(configuration["jwks_uri"], ssl=context) as answer:
            return jwt.PyJWKSet.from_dict(await answer.json(content_type=None))

"""The tokens of one cloud, signed with its own key: another cloud refuses them."""

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.cloud.definitions import CloudDefinition
from sandbox.http.azure_errors import AzureError

_ALGORITHM = "RS256"


class Tokens:
    """Issues and checks JSON web tokens (RFC 7519) for one cloud."""

    def __init__(
        self, definition: CloudDefinition, folder: Path, clock: Callable[[], float] = time.time
    ) -> None:
        self._facts, self._clock = definition, clock
        self._key = _signing_key(folder / "tokens.pem")
        self._name = f"{definition.side}-tokens"
        self.key_set = folder / "tokens.jwks"
        """A file with the public key as a JSON web key set, for the registry servers."""
        self.key_set.write_text(json.dumps(self.public_keys))

    @property
    def public_key(self) -> str:
        """The public key in PEM format."""
        kind, form = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.Encoding.PEM
        return self._key.public_key().public_bytes(form, kind).decode()

    @property
    def public_keys(self) -> dict[str, Any]:
        """The public key as a JSON web key set (RFC 7517)."""
        return {"keys": [self._public()]}

    @property
    def issuer(self) -> str:
        """The issuer of all tokens; it contains the tenant."""
        return f"https://login.{self._facts.name.lower()}.invalid/{self._facts.tenant}/"

    def issue(self, principal: str, audience: str, *, seconds: float = 86_400, **claims: Any) -> str:
        """A token of a principal for one audience."""
        real, now = int(time.time()), int(self._clock())
        body = {"iss": self.issuer, "sub": principal, "oid": principal, "tid": self._facts.tenant}
        # Registry servers use the machine's clock: a new token is valid by that clock and by the cloud's.
        first, last = min(real, now), max(real, now)
        times = {"aud": audience, "iat": first, "nbf": first - 60, "exp": int(last + seconds)}
        whole = {
            **body,
            "appid": self._facts.operator_application,
            **times,
            "jti": str(uuid.uuid4()),
            **claims,
        }
        return jwt.encode(whole, self._key, _ALGORITHM, headers={"kid": self._name})

    def check(self, token: str, *audiences: str) -> dict[str, Any]:
        """The claims of a token; raises AzureError unless issuer, audience, times and signature are right."""
        try:
            unverified = jwt.decode(token, options={"verify_signature": False})
            if unverified.get("iss") != self.issuer:
                raise AzureError("InvalidAuthenticationTokenTenant", tenant=self._facts.tenant)
            claims: dict[str, Any] = jwt.decode(
                *(token, self._key.public_key(), [_ALGORITHM]),
                audience=audiences,
                issuer=self.issuer,
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
            self._check_times(claims)
        except jwt.InvalidAudienceError as error:
            given, known = str(unverified.get("aud")), "','".join(audiences)
            raise AzureError("InvalidAuthenticationTokenAudience", given=given, audience=known) from error
        except (jwt.PyJWTError, UnicodeError) as error:
            raise AzureError("InvalidAuthenticationToken", reason=str(error)) from error
        return claims

    def _check_times(self, claims: dict[str, Any]) -> None:
        """Check expiry by the cloud's clock, which faults can shift."""
        now = self._clock()
        if now >= claims["exp"]:
            raise AzureError(
                "ExpiredAuthenticationToken", expiry=_azure_time(claims["exp"]), now=_azure_time(now)
            )
        if now < claims["nbf"]:
            raise jwt.ImmatureSignatureError("The token is not yet valid (nbf)")

    def secret_for(self, purpose: str) -> bytes:
        """A key for another purpose, the same at every start. It does not reveal the signing key."""
        private = self._key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return hmac.new(private, purpose.encode(), hashlib.sha256).digest()

    def _public(self) -> dict[str, Any]:
        key: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {**key, "kid": self._name, "alg": _ALGORITHM, "use": "sig"}


def _azure_time(seconds: float) -> str:
    """A time in the format of Azure's messages."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment.month}/{moment.day}/{moment.year} {moment.strftime('%I:%M:%S %p').lstrip('0')}"


def _signing_key(path: Path) -> rsa.RSAPrivateKey:
    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        path.touch(mode=0o600)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    loaded = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(loaded, rsa.RSAPrivateKey)
    return loaded

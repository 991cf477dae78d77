"""The address of a registry, and the hosts that may issue its tokens."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, urljoin, urlsplit

from acr_transfer.errors import AccessError, InputError
from acr_transfer.model.credentials import quoted
from acr_transfer.model.resource_names import HOST

TOKEN_HOSTS = "ACR_TRANSFER_TOKEN_HOSTS"
"""The variable with the token hosts of other registries: `registry.example=login.example`, commas between."""

_DOCUMENTED = {
    "docker.io": "auth.docker.io",
    "index.docker.io": "auth.docker.io",
    "registry-1.docker.io": "auth.docker.io",
    "registry.gitlab.com": "gitlab.com",
}
"""The token host of registries whose documentation names another host than their own.

https://distribution.github.io/distribution/spec/auth/token/
https://docs.gitlab.com/administration/packages/container_registry/
"""

_SPLIT_DIFFERENTLY = frozenset(" \\")
"""Characters at which parsers of URLs find different hosts."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class RegistryAddress:
    """Scheme and host of a registry."""

    scheme: str
    """`https` or `http`."""

    login_server: str
    """Host, with its port if it has one."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a host, by https unless it begins with `http://`. Raises `InputError`."""
        scheme, separator, host = text.rpartition("://")
        scheme = scheme.lower() if separator else "https"
        if scheme not in _DEFAULT_PORTS or not HOST.accepts(host):
            raise InputError(
                f"{quoted(text)} is not a registry; expected {HOST.expected}, such as registry.example:5000, "
                "without path, user and password"
            )
        return cls(scheme, host)

    @property
    def base(self) -> str:
        """The URL before a path."""
        return f"{self.scheme}://{self.login_server}"

    @property
    def is_private(self) -> bool:
        """Whether nobody between can read a request: it is encrypted, or stays on this machine."""
        return self.scheme == "https" or _is_loopback(urlsplit(self.base).hostname or "")

    def token_url(self, realm: str, environ: Mapping[str, str] = os.environ) -> str:
        """Return a challenge's realm if it may receive the registry's credentials. Raises `AccessError`."""
        parts = split_url(realm)
        if parts is None or parts.username is not None or parts.password is not None:
            raise AccessError(f"{self.login_server} names no valid URL for its tokens")
        if parts.scheme not in ("https", self.scheme):
            raise AccessError(f"{self.login_server} names a URL for its tokens that is not https")
        if _origin(parts) != _origin(urlsplit(self.base)) and parts.netloc not in self._others(environ):
            raise AccessError(
                f"{self.login_server} asks for its credentials at another host, {quoted(parts.netloc)}. "
                f"If that host issues its tokens: "
                f"export {TOKEN_HOSTS}={quoted(f'{self.login_server}={parts.netloc}')}"
            )
        return realm

    def _others(self, environ: Mapping[str, str]) -> set[str]:
        pairs = (pair.strip().partition("=") for pair in environ.get(TOKEN_HOSTS, "").split(","))
        configured = {host for registry, _, host in pairs if registry == self.login_server}
        return configured | {_DOCUMENTED.get(self.login_server, "")} - {""}


def split_url(text: str, base: str = "") -> SplitResult | None:
    """The parts of an http or https URL with a valid host and port; None for any other text.

    With `base`, the text may be relative to it.
    """
    try:
        parts = urlsplit(urljoin(base, text))
        valid = parts.scheme in _DEFAULT_PORTS and parts.hostname and parts.port != 0
        return parts if valid and text.isprintable() and not _SPLIT_DIFFERENTLY & set(text) else None
    except ValueError:
        return None


def _origin(parts: SplitResult) -> tuple[str | None, int | None]:
    return parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""A fault: the requests it matches, and its effect on them."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sandbox.http.azure_errors import SandboxError

Json = dict[str, Any]

ENDPOINTS = {
    "arm": "Azure Resource Manager",
    "vault": "the data plane of key vaults",
    "token": "the identity endpoint, and /oauth2 of registries and Azure Resource Manager",
    "storage": "blob storage",
    "registry": "registries, for clients and the transfer service",
}
"""The endpoints of a cloud that can have faults, with their descriptions."""

CUTS = {
    "before": "close the connection before the request is processed",
    "after": "process the request, then close the connection instead of sending the response",
}
"""The two ways of losing a connection, with their descriptions."""

_LARGEST = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class InjectedFault:
    """One fault. Of several matching faults, the first is applied."""

    endpoint: str
    """A key of ENDPOINTS."""

    method: str = ""
    """The HTTP method; empty matches every method."""

    path: str = ""
    """Part of the path and query, in any case, with `*` as a wildcard; empty matches every path."""

    times: int = 0
    """The number of requests to which the fault is applied; 0 is unlimited."""

    skip: int = 0
    """The number of matching requests to pass first."""

    delay: float = 0
    """Seconds of delay before any other effect."""

    status: int = 0
    """The HTTP status to return; 0 serves the request."""

    code: str = ""
    """The error code to return; empty is the endpoint's usual code for the status."""

    retry_after: int | None = None
    """Seconds in a Retry-After header."""

    cut: str = ""
    """A key of CUTS."""

    firewall: bool = False
    """Whether to return the error of a closed firewall."""

    damage: bool = False
    """Whether to change the first byte of the response's body."""

    def __post_init__(self) -> None:
        if self.endpoint not in ENDPOINTS:
            raise SandboxError(f"Unknown endpoint {self.endpoint!r}. Endpoints: {', '.join(ENDPOINTS)}.")
        if self.firewall and self.endpoint not in ("storage", "vault"):
            raise SandboxError(
                "Only storage and vault have a firewall: `fault set CLOUD storage --firewall`."
            )
        if self.damage and self.endpoint != "storage":
            raise SandboxError("Only the content of storage can be damaged: `fault set CLOUD storage`.")
        if self.cut and self.cut not in CUTS:
            raise SandboxError(f"A connection can be cut {' or '.join(CUTS)}, not {self.cut!r}.")
        if self.status and not 400 <= self.status <= 599:
            raise SandboxError(f"The status of a fault must be 400 to 599, not {self.status}.")
        numbers = (self.times, self.skip, self.delay, self.retry_after or 0)
        if not all(0 <= each <= _LARGEST for each in numbers):
            raise SandboxError("times, skip, delay and retry_after must be from 0 to a billion.")
        if not re.fullmatch("[A-Za-z]*", self.method) or not re.fullmatch("[A-Za-z0-9]*", self.code):
            raise SandboxError("A method has letters only, and a code letters and digits only.")
        if not (self.delay or self.status or self.cut or self.firewall or self.damage):
            raise SandboxError(
                "The fault has no effect. Set --delay, --status, --cut, --firewall or --damage."
            )

    @property
    def pattern(self) -> str:
        """`path` as a regular expression for Python and JavaScript."""
        return ".*".join(re.escape(part) for part in self.path.split("*"))

    def matches(self, endpoint: str, method: str, target: str) -> bool:
        """Whether the fault matches a request."""
        if endpoint != self.endpoint or self.method.upper() not in ("", method.upper()):
            return False
        return re.search(self.pattern, target, re.IGNORECASE) is not None

    def json(self) -> Json:
        """All fields that are not empty."""
        return {key: value for key, value in asdict(self).items() if value not in ("", 0, None, False)}

    @classmethod
    def parse(cls, content: Json) -> InjectedFault:
        """The fault of `json`; raises SandboxError."""
        if unknown := set(content) - {field.name for field in fields(cls)}:
            raise SandboxError(f"Unknown fields of a fault: {', '.join(sorted(unknown))}.")
        try:
            return _FAULT.validate_python(content)
        except ValidationError as error:
            wrong = ", ".join(str(each["loc"][0]) for each in error.errors() if each["loc"])
            raise SandboxError(f"Fields of a fault without a value of their type: {wrong}.") from None


_FAULT = TypeAdapter(InjectedFault)

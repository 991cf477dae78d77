"""A fault: which requests it meets, and what it does to them."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Any

from sandbox.http.azure_errors import SandboxError

Json = dict[str, Any]

ENDPOINTS = {
    "arm": "management (Azure Resource Manager)",
    "vault": "the data plane of key vaults",
    "token": "who gives tokens: the identity endpoint, and /oauth2 of registries and management",
    "storage": "blob storage",
    "registry": "registries, for clients and for the transfer service alike",
}
"""Where a fault can stand, and what that is."""

CUTS = {
    "before": "the connection is cut before anything is done",
    "after": "the request is carried out, then the connection is cut in place of the answer",
}
"""The two ways of losing a connection. After the second, a repeat meets its own effect."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault. It meets a request that fits `door`, `method` and `path`; the first that fits is played."""

    door: str
    method: str = ""
    """Empty means every method."""

    path: str = ""
    """Part of path and query, in any case; `*` stands for anything. Empty means every path."""

    times: int = 0
    """How many requests it is played to; 0 means until it is lifted."""

    skip: int = 0
    """How many fitting requests pass unharmed before."""

    delay: float = 0
    """Seconds to wait, alone or before the rest."""

    status: int = 0
    """The HTTP status to answer with; 0 means that the request is served."""

    code: str = ""
    """The error code of that answer; empty means what the door says with this status."""

    retry_after: int | None = None
    """Seconds in a Retry-After header."""

    cut: str = ""
    """A key of CUTS."""

    firewall: bool = False
    """Answer as an account or vault does that its network rules close."""

    def __post_init__(self) -> None:
        if self.door not in ENDPOINTS:
            raise SandboxError(f"There is no door {self.door!r}. Doors: {', '.join(ENDPOINTS)}.")
        if self.firewall and self.door not in ("storage", "vault"):
            raise SandboxError(
                "Only storage and vaults have a firewall: `fault set CLOUD storage --firewall`."
            )
        if self.cut and self.cut not in CUTS:
            raise SandboxError(f"A connection is cut {' or '.join(CUTS)}, not {self.cut!r}.")
        if self.status and not 400 <= self.status <= 599:
            raise SandboxError(f"A fault answers with a status from 400 to 599, not {self.status}.")
        if self.times < 0 or self.skip < 0 or self.delay < 0:
            raise SandboxError("Times, skip and delay are not negative.")
        if not (self.delay or self.status or self.cut or self.firewall):
            raise SandboxError("Say what goes wrong: --delay, --status, --cut or --firewall.")

    @property
    def pattern(self) -> str:
        """`path` as a regular expression that Python and JavaScript read alike."""
        return ".*".join(re.escape(part) for part in self.path.split("*"))

    def fits(self, door: str, method: str, target: str) -> bool:
        """Whether a request at a door is one of those that this fault meets."""
        if door != self.door or self.method.upper() not in ("", method.upper()):
            return False
        return re.search(self.pattern, target, re.IGNORECASE) is not None

    def json(self) -> Json:
        """All fields that say something."""
        return {key: value for key, value in asdict(self).items() if value not in ("", 0, None, False)}

    @classmethod
    def read(cls, found: Json) -> Fault:
        """What `json` wrote."""
        known = {field.name for field in fields(cls)}
        if unknown := set(found) - known:
            raise SandboxError(f"A fault has no {', '.join(sorted(unknown))}.")
        return cls(**found)

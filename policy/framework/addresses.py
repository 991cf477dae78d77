"""The parts of a container's and of a secret's address that rules look at."""

import ipaddress
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Address:
    """A URL, of which no part that may hold a credential is kept."""

    host: str = ""
    """Lower case, without user, password and port."""

    path: str = ""
    has_query: bool = False
    has_user: bool = False

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a URL; what is none has neither host nor path."""
        try:
            parts = urlsplit(text)
            host = parts.hostname or ""
        except ValueError:
            return cls()
        return cls(host, parts.path, "?" in text or "#" in text, "@" in parts.netloc)

    @property
    def segments(self) -> list[str]:
        """The names in the path; one slash at its end says nothing."""
        return self.path.removeprefix("/").removesuffix("/").split("/") if self.path.strip("/") else []

    @property
    def is_loopback(self) -> bool:
        """Whether this is an address of the machine itself, as an emulator has."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

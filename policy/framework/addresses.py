"""The URLs of containers and secrets, split into the parts that rules check."""

import ipaddress
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Address:
    """A URL without the parts that may hold a credential."""

    host: str = ""
    """In lower case, without user, password and port."""

    path: str = ""
    has_query: bool = False
    has_user: bool = False

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a URL; an invalid one has neither host nor path."""
        try:
            parts = urlsplit(text)
            host = parts.hostname or ""
        except ValueError:
            return cls()
        return cls(host, parts.path, "?" in text or "#" in text, "@" in parts.netloc)

    @property
    def segments(self) -> list[str]:
        """The names in the path; a slash at its end does not count."""
        return self.path.removeprefix("/").removesuffix("/").split("/") if self.path.strip("/") else []

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine, as it is for an emulator."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

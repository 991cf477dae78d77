"""The checksum of a block, which the service compares with the bytes that arrived."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

_AZURE = "Windows-Azure-Blob/"
"""The beginning of the header `Server` of Azure's blob service, in every cloud."""


@dataclass(frozen=True)
class Checksum:
    """A checksum of content, as a header of Put Block."""

    header: str
    digest: bytes

    @property
    def headers(self) -> dict[str, str]:
        """The header with its value in base64."""
        return {self.header: base64.b64encode(self.digest).decode()}

    @property
    def fingerprint(self) -> str:
        """The checksum in hex, for a block's ID."""
        return self.digest.hex()


def md5(content: bytes | memoryview) -> Checksum:
    """The MD5, which every service checks."""
    return Checksum("Content-MD5", hashlib.md5(content, usedforsecurity=False).digest())


def crc64(content: bytes | memoryview) -> Checksum:
    """The CRC64 of Azure Storage, CRC-64/NVME in little-endian order: a small part of the work of an MD5.

    https://learn.microsoft.com/rest/api/storageservices/put-block
    """
    return Checksum("x-ms-content-crc64", int(_crc64().calc(content)).to_bytes(8, "little"))


def is_azure(server: str) -> bool:
    """Whether the header `Server` names Azure's blob service, for which CRC64 is the cheaper check.

    Azurite computes CRC64 in JavaScript, at a tenth of the rate of its MD5.
    """
    return server.startswith(_AZURE)


@cache
def _crc64() -> Any:
    import anycrc

    return anycrc.Model("CRC64-NVME")

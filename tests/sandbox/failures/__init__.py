"""Every failure that the sandbox can reproduce: how, and the message that a user sees."""

from tests.sandbox.failures import artifacts, blobs, requests, storage, vaults

__all__ = ["artifacts", "blobs", "requests", "storage", "vaults"]

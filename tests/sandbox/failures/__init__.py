"""Every failure that can be played: how, and the text that a user sees."""

from tests.sandbox.failures import artifacts, blobs, requests, storage, vaults

__all__ = ["artifacts", "blobs", "requests", "storage", "vaults"]

"""What a credential looks like, so that one in a wrong place is found, and none is ever shown."""

import re

_SAS = r"sig=[A-Za-z0-9%+/=]{40,}"
_NAMED_KEY = r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9%+/=]*"
_STORAGE_KEY = r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}=="
_CREDENTIAL = re.compile(f"{_SAS}|{_NAMED_KEY}|{_STORAGE_KEY}", re.IGNORECASE)


def holds_credential(text: str) -> bool:
    """Whether a text has a SAS token's signature, or the key of a storage account."""
    return _CREDENTIAL.search(text) is not None


def without_credentials(text: str) -> str:
    """Return a text that can be shown: what looks like a credential is left out."""
    return _CREDENTIAL.sub("[credential]", text)

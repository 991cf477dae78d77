"""What Azure accepts as a name."""

import re

_SHORTEST, _LONGEST = 5, 50
_LETTERS_AND_DIGITS = re.compile(r"[A-Za-z0-9]*")
_BLOB_LIMIT = 1024


def pipeline_name_fault(name: str) -> str:
    """What is wrong with the name of a pipeline or of a run; empty if nothing is.

    https://learn.microsoft.com/rest/api/containerregistry/pipeline-runs/create
    """
    if not _LETTERS_AND_DIGITS.fullmatch(name):
        return "has other characters than letters and digits"
    return "" if _SHORTEST <= len(name) <= _LONGEST else f"has {len(name)} characters"


def blob_name_fault(name: str) -> str:
    """What is wrong with a blob's name; empty if nothing is.

    https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
    """
    if not name:
        return "is empty"
    if len(name) > _BLOB_LIMIT:
        return f"has {len(name)} characters, and {_BLOB_LIMIT} is the most"
    return f"ends in '{name[-1]}'" if name[-1] in "/." else ""

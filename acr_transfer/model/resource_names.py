"""The names that Azure accepts, one rule for each kind of resource.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

import re
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class NameRule:
    """The form of one kind of name."""

    pattern: str
    """A regular expression that matches the whole name."""

    expected: str
    """The rule in words, to follow "expected"."""

    def accepts(self, name: str) -> bool:
        """Whether Azure accepts the name."""
        return self._compiled.fullmatch(name) is not None

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)


REGISTRY = NameRule(r"[A-Za-z0-9]{5,50}", "5 to 50 letters and digits")
PIPELINE = NameRule(r"[A-Za-z0-9]{5,50}", "5 to 50 letters and digits")
"""Export pipelines, import pipelines and pipeline runs.

https://learn.microsoft.com/rest/api/containerregistry/pipeline-runs/create
"""

CONTAINER = NameRule(
    r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*",
    "3 to 63 lower case letters, digits and single hyphens, with no hyphen at either end",
)
_SEGMENT = r"(?!\.{1,2}(?:/|$))[^/\\\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffe\uffff]+"
BLOB = NameRule(
    rf"(?=[^/][\s\S]{{0,1023}}$){_SEGMENT}(?:/{_SEGMENT})*(?<!\.)",
    "1 to 1024 characters without control characters and '\\', in parts joined by single '/', none of them "
    "'.' or '..', and with no '.' at the end",
)
"""Azure accepts more: a path that a server resolves, or a character that breaks the listing of a container.

https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
"""

METADATA = NameRule(r"[A-Za-z_][A-Za-z0-9_]{0,1023}", "a letter or '_', then letters, digits and '_'")
"""https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata"""

HEADER_VALUE = NameRule(r"[\x20-\x7e]{0,8192}", "at most 8192 printable characters of ASCII")
"""The value of a blob's metadata or its content type, which are headers of requests."""

BLOB_PREFIX = NameRule(
    r"(?=.{0,900}$)([A-Za-z0-9_-]([A-Za-z0-9._-]*[A-Za-z0-9_-])?/)*([A-Za-z0-9_-][A-Za-z0-9._-]*)?",
    "at most 900 letters, digits and '-', '_', '.', '/', with no '/' or '.' at the beginning of a part "
    "and no '.' at the end of one",
)
"""The beginning of exported blobs' names."""

_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HEX = "[0-9A-Fa-f]{1,4}"
_HEXES = f"{_HEX}(?::{_HEX}){{0,5}}"
_IPV6 = rf"\[(?:{_HEX}(?::{_HEX}){{7}}|(?!(?:[^\]:]*:){{8}})(?:{_HEXES})?::(?:{_HEXES})?)\]"
_PORT = "(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_HOST = rf"(?:(?![^:/]{{254}}){_LABEL}(?:\.{_LABEL})*|{_IPV6})(?::{_PORT})?"
HOST = NameRule(_HOST, "a registry's host, with or without port")
"""A login server: no scheme, no user, no path."""

_URL_PART = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._$%\[\]:-]+"
CONTAINER_URL = NameRule(
    rf"https://{_HOST}/+{_URL_PART}(?:/+{_URL_PART})*/*", "the https URL of a container, without a SAS token"
)
"""The address of a container: it has no user and no query, which could hold a credential."""

STORAGE_ACCOUNT = NameRule(r"[a-z0-9]{3,24}", "3 to 24 lower case letters and digits")
VAULT = NameRule(
    r"[A-Za-z](?=.{2,23}$)[A-Za-z0-9]*(-[A-Za-z0-9]+)*",
    "3 to 24 letters, digits and single hyphens, a letter first",
)
SECRET = NameRule(r"[A-Za-z0-9-]{1,127}", "1 to 127 letters, digits and hyphens")
RESOURCE_GROUP = NameRule(
    r"[\w.()-]{0,89}[\w()-]", "1 to 90 letters, digits and '_', '-', '.', '(', ')', with no '.' at the end"
)

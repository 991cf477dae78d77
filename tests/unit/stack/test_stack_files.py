"""No stack file of the repository holds a secret in plain text, and each one can encrypt secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from acr_transfer.model.credentials import credential_in

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted(
    file.relative_to(ROOT)
    for file in ROOT.rglob("Pulumi.*.yaml")
    if not any(part.startswith(".") for part in file.relative_to(ROOT).parts)
)
SECRET_NAME = re.compile(r"sas|key|password|token", re.IGNORECASE)
PLAIN = {
    "sasExpiry": "a date",
    "sasKey": "the name of an account's key, key1 or key2",
    "sasSecretName": "a name",
    "sasWarning": "a percentage",
}
"""Keys whose names only resemble secrets, and the meaning of their values."""


def in_clear(stack_file: str) -> list[str]:
    """The settings of a stack file that are secrets by their name or value, and are not encrypted."""
    return [key for key, value in settings(yaml.safe_load(stack_file)) if is_in_clear(key, value)]


def settings(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """All settings; those inside an object with its name in front."""
    waiting = list((content.get("config") or {}).items())
    while waiting:
        key, value = waiting.pop(0)
        yield key, value
        if isinstance(value, Mapping) and "secure" not in value:
            waiting += [(f"{key}.{inner}", each) for inner, each in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{key}[{index}]", each) for index, each in enumerate(value)]


def is_in_clear(key: str, value: Any) -> bool:
    """Whether a setting is a secret by its name or its value, and not encrypted."""
    if isinstance(value, Mapping | list):
        return False
    named = SECRET_NAME.search(key) and key.partition(":")[2] not in PLAIN
    return bool(named) or credential_in(str(value)) != ""


def can_encrypt(stack_file: str) -> bool:
    """Whether the file configures the encryption of secrets: by a passphrase, or by a cloud's key."""
    content = yaml.safe_load(stack_file)
    return bool(
        content.get("encryptionsalt") or (content.get("secretsprovider") and content.get("encryptedkey"))
    )


def test_the_stack_files_are_found() -> None:
    assert {"Pulumi.source.yaml", "Pulumi.target.yaml"} <= {str(file) for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_stack_file_has_no_secret_in_plain_text(file: Path) -> None:
    assert in_clear((ROOT / file).read_text()) == []


# The stacks of the examples get a salt or a key from `pulumi stack init`.
@pytest.mark.parametrize("file", [file for file in FILES if file.parent == Path()], ids=str)
def test_a_stack_of_the_project_can_encrypt_secrets(file: Path) -> None:
    assert can_encrypt((ROOT / file).read_text())


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ("a:sasToken: abc", ["a:sasToken"]),
        ("a:accountKey: abc", ["a:accountKey"]),
        ("a:Password: abc", ["a:Password"]),
        ("a:out: {token: abc}", ["a:out.token"]),
        ("a:tokens: [abc]", ["a:tokens[0]"]),
        (f"a:url: https://x/c?sig={'A' * 44}", ["a:url"]),
        ("a:out: {sasExpiry: abc}", ["a:out.sasExpiry"]),
        ("a:accountKey: {secure: v1:c:d}", []),
        ("a:out: {token: {secure: v1:c:d}}", []),
        ("a:sasExpiry: 2027-01-01", []),
        ("a:url: https://x/c", []),
    ],
)
def test_a_secret_in_plain_text_is_found(settings: str, found: list[str]) -> None:
    assert in_clear(f"config:\n  {settings}\n") == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("encryptionsalt: v1:a:v1:b", True),
        ("{secretsprovider: azurekeyvault://v, encryptedkey: abc}", True),
        ("secretsprovider: azurekeyvault://v", False),
        ("config: {}", False),
    ],
)
def test_a_stack_without_salt_or_key_is_found(text: str, expected: bool) -> None:
    assert can_encrypt(text) is expected

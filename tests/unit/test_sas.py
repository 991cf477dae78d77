"""SAS tokens are what storage checks: signed with the account's key, for one container."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest

from components.choices import Direction
from components.sas import container_sas, permissions

KEY = base64.b64encode(b"a key of the account").decode()
EXPIRY = datetime(2099, 12, 31, tzinfo=UTC)


def token(container: str = "transfer") -> str:
    return container_sas("account", container, KEY, permissions(Direction.EXPORT), EXPIRY)


@pytest.mark.parametrize(
    ("direction", "deletes", "expected"),
    [
        (Direction.EXPORT, False, "rawl"),
        (Direction.EXPORT, True, "rawl"),
        (Direction.IMPORT, False, "rl"),
        (Direction.IMPORT, True, "rld"),
    ],
)
def test_no_right_is_given_that_the_pipeline_does_not_need(
    direction: Direction, deletes: bool, expected: str
) -> None:
    assert set(str(permissions(direction, deletes_blobs=deletes))) == set(expected)


def test_the_same_arguments_give_the_same_token() -> None:
    assert token() == token()


def test_each_container_has_a_token_of_its_own() -> None:
    assert token("transfer") != token("another")


def test_the_signature_is_over_the_container_and_what_the_token_says() -> None:
    """https://learn.microsoft.com/rest/api/storageservices/create-service-sas#construct-the-string-to-sign"""
    fields = {key: values[0] for key, values in parse_qs(token()[1:]).items()}
    lines = [
        fields["sp"],
        "",
        fields["se"],
        "/blob/account/transfer",
        "",
        "",
        fields["spr"],
        fields["sv"],
        "c",
    ]
    text = "\n".join(lines + [""] * 7)
    signature = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    assert base64.b64decode(fields["sig"]) == signature

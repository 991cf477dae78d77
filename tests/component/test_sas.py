"""SAS tokens as Azure Storage checks them, and the warning before they end."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest

from acr_transfer.model.limits import RUN_LIMIT
from components.sas import container_sas, expiry_warning

KEY = base64.b64encode(b"a key of the account").decode()
EXPIRY = datetime(2026, 12, 1, tzinfo=UTC)
WRITTEN = EXPIRY - timedelta(days=10)


def token(container: str = "transfer") -> str:
    return container_sas("account", container, KEY, "rawl", EXPIRY)


def test_the_same_arguments_give_the_same_token() -> None:
    assert token() == token()


def test_each_container_has_its_own_token() -> None:
    assert token("transfer") != token("another")


def test_the_signature_covers_the_container_and_the_fields_of_the_token() -> None:
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


@pytest.mark.parametrize(
    ("left", "written", "share", "words"),
    [
        (timedelta(days=10), WRITTEN, 20, ""),
        (timedelta(days=2), WRITTEN, 20, ""),
        (timedelta(days=2, seconds=-1), WRITTEN, 20, "less than 20 % of its life is left"),
        (timedelta(days=2, seconds=-1), WRITTEN, 10, ""),
        (timedelta(hours=3), WRITTEN, 0, ""),
        (timedelta(hours=3), None, 20, ""),
        (RUN_LIMIT, WRITTEN, 0, ""),
        (RUN_LIMIT - timedelta(seconds=1), None, 0, "119 minutes, and a run may take 2 hours"),
        (timedelta(0), None, 20, "ended at 2026-12-01T00:00:00Z"),
        (timedelta(days=-1), WRITTEN, 20, "every run will fail"),
    ],
)
def test_a_token_that_ends_soon_is_warned_of(
    left: timedelta, written: datetime | None, share: int, words: str
) -> None:
    found = expiry_warning(EXPIRY, written, EXPIRY - left, share)
    assert bool(found) is bool(words)
    assert words in found
    assert ("To extend it:\n  set sas_expiry to <time>\n  pulumi up -s " in found) is bool(words)

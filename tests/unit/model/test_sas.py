"""SAS tokens: what is read from a token, the rights that are needed, and when a token ends soon."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acr_transfer.model.options import Direction
from acr_transfer.model.sas import SasToken, ends_soon, needed_rights, right_names, rotation_due

NOW = datetime(2027, 1, 1, tzinfo=UTC)
TOKEN = "?sv=2024-11-04&spr=https&se=2027-01-08T00%3A00%3A00Z&sr=c&sp=rawl&sig=c2lnbmF0dXJl"


def test_a_token_is_read_without_its_signature() -> None:
    token = SasToken.parse(TOKEN)
    assert token == SasToken(
        permissions=frozenset("rawl"),
        expires=datetime(2027, 1, 8, tzinfo=UTC),
        https_only=True,
        resource="c",
        question_marks=1,
        signed=True,
    )
    assert "c2ln" not in repr(token)
    assert token.is_for_container
    assert token.opens_container
    assert not token.is_for_account


def test_a_token_ends_with_the_key_that_signed_it() -> None:
    assert SasToken.parse(f"{TOKEN}&ske=2027-01-02").expires == datetime(2027, 1, 2, tzinfo=UTC)
    assert SasToken.parse(f"{TOKEN}&ske=2028-01-02").expires == datetime(2027, 1, 8, tzinfo=UTC)
    assert SasToken.parse("?ske=2028-01-02&sig=x").expires is None


@pytest.mark.parametrize(
    ("text", "opens"),
    [
        ("sr=c", True),
        ("sr=b", False),
        ("ss=bf&srt=sco", True),
        ("ss=f&srt=sco", False),
        ("ss=b&srt=s", False),
    ],
)
def test_a_token_opens_a_container_or_the_account_that_holds_it(text: str, opens: bool) -> None:
    assert SasToken.parse(text).opens_container is opens


@given(st.text())
def test_any_text_is_read_as_a_token(text: str) -> None:
    token = SasToken.parse(text)
    assert token.question_marks == len(text) - len(text.lstrip("?"))


def test_a_pipeline_needs_the_smallest_rights() -> None:
    assert needed_rights(Direction.EXPORT, deletes_blobs=False) == "rawl"
    assert needed_rights(Direction.IMPORT, deletes_blobs=False) == "rl"
    assert needed_rights(Direction.IMPORT, deletes_blobs=True) == "rdl"
    token = SasToken.parse("sp=rx")
    assert right_names(token.missing_rights("rdl")) == "list, delete"
    assert token.excess_rights("rdl") == {"x"}
    assert SasToken.parse("sp=r&si=policy").missing_rights("rdl") == frozenset()


def test_a_token_ends_soon_when_a_run_may_outlive_it() -> None:
    assert ends_soon(NOW + timedelta(minutes=119), NOW)
    assert not ends_soon(NOW + timedelta(hours=2), NOW)
    assert not ends_soon(NOW, NOW), "it has ended"


def test_rotation_is_due_when_little_of_the_tokens_life_is_left() -> None:
    written = NOW - timedelta(days=9)
    assert rotation_due(NOW + timedelta(days=2), written, NOW)
    assert not rotation_due(NOW + timedelta(days=3), written, NOW)
    assert not rotation_due(NOW + timedelta(days=2), written, NOW, share=0)

"""The ways out of faults of a SAS token and of its secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.blob import generate_account_sas, generate_blob_sas, generate_container_sas

from tests.ways_out.pair import Pair, leads_out

SECRET = "acrexportsas"


@dataclass
class Signer:
    """Signs tokens for the container of the source stack."""

    account: str
    key: str

    @classmethod
    def of(cls, pair: Pair) -> Signer:
        """With the account's first key, as the stack does."""
        account = pair.account("source")
        return cls(account.rpartition("/")[2], pair.azure("source").key(account))

    def container(self, letters: str = "rawl", **more: Any) -> str:
        """The token of a container as the stack writes it, apart from `more`."""
        given = {"expiry": datetime.now(UTC) + timedelta(days=9), "protocol": "https", **more}
        signed = generate_container_sas(
            self.account, "transfer", account_key=self.key, permission=letters, **given
        )
        return f"?{signed}"

    def blob(self) -> str:
        """The token of one blob."""
        expiry = datetime.now(UTC) + timedelta(days=9)
        signed = generate_blob_sas(
            self.account,
            "transfer",
            "one",
            account_key=self.key,
            permission="rawl",
            protocol="https",
            expiry=expiry,
        )
        return f"?{signed}"

    def whole_account(self) -> str:
        """The token of the account."""
        expiry = datetime.now(UTC) + timedelta(days=9)
        return f"?{generate_account_sas(self.account, self.key, 'sco', 'rawl', expiry, protocol='https')}"


FAULTY: dict[str, Callable[[Signer], str]] = {
    "no-token": lambda _: "a text of another program",
    "token-not-yet-valid": lambda sign: sign.container(start=datetime.now(UTC) + timedelta(days=2)),
    "token-address": lambda sign: sign.container(ip="203.0.113.7"),
    "token-scope": lambda sign: sign.blob(),
    "token-rights": lambda sign: sign.container("rl"),
    "token-rejected": lambda sign: sign.container(expiry=datetime.now(UTC) - timedelta(days=1)),
}
"""The secret's text with which runs fail, by the name of the failure that `doctor` reports."""

DOUBTFUL: dict[str, Callable[[Signer], str]] = {
    "token-protocol": lambda sign: sign.container(protocol="https,http"),
    "token-of-account": lambda sign: sign.whole_account(),
    "token-form": lambda sign: sign.container().removeprefix("?"),
}
"""The same for texts with which runs may fail."""


@pytest.fixture(scope="module")
def signer(pair: Pair) -> Signer:
    """The signer of this module; the caller of the commands can read the secret."""
    pair.azure("source").allow_secrets(pair.vault("source"), "get")
    return Signer.of(pair)


def new_end() -> str:
    """An end of a token that no token has had."""
    return f"{datetime(2096, 1, 1, tzinfo=UTC) + timedelta(minutes=next(_NUMBERS)):%Y-%m-%dT%H:%M:%SZ}"


_NUMBERS = iter(range(1, 1000))


@leads_out("token-ends", "token-ends-soon")
def test_a_token_that_ends_soon_is_extended(pair: Pair) -> None:
    soon = f"{datetime.now(UTC) + timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}"
    pair.set("source", "acr-transfer:sasExpiry", soon)
    said = pair.up("source")
    pair.check(pair.doctor("source", code=0), "token-ends-soon")
    pair.follow(said, "token-ends", side="source", time=new_end())
    assert "warning" not in pair.doctor("source", code=0)
    pair.works("source")


@leads_out(*FAULTY, *DOUBTFUL)
@pytest.mark.parametrize("name", [*FAULTY, *DOUBTFUL])
def test_another_text_in_the_secret_is_replaced_by_a_new_token(pair: Pair, signer: Signer, name: str) -> None:
    text = {**FAULTY, **DOUBTFUL}[name](signer)
    pair.azure("source").write_secret(pair.vault("source"), SECRET, text)
    pair.demand_run("source")
    said = pair.doctor("source", code=14 if name in FAULTY else 0)
    pair.follow(said, name, side="source", later=new_end())
    assert "warning" not in pair.doctor("source", code=0)
    pair.works("source")


@leads_out()
@pytest.mark.parametrize("name", ["token-rights", "token-rejected"])
def test_a_run_that_failed_because_of_its_token_leads_to_a_new_token(
    pair: Pair, signer: Signer, name: str
) -> None:
    pair.azure("source").write_secret(pair.vault("source"), SECRET, FAULTY[name](signer))
    pair.demand_run("source")
    pair.check(pair.up("source", good=False), name)
    pair.follow(pair.status(), name, side="source", later=new_end())
    pair.status(code=0)
    pair.works("source")


@leads_out()
def test_a_token_of_a_rotated_key_is_replaced_by_one_of_the_other_key(pair: Pair, signer: Signer) -> None:
    azure, account = pair.azure("source"), pair.account("source")
    azure.ask("POST", f"{account}/regenerateKey", {"keyName": "key1"})
    pair.demand_run("source")
    pair.follow(pair.doctor("source"), "token-rejected", side="source", way=1)
    pair.doctor("source", code=0)
    pair.works("source")

"""A credential is seen wherever it stands, and nothing else is taken for one."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from hypothesis import given
from hypothesis import strategies as st

from acr_transfer.model.credentials import credential_in, quoted, without_credentials

KEY = base64.b64encode(hashlib.sha512(b"a key of no account").digest()).decode()
TOKEN = generate_container_sas(
    "account",
    "transfer",
    account_key=KEY,
    permission=ContainerSasPermissions(read=True),
    expiry=datetime.now(UTC) + timedelta(days=1),
)
BEARER = "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiJhIGNhbGxlciJ9.c2lnbmF0dXJl"
SEEN = {
    "token": TOKEN,
    "token with its question mark": f"?{TOKEN}",
    "URL": f"https://account.blob.core.windows.net/transfer?{TOKEN}",
    "URL inside a URL": f"https://example.com/?next={quote(f'https://account/transfer?{TOKEN}', safe='')}",
    "JSON": json.dumps({"url": f"https://account/transfer?{TOKEN}"}),
    "upper case": TOKEN.replace("sig=", "SIG="),
    "connection string": f"DefaultEndpointsProtocol=https;AccountName=account;AccountKey={KEY};",
    "key in a connection string that is cut off": "AccountKey=abc",
    "key": KEY,
    "key in a sentence": f"The key is {KEY}.",
    "key in quotes": f'"{KEY}"',
    "bearer token": f"Authorization: Bearer {BEARER}",
    "key of age": "AGE-SECRET-KEY-1QQPQXZ2MWJX7K8Y3",
    "private key": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{KEY}\n-----END OPENSSH PRIVATE KEY-----",
}
UNSEEN = {
    "empty": "",
    "digest": f"sha256:{'0123456789abcdef' * 4}",
    "SHA-512 in hex": hashlib.sha512(b"").hexdigest(),
    "npm's digest": "sha512-" + base64.b64encode(hashlib.sha512(b"").digest()).decode(),
    "MD5 in base64": base64.b64encode(hashlib.md5(b"").digest()).decode(),
    "SHA-256 in base64": base64.b64encode(hashlib.sha256(b"").digest()).decode(),
    "a certificate": base64.b64encode(bytes(range(256)) * 4).decode(),
    "65 bytes": base64.b64encode(bytes(65)).decode(),
    "63 bytes": base64.b64encode(bytes(63)).decode(),
    "resource ID": "/subscriptions/50000000-0000-4000-8000-000000000001/resourceGroups/" + "a" * 90 + "/b==",
    "signature that is blanked": "?sv=2021&sig=REDACTED&se=2027",
    "secret that is blanked": "?sv=2021&sig=[secret]",
    "secret's URI": "https://vault.vault.azure.net/secrets/acrexportsas",
    "container": "https://account.blob.core.windows.net/transfer",
    "word": "AccountKey=",
    "salt": "v1:TkyGyQpcIVs=:v1:+OdmDxaY01N5biDm:HHMBTiJIxuYHORHvuIP+2+YqxF+FNA==",
}


@pytest.mark.parametrize("text", SEEN.values(), ids=SEEN)
def test_a_credential_is_seen_and_taken_out(text: str) -> None:
    assert credential_in(text)
    shown = without_credentials(f"before {text} after")
    assert re.fullmatch("(?s)before .*after", shown)
    assert credential_in(shown) == ""
    for secret in (TOKEN.partition("sig=")[2][:20], KEY[:20], BEARER[25:], "QQPQXZ2MWJX7K8Y3"):
        assert secret not in shown


@pytest.mark.parametrize("text", UNSEEN.values(), ids=UNSEEN)
def test_what_is_no_credential_is_not_taken_for_one(text: str) -> None:
    assert credential_in(text) == ""
    assert without_credentials(text) == text


@pytest.mark.parametrize("user", ["me:secret", "secret", "me:se/cret", "me:p@secret", "me:secret?#"])
def test_the_user_of_a_url_is_taken_out(user: str) -> None:
    assert without_credentials(f"a https://{user}@host:1/b c") == "a https://[credential]@host:1/b c"
    assert without_credentials("https://host:1/b@sha256:0") == "https://host:1/b@sha256:0"


@given(st.binary(min_size=64, max_size=64), st.text(" \"';,:.()[]\n"), st.text(" \"';,.()[]\n"))
def test_every_account_key_is_seen_among_other_text(key: bytes, before: str, after: str) -> None:
    text = before + base64.b64encode(key).decode() + after
    assert credential_in(text)


@given(st.text() | st.text("sig=AccountKey%3D+/", max_size=200))
def test_what_is_said_of_a_credential_holds_none(text: str) -> None:
    assert credential_in(credential_in(text)) == ""


@given(st.text("0123456789abcdef/-.:@", max_size=400))
def test_digests_and_ids_of_any_length_hold_no_credential(text: str) -> None:
    assert credential_in(text) == ""


QUOTED = {
    "name": ("contoso/app:1.0", "'contoso/app:1.0'"),
    "digest": ("app@sha256:abc", "'app@sha256:abc'"),
    "password before a host": ("me:password@cargo/app:1", "'[...]@cargo/app:1'"),
    "two of them": ("me:password@me:password@cargo", "'[...]@cargo'"),
    "query": ("app:1?password", "'app:1?[...]'"),
    "token": (f"app:1 {TOKEN.partition('&')[2]}", "'app:1 "),
    "long": ("a" * 121, f"'{'a' * 120}...'"),
    "as long as can be": ("a" * 120, f"'{'a' * 120}'"),
}


@pytest.mark.parametrize(("text", "shown"), QUOTED.values(), ids=QUOTED)
def test_a_name_is_quoted_without_what_may_be_secret(text: str, shown: str) -> None:
    assert quoted(text).startswith(shown)
    assert "password" not in quoted(text)
    assert TOKEN.partition("sig=")[2][:20] not in quoted(text)

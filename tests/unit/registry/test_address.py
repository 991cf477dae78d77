"""Addresses of registries, and the hosts that may receive their credentials."""

from __future__ import annotations

import shlex

import pytest

from acr_transfer.errors import AccessError, InputError
from acr_transfer.registry.address import RegistryAddress

OWN = RegistryAddress.parse("registry.example:5000")


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("contoso.example", "https://contoso.example"),
        ("https://contoso.example:443", "https://contoso.example:443"),
        ("HTTP://localhost:5000", "http://localhost:5000"),
        ("[::1]:5000", "https://[::1]:5000"),
    ],
)
def test_an_address_is_a_host_by_https_unless_it_says_http(text: str, base: str) -> None:
    assert RegistryAddress.parse(text).base == base


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "a..b",
        "[::1",
        "host:99999",
        "host:0",
        "host/path",
        "host?query",
        "ftp://host",
        "file:///etc/passwd",
        "user:SECRET@host",
        "https://user:SECRET@host",
        "http://http://host",
        "host\n",
        "host name",
        "hôst",
    ],
)
def test_any_other_text_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(InputError, match="is not a registry; expected") as refused:
        RegistryAddress.parse(text)
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("host", True),
        ("http://host", False),
        ("http://10.0.0.1:5000", False),
        ("http://localhost.example", False),
        ("http://127.0.0.1.example", False),
        ("http://localhost:5000", True),
        ("http://127.0.0.1:5000", True),
        ("http://[::1]:5000", True),
    ],
)
def test_credentials_cross_a_network_only_by_https(text: str, private: bool) -> None:
    assert RegistryAddress.parse(text).is_private is private


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("registry.example:5000", "https://registry.example:5000/token"),
        ("registry.example", "https://REGISTRY.example:443/token?a=b"),
        ("registry-1.docker.io", "https://auth.docker.io/token"),
        ("registry.gitlab.com", "https://gitlab.com/jwt/auth"),
        ("http://localhost:5000", "http://localhost:5000/token"),
    ],
)
def test_a_token_address_is_the_registrys_own_or_a_documented_one(registry: str, realm: str) -> None:
    assert RegistryAddress.parse(registry).token_url(realm, {}) == realm


@pytest.mark.parametrize(
    "realm",
    [
        "",
        "/token",
        "//registry.example:5000/token",
        "https://registry.example/token",
        "https://registry.example:5001/token",
        "https://other.example/token",
        "https://auth.docker.io/token",
        "https://registry.example:5000.other.example/token",
        "https://registry.example:5000@other.example/token",
        "https://user:password@registry.example:5000/token",
        "https://other.example\\@registry.example:5000/token",
        "http://registry.example:5000/token",
        "file:///etc/passwd",
        "https://[::1",
        "https://registry.example:99999/token",
        "https://registry.example:5000/to ken",
        "https://registry.example:5000/\x00",
    ],
)
def test_any_other_token_address_is_refused(realm: str) -> None:
    with pytest.raises(AccessError, match=r"registry\.example:5000 (asks|names)"):
        OWN.token_url(realm, {})


def test_the_command_of_the_error_allows_the_other_host() -> None:
    realm = "https://gitlab.example/jwt/auth"
    with pytest.raises(AccessError, match=r"at another host, 'gitlab\.example'") as refused:
        OWN.token_url(realm, {})
    command = str(refused.value).rpartition("export ")[2]
    name, _, value = shlex.split(command)[0].partition("=")
    assert OWN.token_url(realm, {name: value}) == realm
    assert OWN.token_url(realm, {name: f"a=b, {value},c=d"}) == realm
    with pytest.raises(AccessError):
        RegistryAddress.parse("third.example").token_url(realm, {name: value})

"""Which artifacts ACR finds in a registry, and which it would skip."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.framework.artifacts import fault_of, is_by_digest, repeated

HEX = "0123456789abcdef" * 4

components = st.from_regex(r"[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}", fullmatch=True)
repositories = st.lists(components, min_size=1, max_size=4).map("/".join)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", fullmatch=True)
by_tag = st.builds(lambda name, tag: f"{name}:{tag}", repositories, tags)
by_digest = st.builds(
    lambda name, digits: f"{name}@sha256:{digits}", repositories, st.text("0a9f", min_size=64, max_size=64)
)

FAULTS = {
    "no version": ("contoso/app", "neither a tag nor a digest"),
    "a registry's host": ("contoso.azurecr.io/app:1", "registry's host"),
    "a host of another cloud": ("contoso.azurecr.us/app:1", "registry's host"),
    "short digest": (f"app@sha256:{HEX[:-1]}", "no whole digest"),
    "digest in capitals": (f"app@sha256:{HEX.upper()}", "no whole digest"),
    "tag and digest": (f"app:1@sha256:{HEX}", "without a tag"),
    "another algorithm": (f"app@sha512:{HEX}", "no whole digest"),
    "upper case": ("Contoso/App:1", "upper case"),
    "empty": ("", "no repository:tag"),
    "empty tag": ("app:", "no repository:tag"),
    "space": ("app :1", "no repository:tag"),
    "long tag": (f"app:{'a' * 129}", "no repository:tag"),
    "tag that begins with a dot": ("app:.1", "no repository:tag"),
    "double slash": ("contoso//app:1", "no repository:tag"),
    "URL": ("https://contoso/app:1", "no repository:tag"),
    "line end": ("app:1\n", "no repository:tag"),
}


@given(by_tag | by_digest)
def test_what_oci_allows_is_found(item: str) -> None:
    assert fault_of(item) == ""


@pytest.mark.parametrize(("item", "words"), FAULTS.values(), ids=FAULTS)
def test_what_is_not_found_is_told_why(item: str, words: str) -> None:
    assert words in fault_of(item)


@given(by_digest)
def test_a_digest_is_told_from_a_tag(item: str) -> None:
    assert is_by_digest(item)
    assert not is_by_digest(item.replace("@sha256:", ":"))
    assert not is_by_digest(item[:-1])


def test_what_is_named_twice_is_said_once_in_order() -> None:
    assert repeated(["b:1", "a:1", "b:1", "a:1", "b:1", "c:1"]) == ["b:1", "a:1"]
    assert repeated(["a:1", "a:2", "A:1"]) == []

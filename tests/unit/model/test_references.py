"""References: what names an artifact, what does not, and the reason."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acr_transfer.model.credentials import quoted
from acr_transfer.model.references import (
    REFERENCE_PATTERN,
    Artifact,
    InvalidReferenceError,
    is_registry_host,
    reference_fault,
    repeated,
    split_reference,
)
from tests.unit.model.documents_for_tests import references

DIGEST = f"sha256:{'0' * 64}"
LONGEST = "a" * 255


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("app", "app:latest"),
        ("app:1.10", "app:1.10"),
        ("shop/web__x/a-b--c:V_1", "shop/web__x/a-b--c:V_1"),
        (f"app@{DIGEST}", f"app@{DIGEST}"),
        ("docker.io/library/nginx:1", "docker.io/library/nginx:1"),
        (f"{LONGEST}:1", f"{LONGEST}:1"),
        (f"app:{'t' * 128}", f"app:{'t' * 128}"),
    ],
)
def test_an_artifact_has_one_spelling(text: str, reference: str) -> None:
    artifact = Artifact.parse(text, "contoso")
    assert artifact.reference == reference
    assert artifact == Artifact.parse(reference)
    assert split_reference(reference) == (artifact.repository, artifact.tag, artifact.digest)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("a pp:1", "contains white space"),
        ("https://a.example/app:1", "is a URL"),
        ("App:1", "has upper case letters in its repository; expected 'app'"),
        ("app:", "has an empty tag"),
        ("app:-1", "has an invalid tag"),
        ("app:1.0.0+up1", "expected '_', as Helm stores such a version: '1.0.0_up1'"),
        (f"app:{'t' * 129}", "has a tag of 129 characters; expected at most 128"),
        (f"{LONGEST}a:1", "has a repository of 256 characters; expected at most 255"),
        ("a//b:1", "has an invalid repository"),
        ("@" + DIGEST, "has no repository"),
        (f"app:1@{DIGEST}", "has a tag and a digest"),
        ("app@sha512:0", "has no sha256 digest"),
        ("app@sha256:0", "has a digest of 1 characters"),
        (f"app@sha256:{'G' * 64}", "characters other than 0-9 and a-f"),
        ("contoso.azurecr.io/app:1", "begins with a registry's host, 'contoso.azurecr.io'; expected the"),
        ("localhost/app:1", "begins with a registry's host"),
    ],
)
def test_any_other_text_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(InvalidReferenceError) as raised:
        Artifact.parse(text, "contoso")
    assert words in raised.value.reason
    assert str(raised.value) == f"{quoted(text)} {raised.value.reason}"
    assert reference_fault(text, "contoso") == raised.value.reason


def test_a_password_before_a_host_is_not_shown() -> None:
    with pytest.raises(InvalidReferenceError) as raised:
        Artifact.parse("me:password@cargo/app:1?token", "cargo")
    assert "password" not in str(raised.value)
    assert "token" not in str(raised.value)


def test_an_export_run_needs_a_tag_or_a_digest() -> None:
    assert reference_fault("app").startswith("has neither a tag nor a digest")
    assert reference_fault("app:1") == reference_fault(f"app@{DIGEST}") == ""


@given(st.text("aA0./_-:@", max_size=12) | references)
def test_documents_and_people_have_one_grammar(text: str) -> None:
    fits = re.fullmatch(REFERENCE_PATTERN, text) is not None
    try:
        locked = Artifact.locked(text, DIGEST).reference == text
    except InvalidReferenceError:
        locked = False
    assert locked == fits


@pytest.mark.parametrize(
    ("first", "registry", "answer"),
    [
        ("localhost", "", True),
        ("127.0.0.1", "", True),
        ("[::1]", "", True),
        ("images:5000", "", True),
        ("contosoprod.azurecr.io", "", True),
        ("ContosoProd.azurecr.us", "contosodev", True),
        ("contoso.example", "contoso", True),
        ("other.images.example", "contoso.images.example:443", True),
        ("docker.io", "contoso", False),
        ("registry.k8s.io", "contoso.azurecr.io", False),
        ("contoso", "contoso", False),
        ("shop", "", False),
    ],
)
def test_a_registrys_host_is_recognized(first: str, registry: str, answer: bool) -> None:
    assert bool(is_registry_host(first, registry)) is answer


def test_a_lock_may_hold_a_repository_that_looks_like_a_host() -> None:
    assert Artifact.locked("localhost/app:1", DIGEST).identity == f"localhost/app:1 {DIGEST}"


def test_repeated_items_are_named_once() -> None:
    assert repeated(["b", "a", "b", "b", "c", "a"]) == ["b", "a"]

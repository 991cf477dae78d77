"""Artifacts are read as OCI's distribution specification says, and refused with the reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.artifacts import Artifact, ArtifactError

HEX = "0123456789abcdef" * 4

components = st.from_regex(r"[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}", fullmatch=True)
repositories = st.lists(components, min_size=1, max_size=4).map("/".join)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", fullmatch=True)
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map(lambda text: f"sha256:{text}")
references = st.builds(lambda name, tag: f"{name}:{tag}", repositories, tags) | st.builds(
    lambda name, digest: f"{name}@{digest}", repositories, digests
)


@given(references.filter(lambda text: not text.startswith("localhost/")))
def test_every_full_reference_is_read_as_it_is_written(text: str) -> None:
    assert Artifact.parse(text).reference == text


@given(repositories.filter(lambda text: not text.startswith("localhost/")))
def test_a_repository_alone_means_latest(repository: str) -> None:
    assert Artifact.parse(repository) == Artifact.parse(f"{repository}:latest")


@given(st.text(max_size=80) | st.text("aB0.:@/_- \n", max_size=20))
def test_any_other_text_is_refused_with_a_reason_and_nothing_else(text: str) -> None:
    error = refusal(text)
    if error:
        assert error.text == text
        assert "expected" in error.reason
    else:
        artifact = Artifact.parse(text)
        assert Artifact.parse(artifact.reference) == artifact


def refusal(text: str) -> ArtifactError | None:
    try:
        Artifact.parse(text)
    except ArtifactError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        (" app:1", "white space"),
        ("app: 1", "white space"),
        ("app:1\n", "white space"),
        ("https://contoso.example/app:1", "is a URL"),
        (
            "localhost:5000/app:1",
            "'localhost:5000'; expected the artifact alone, as in 'app:1'",
        ),
        ("localhost/app:1", "names a registry"),
        ("Contoso.example/app:1", "names a registry"),
        ("10.0.0.1/app:1", "names a registry"),
        ("[::1]/app:1", "names a registry"),
        ("App:1", "upper case in its repository; expected 'app'"),
        (":1", "no repository"),
        ("app:", "empty tag"),
        ("app:-1", "no legal tag"),
        ("app:1:2", "no legal tag"),
        (f"app:{'x' * 129}", "a tag of 129 characters; expected at most 128"),
        ("a" * 256, "a repository of 256 characters; expected at most 255"),
        ("app//web", "no legal repository"),
        ("/app", "no legal repository"),
        ("app.", "no legal repository"),
        ("a___b", "no legal repository"),
        ("app*", "no legal repository"),
        ("app@", "no sha256 digest"),
        (f"app@sha512:{HEX}", "no sha256 digest"),
        (f"app@sha256:{HEX[:63]}", "a digest of 63 characters"),
        (f"app@sha256:{HEX}0", "a digest of 65 characters"),
        (f"app@sha256:{HEX.upper()}", "other characters than 0-9 and a-f"),
        (f"app:1@sha256:{HEX}", f"a tag and a digest; expected one of them, as in 'app@sha256:{HEX}'"),
    ],
)
def test_a_refusal_says_why_and_what_was_expected(text: str, words: str) -> None:
    with pytest.raises(ArtifactError) as raised:
        Artifact.parse(text, registry="contoso")
    assert words in str(raised.value)
    assert "expected" in str(raised.value)


@pytest.mark.parametrize("text", ["docker.io/library/nginx:1", "a" * 255, f"app:{'x' * 128}", "a__b/c-d.e"])
def test_what_is_unusual_but_legal_is_taken(text: str) -> None:
    assert Artifact.parse(text, registry="contoso").reference.startswith(text)


def test_another_registry_of_the_same_cloud_is_a_host_once_the_login_server_is_known() -> None:
    with pytest.raises(ArtifactError, match="names a registry"):
        Artifact.parse("other.images.example/app:1", registry="contoso.images.example:443")
    assert Artifact.parse("docker.io/library/nginx:1", registry="contoso.images.example")
    assert Artifact.parse("other.images.example/app:1", registry="contoso")

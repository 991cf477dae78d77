"""Manifests: the body decides their kind; one that clients read differently is refused."""

import json
from typing import Any

import pytest

from acr_transfer.errors import BrokenAnswerError, ContradictoryManifestError
from acr_transfer.model.proof import ManifestKind
from acr_transfer.registry.manifests import Manifest, describe_kind
from tests.unit.registry.memory_registry import CONFIG, IMAGE, INDEX, digest_of, image, index

DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+json"
BLOB: dict[str, Any] = {"mediaType": CONFIG, "digest": digest_of(b"config"), "size": 6}
CHILD: dict[str, Any] = {"mediaType": IMAGE, "digest": digest_of(b"child"), "size": 5}


def parsed(document: object, media_type: str) -> Manifest:
    return Manifest.parse(json.dumps(document).encode(), media_type)


@pytest.mark.parametrize(
    ("manifest", "kind"),
    [
        (image("one"), ManifestKind.IMAGE),
        (image("signature", subject=CHILD), ManifestKind.REFERRER),
        (image("thing", artifactType="application/x"), ManifestKind.ARTIFACT),
        (
            parsed({"config": {**BLOB, "mediaType": "application/vnd.cncf.helm.config.v1+json"}}, IMAGE),
            ManifestKind.ARTIFACT,
        ),
        (index(), ManifestKind.INDEX),
        (parsed({"manifests": None}, DOCKER_LIST), ManifestKind.INDEX),
        (parsed({"manifests": []}, f"{INDEX}; charset=utf-8"), ManifestKind.INDEX),
        (
            parsed({"mediaType": DOCKER_IMAGE, "config": BLOB, "layers": None}, DOCKER_IMAGE),
            ManifestKind.IMAGE,
        ),
        (parsed({"artifactType": "x/y"}, ARTIFACT), ManifestKind.ARTIFACT),
    ],
)
def test_the_kind_of_a_manifest(manifest: Manifest, kind: ManifestKind) -> None:
    assert manifest.kind is kind
    assert manifest.children == ()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "artifact of no stated type"),
        ({"subject": CHILD}, "referrer of no stated type"),
        ({"artifactType": "application/vnd.example.thing"}, "example.thing"),
    ],
)
def test_an_empty_config_is_not_a_type(more: dict[str, Any], words: str) -> None:
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2}
    found = image("thing", config=empty, **more)
    assert describe_kind(found.kind, found.artifact_type, 0) == words


def test_schema_1_is_known_by_its_body_and_media_type() -> None:
    assert parsed({"schemaVersion": 1, "fsLayers": []}, SCHEMA_1).is_schema_1


@pytest.mark.parametrize(
    ("document", "media_type"),
    [
        ({"manifests": [CHILD]}, "application/json"),
        ({"manifests": [CHILD]}, ""),
        ({"manifests": [CHILD]}, "text/html"),
        ({"manifests": [CHILD]}, IMAGE),
        ({"manifests": [CHILD]}, ARTIFACT),
        ({"manifests": [CHILD], "mediaType": INDEX}, DOCKER_LIST),
        ({"manifests": [CHILD], "mediaType": INDEX}, IMAGE),
        ({"manifests": [CHILD], "mediaType": IMAGE}, IMAGE),
        ({"manifests": [CHILD], "mediaType": IMAGE}, INDEX),
        ({"manifests": [CHILD], "layers": []}, INDEX),
        ({"manifests": [CHILD], "config": BLOB}, IMAGE),
        ({"manifests": [CHILD], "blobs": None}, IMAGE),
        ({"Manifests": [CHILD], "layers": []}, IMAGE),
        ({"mediatype": INDEX, "layers": []}, IMAGE),
        ({"config": BLOB, "layers": []}, INDEX),
        ({"config": BLOB, "layers": []}, "application/json"),
        ({"schemaVersion": 1, "manifests": [CHILD]}, INDEX),
        ({"schemaVersion": 1, "layers": []}, IMAGE),
        ({"manifests": [CHILD]}, SCHEMA_1),
    ],
)
def test_a_body_that_contradicts_itself_or_its_media_type_is_refused(
    document: object, media_type: str
) -> None:
    with pytest.raises(ContradictoryManifestError):
        parsed(document, media_type)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"", IMAGE),
        (b"<html>", IMAGE),
        (b"[]", IMAGE),
        (b"{}", IMAGE),
        (b"{}", INDEX),
        (b"{", INDEX),
        (b'{"layers": [], "layers": []}', IMAGE),
        (b'{"layers": [], "a": NaN}', IMAGE),
        (b'{"layers": [], "a": "\\ud800"}', IMAGE),
        (b'{"layers": [], "a": ' + b"[" * 5000 + b"]" * 5000 + b"}", IMAGE),
        (b"\xff{}", IMAGE),
    ],
)
def test_a_body_that_is_no_manifest_is_refused(content: bytes, media_type: str) -> None:
    with pytest.raises(BrokenAnswerError) as refused:
        Manifest.parse(content, media_type)
    assert not isinstance(refused.value, ContradictoryManifestError)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        7,
        {},
        {**BLOB, "digest": None},
        {**BLOB, "digest": "sha256:0"},
        {**BLOB, "digest": "md5:0cc175b9c0f1b6a831c399e269772661"},
        {**BLOB, "digest": f"sha256:{'A' * 64}"},
        {**BLOB, "digest": "../../../other"},
        {**BLOB, "size": -1},
        {**BLOB, "size": True},
        {**BLOB, "size": 1.0},
        {**BLOB, "size": "6"},
        {**BLOB, "size": 10**13},
        {**BLOB, "mediaType": "a\u001b[2J"},
        {**BLOB, "mediaType": 7},
        {**BLOB, "platform": {"os": ["linux"], "architecture": "arm"}},
    ],
)
@pytest.mark.parametrize("key", ["manifests", "layers", "blobs", "config", "subject"])
def test_an_entry_that_is_no_descriptor_is_refused_and_never_left_out(entry: object, key: str) -> None:
    value = entry if key in ("config", "subject") else [BLOB, entry]
    document = {key: value} if key != "subject" else {"config": BLOB, "subject": value}
    if entry is None and key in ("config", "subject"):
        assert parsed({**document, "layers": []}, IMAGE).subject == ""
        return
    with pytest.raises(BrokenAnswerError):
        parsed(document, INDEX if key == "manifests" else IMAGE)


def test_a_list_that_is_no_list_is_refused() -> None:
    for key, media_type in (("manifests", INDEX), ("layers", IMAGE)):
        with pytest.raises(BrokenAnswerError, match=f"its {key} is not a list"):
            parsed({key: {"0": BLOB}}, media_type)


def test_an_index_with_a_digest_that_is_not_computed_here_is_refused() -> None:
    with pytest.raises(BrokenAnswerError, match="only sha256 digests"):
        parsed({"manifests": [{**CHILD, "digest": f"sha512:{'0' * 128}"}]}, INDEX)


def test_an_index_of_too_many_manifests_is_refused() -> None:
    with pytest.raises(BrokenAnswerError, match="lists 20,000 manifests"):
        parsed({"manifests": [CHILD] * 20_000}, INDEX)

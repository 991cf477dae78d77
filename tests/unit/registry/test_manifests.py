"""Manifests: their kind and their content, whatever the bytes are."""

import pytest

from acr_transfer.model.proof import ManifestKind
from acr_transfer.registry.manifests import Manifest
from tests.unit.registry.memory_registry import IMAGE, INDEX, image, index


@pytest.mark.parametrize(
    ("manifest", "kind"),
    [
        (image("one"), ManifestKind.IMAGE),
        (image("signature", subject={"digest": "sha256:0"}), ManifestKind.REFERRER),
        (image("thing", artifactType="application/x"), ManifestKind.ARTIFACT),
        (
            Manifest.parse(b'{"config": {"mediaType": "application/vnd.cncf.helm.config.v1+json"}}', IMAGE),
            ManifestKind.ARTIFACT,
        ),
        (index(), ManifestKind.INDEX),
        (Manifest.parse(b"{}", f"{INDEX}; charset=utf-8"), ManifestKind.INDEX),
        (Manifest.parse(b"no json", INDEX), ManifestKind.INDEX),
        (Manifest.parse(b"[]", IMAGE), ManifestKind.ARTIFACT),
    ],
)
def test_the_kind_of_a_manifest(manifest: Manifest, kind: ManifestKind) -> None:
    assert manifest.kind is kind
    assert manifest.children == ()

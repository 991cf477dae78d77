"""Failures of artifacts and of the registries that hold them."""

from __future__ import annotations

import os
from functools import partial

from sandbox.faults import control
from sandbox.registry.oci_client import digest_of
from tests.sandbox.failures.playing import (
    NO_ERROR,
    arrive,
    exported,
    imported,
    said,
    while_faulty,
)
from tests.sandbox.failures.table import BothClouds, failure
from tests.sandbox.transfer.side import Json, SandboxSide, manifest_of

_ARTIFACTS = "Artifacts"
_REGISTRY = "Registries and pipelines, while a run works"

failure(
    _ARTIFACTS,
    "A repository or tag is spelled otherwise",
    "list `fail/ap:1` and `fail/app:one`",
    "Artifacts not found in registry 'contososource': 'fail/ap:1', 'fail/app:one'.",
)(lambda world: exported(world, "fail/ap:1", "fail/app:one", world.IMAGE))
failure(
    _ARTIFACTS,
    "A name that no repository can have",
    "list `Fail/App:1`",
    "Artifacts not found in registry 'contososource': 'Fail/App:1'.",
)(lambda world: exported(world, "Fail/App:1"))
failure(
    _ARTIFACTS,
    "A digest that is not there",
    "list `fail/app@sha256:…` of an image of another repository",
    "Artifacts not found in registry 'contososource': 'fail/app@sha256:…'.",
)(lambda world: exported(world, f"fail/app@{digest_of(b'nothing')}"))
failure(
    _ARTIFACTS,
    "The same, with ContinueOnErrors: the others are exported",
    "the option ContinueOnErrors",
    "Artifacts not found in registry 'contososource': 'fail/ap:1'.",
)(lambda world: exported(world, "fail/ap:1", world.IMAGE, options=("ContinueOnErrors",)))
failure(
    _ARTIFACTS,
    "Nothing of the list is there, with ContinueOnErrors",
    "the same, and no good name in the list",
    "Artifacts not found in registry 'contososource': 'fail/ap:1'.",
)(lambda world: exported(world, "fail/ap:1", options=("ContinueOnErrors",)))
failure(
    _ARTIFACTS,
    "An artifact is listed twice: it is exported once",
    "list `fail/app:1` twice",
    NO_ERROR,
)(lambda world: exported(world, world.IMAGE, world.IMAGE))


@failure(
    _ARTIFACTS,
    "A layer of more than 8 GB",
    "push a manifest that says so of a layer",
    "Artifacts with a layer of more than 8 GB cannot be transferred: 'fail/huge:1'.",
)
def _huge(world: BothClouds) -> str:
    layer = {"mediaType": "x/y", "digest": digest_of(b"huge"), "size": (8 << 30) + 1}
    world.source.push("fail/huge", "1", manifest_of(b"huge", layers=[layer]), b"{}", b"huge")
    return exported(world, "fail/huge:1")


@failure(
    _ARTIFACTS,
    "A layer that is kept elsewhere (a foreign layer) does not come along: the image arrives without it",
    "push a manifest whose layer has `urls`",
    NO_ERROR,
)
def _foreign(world: BothClouds) -> str:
    layer = {
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": digest_of(b"elsewhere"),
        "size": 9,
        "urls": ["https://mcr.microsoft.com/v2/windows/blobs/elsewhere"],
    }
    sent = world.source.push("fail/foreign", "1", manifest_of(b"", layers=[layer]), b"{}")
    assert exported(world, "fail/foreign:1", blob="foreign", options=("OverwriteBlobs",)) == NO_ERROR
    body = world.source.blob("out", "foreign")
    assert b"elsewhere" not in body.replace(sent.body, b"")
    world.target.put_blob(BothClouds.INTO, "foreign", body)
    text = imported(world, blob="foreign")
    assert world.target.manifest("fail/foreign", "1").body == sent.body
    return text


_WRONG = "The content in registry 'contososource' does not match its digest for: 'fail/rottenlayer:1'."
_BROKEN = "Failed to access registry 'contososource'.  Status: 500 (Internal Server Error)"
for _part, _text in (("layer", _WRONG), ("manifest", _BROKEN)):

    def _rotten(world: BothClouds, part: str = _part) -> str:
        sent = world.source.image(f"fail/rotten{part}", "1", f"rotten {part} {os.urandom(4).hex()}".encode())
        digest = sent.digest if part == "manifest" else next(reversed(sent.blobs))
        stored = world.source.cloud.places.state.glob(
            f"source/registries/contososource/images/**/{digest.removeprefix('sha256:')}/data"
        )
        data = next(stored)
        body = data.read_bytes()
        data.write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
        return exported(world, f"fail/rotten{part}:1")

    failure(
        _REGISTRY,
        f"The registry holds a {_part} with wrong bytes",
        "change a byte below `registries/` in the sandbox's state",
        _text,
    )(_rotten)
for _status, _words in ((429, "too many requests"), (503, "service unavailable")):
    failure(
        _REGISTRY,
        f"The registry answers {_status}, for longer than three tries",
        f"`fault set source registry --status {_status}`",
        f"Failed to access registry 'contososource'.  Status: {_status} ({_words})",
    )(while_faulty("registry", exported, path="/v2/fail", status=_status))
failure(
    _REGISTRY,
    "The registry is busy twice",
    "`fault set source registry --status 503 --times 2`",
    NO_ERROR,
)(while_faulty("registry", exported, path="/v2/fail", status=503, times=2))
failure(
    _REGISTRY,
    "The registry loses the connection while a layer is pushed",
    "`fault set target registry --method PUT --path blobs/uploads --cut before`",
    "Failed to access registry 'contosotarget'.  The connection was lost (ServerDisconnectedError).",
)(lambda world: _push_is_cut(world))


def _push_is_cut(world: BothClouds) -> str:
    arrive(world, "cut", "fail/cut:1")
    play = while_faulty(
        "registry",
        partial(imported, blob="cut"),
        "target",
        method="PUT",
        path="blobs/uploads",
        cut="before",
    )
    return play(world)


@failure(
    _REGISTRY,
    "Exports are switched off after the pipeline was made",
    "`az acr update --allow-exports false --public-network-enabled false`, then a run",
    "Exports are disabled on the registry 'contososource' by its export policy.",
)
def _export_policy(world: BothClouds) -> str:
    pipeline = world.source.pipeline("export", "out")
    properties = {"policies": {"exportPolicy": {"status": "disabled"}}, "publicNetworkAccess": "Disabled"}
    return _with_registry(world.source, {"properties": properties}, pipeline)


@failure(
    _REGISTRY,
    "The registry is no longer Premium",
    "PUT the registry with another `sku`, then a run",
    "The SKU Standard is not supported.",
)
def _downgraded(world: BothClouds) -> str:
    pipeline = world.source.pipeline("export", "out")
    return _with_registry(world.source, {"sku": {"name": "Standard"}}, pipeline)


def _with_registry(side: SandboxSide, change: Json, pipeline: str) -> str:
    """A run while the registry is otherwise."""
    body = {"location": side.facts.location, "sku": {"name": "Premium"}}
    side.arm("PUT", side.registry_path(), {**body, **change})
    try:
        return said(side.run(pipeline, pipeline, BothClouds.IMAGE))
    finally:
        side.arm("PUT", side.registry_path(), body)


@failure(
    _REGISTRY,
    "The pipeline is deleted while its run works",
    "`fault set source storage --delay 2s`, start a run, delete the pipeline",
    "The pipeline '…' was not found: it was deleted before the run ended.",
)
def _pipeline_gone(world: BothClouds) -> str:
    source = world.source
    pipeline = source.pipeline("export", "out")
    with control.fault(source.places, "source", "storage", path="/out", delay=2):
        run = source.start(pipeline, pipeline, BothClouds.IMAGE)
        source.arm("DELETE", source.pipeline_path("export", pipeline))
        return said(source.ended(run)["response"])

"""Failures of artifacts and their registries."""

from __future__ import annotations

import os
from functools import partial

from sandbox.registry.oci_client import digest_of
from tests.sandbox.failures.scenarios import (
    NO_ERROR,
    error_message,
    export_error,
    import_error,
    transfer_archive,
    with_fault,
)
from tests.sandbox.failures.table import BothClouds, failure
from tests.sandbox.faults import control
from tests.sandbox.transfer.side import Json, SandboxSide, manifest_of

_ARTIFACTS = "Artifacts"
_REGISTRY = "Registries and pipelines of a running transfer"

failure(
    _ARTIFACTS,
    "A repository or tag does not exist",
    "list the misspelled `fail/ap:1` and `fail/app:one`",
    "Artifacts not found in registry 'contososource': 'fail/ap:1', 'fail/app:one'.",
)(lambda clouds: export_error(clouds, "fail/ap:1", "fail/app:one", clouds.IMAGE))
failure(
    _ARTIFACTS,
    "A repository name is not valid",
    "list `Fail/App:1`",
    "Artifacts not found in registry 'contososource': 'Fail/App:1'.",
)(lambda clouds: export_error(clouds, "Fail/App:1"))
failure(
    _ARTIFACTS,
    "A digest does not exist in the repository",
    "list `fail/app@sha256:…` with the digest of another repository's image",
    "Artifacts not found in registry 'contososource': 'fail/app@sha256:…'.",
)(lambda clouds: export_error(clouds, f"fail/app@{digest_of(b'nothing')}"))
failure(
    _ARTIFACTS,
    "An artifact does not exist, with ContinueOnErrors: the others are exported",
    "list `fail/ap:1` among others; set the option ContinueOnErrors",
    "Artifacts not found in registry 'contososource': 'fail/ap:1'.",
)(lambda clouds: export_error(clouds, "fail/ap:1", clouds.IMAGE, options=("ContinueOnErrors",)))
failure(
    _ARTIFACTS,
    "No artifact of the list exists, with ContinueOnErrors",
    "list only `fail/ap:1`; set the option ContinueOnErrors",
    "Artifacts not found in registry 'contososource': 'fail/ap:1'.",
)(lambda clouds: export_error(clouds, "fail/ap:1", options=("ContinueOnErrors",)))
failure(
    _ARTIFACTS,
    "An artifact is listed twice: it is exported once",
    "list `fail/app:1` twice",
    NO_ERROR,
)(lambda clouds: export_error(clouds, clouds.IMAGE, clouds.IMAGE))


@failure(
    _ARTIFACTS,
    "A layer is larger than 8 GB",
    "push a manifest with such a layer",
    "Artifacts with a layer of more than 8 GB cannot be transferred: 'fail/huge:1'.",
)
def _huge(clouds: BothClouds) -> str:
    layer = {"mediaType": "x/y", "digest": digest_of(b"huge"), "size": (8 << 30) + 1}
    clouds.source.push("fail/huge", "1", manifest_of(b"huge", layers=[layer]), b"{}", b"huge")
    return export_error(clouds, "fail/huge:1")


@failure(
    _ARTIFACTS,
    "A foreign layer is not transferred: the image arrives without it",
    "push a manifest with a layer that has `urls`",
    NO_ERROR,
)
def _foreign(clouds: BothClouds) -> str:
    layer = {
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": digest_of(b"elsewhere"),
        "size": 9,
        "urls": ["https://mcr.microsoft.com/v2/windows/blobs/elsewhere"],
    }
    sent = clouds.source.push("fail/foreign", "1", manifest_of(b"", layers=[layer]), b"{}")
    assert export_error(clouds, "fail/foreign:1", blob="foreign", options=("OverwriteBlobs",)) == NO_ERROR
    body = clouds.source.blob("out", "foreign")
    assert b"elsewhere" not in body.replace(sent.body, b"")
    clouds.target.put_blob(BothClouds.INTO, "foreign", body)
    message = import_error(clouds, blob="foreign")
    assert clouds.target.manifest("fail/foreign", "1").body == sent.body
    return message


_WRONG = "The content in registry 'contososource' does not match its digest for: 'fail/rottenlayer:1'."
_BROKEN = "Failed to access registry 'contososource'.  Status: 500 (Internal Server Error)"
for _part, _message in (("layer", _WRONG), ("manifest", _BROKEN)):

    def _rotten(clouds: BothClouds, part: str = _part) -> str:
        sent = clouds.source.image(f"fail/rotten{part}", "1", f"rotten {part} {os.urandom(4).hex()}".encode())
        digest = sent.digest if part == "manifest" else next(reversed(sent.blobs))
        stored = clouds.source.cloud.paths.state.glob(
            f"source/registries/contososource/images/**/{digest.removeprefix('sha256:')}/data"
        )
        data = next(stored)
        body = data.read_bytes()
        data.write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
        return export_error(clouds, f"fail/rotten{part}:1")

    failure(
        _REGISTRY,
        f"The stored bytes of a {_part} are corrupt",
        "change a byte under `registries/` in the sandbox's state folder",
        _message,
    )(_rotten)
for _status, _words in ((429, "too many requests"), (503, "service unavailable")):
    failure(
        _REGISTRY,
        f"The registry returns {_status} for more than three attempts",
        f"`fault set source registry --status {_status}`",
        f"Failed to access registry 'contososource'.  Status: {_status} ({_words})",
    )(with_fault("registry", export_error, path="/v2/fail", status=_status))
failure(
    _REGISTRY,
    "The registry returns 503 twice",
    "`fault set source registry --status 503 --times 2`",
    NO_ERROR,
)(with_fault("registry", export_error, path="/v2/fail", status=503, times=2))
failure(
    _REGISTRY,
    "The connection to the registry is lost during a push",
    "`fault set target registry --method PUT --path blobs/uploads --cut before`",
    "Failed to access registry 'contosotarget'.  The connection was lost (ServerDisconnectedError).",
)(lambda clouds: _lost_push(clouds))


def _lost_push(clouds: BothClouds) -> str:
    transfer_archive(clouds, "cut", "fail/cut:1")
    scenario = with_fault(
        "registry",
        partial(import_error, blob="cut"),
        "target",
        method="PUT",
        path="blobs/uploads",
        cut="before",
    )
    return scenario(clouds)


@failure(
    _REGISTRY,
    "The registry is no longer Premium",
    "PUT the registry with another `sku`, then start a run",
    "The SKU Standard is not supported.",
)
def _downgraded(clouds: BothClouds) -> str:
    pipeline = clouds.source.pipeline("export", "out")
    return _with_registry(clouds.source, {"sku": {"name": "Standard"}}, pipeline)


def _with_registry(side: SandboxSide, change: Json, pipeline: str) -> str:
    """Run a pipeline while the registry has other properties."""
    body = {"location": side.definition.location, "sku": {"name": "Premium"}}
    side.arm("PUT", side.registry_path(), {**body, **change})
    try:
        return error_message(side.run(pipeline, pipeline, BothClouds.IMAGE))
    finally:
        side.arm("PUT", side.registry_path(), body)


@failure(
    _REGISTRY,
    "The pipeline is deleted during its run",
    "`fault choose source delete-used allow`, `fault set source storage --delay 2s`, delete it during a run",
    "The pipeline '…' was not found: it was deleted before the run ended.",
)
def _pipeline_gone(clouds: BothClouds) -> str:
    source = clouds.source
    pipeline = source.pipeline("export", "out")
    with (
        control.choice(source.paths, "source", "delete-used", "allow"),
        control.fault(source.paths, "source", "storage", path="/out", delay=2),
    ):
        run = source.start(pipeline, pipeline, BothClouds.IMAGE)
        source.arm("DELETE", source.pipeline_path("export", pipeline))
        return error_message(source.ended(run)["response"])

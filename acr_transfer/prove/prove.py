"""Proves a transfer: verifies the expected artifacts at the target and collects the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from acr_transfer.errors import NothingExportedError
from acr_transfer.model.proof import LayerMode
from acr_transfer.progress import ProgressReporter
from acr_transfer.prove.evidence import Evidence
from acr_transfer.prove.expectation import Expectation
from acr_transfer.prove.extra_tags import extra_tags
from acr_transfer.prove.layers import read_layers
from acr_transfer.prove.referrer_listing import note_unlisted_referrers
from acr_transfer.prove.target import TargetVerifier
from acr_transfer.prove.verify import Proof, verify
from acr_transfer.registry.client import RegistryClient


@dataclass(frozen=True, kw_only=True)
class ProveOptions:
    """The options of a proof."""

    wait: float = 0
    """Seconds to wait until all artifacts are proved."""

    layers: LayerMode = LayerMode.NONE
    sample: int = 20
    """The number of layers in a sample."""

    exact: bool = False
    """Whether extra tags are a failure."""

    known: Iterable[str] = ()
    """References of earlier proofs, which are not extra."""


async def prove(
    expectation: Expectation,
    source: RegistryClient | None,
    target: RegistryClient,
    options: ProveOptions,
    progress: ProgressReporter,
) -> Evidence:
    """Verify the artifacts of an expectation at the target.

    `source` is read for tags without a known digest. Raises `NothingExportedError` without artifacts.
    """
    if not expectation.artifacts:
        raise NothingExportedError(f"{expectation.document} names no artifacts: nothing to prove")
    began, verifier = datetime.now(UTC), TargetVerifier(target)
    progress.show(f"reading manifests at {target.login_server}")
    proof = await verify(expectation, source, verifier, progress, wait=options.wait)
    proof = replace(proof, findings=tuple(await note_unlisted_referrers(proof.findings, target)))
    proof = await _with_layers(proof, verifier, target, options, progress)
    extra = await extra_tags(expectation.artifacts, options.known, target)
    return Evidence(
        proof=replace(proof, findings=(*proof.findings, *(extra or ()))),
        expectation=expectation,
        target=target.login_server,
        began=began,
        ended=datetime.now(UTC),
        exact=options.exact,
        extra_tags_listed=extra is not None,
    )


async def _with_layers(
    proof: Proof,
    verifier: TargetVerifier,
    target: RegistryClient,
    options: ProveOptions,
    progress: ProgressReporter,
) -> Proof:
    if options.layers is LayerMode.NONE:
        return proof
    required = verifier.required_blobs
    layers = await read_layers(required, target, options.layers, options.sample, progress)
    return replace(proof, findings=tuple(layers.apply(proof.findings, required)), layers=layers)

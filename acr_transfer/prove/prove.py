"""Proves a transfer: verifies the expected artifacts at the target and collects the evidence."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from acr_transfer.concurrency import run_concurrently
from acr_transfer.errors import NothingExportedError, ServiceError, TransferError
from acr_transfer.model.proof import LayerMode, ManifestKind, Verdict
from acr_transfer.model.references import split_reference
from acr_transfer.prove.evidence import Evidence
from acr_transfer.prove.layers import read_layers
from acr_transfer.prove.patience import Patience
from acr_transfer.prove.target import ArtifactFinding, TargetVerifier
from acr_transfer.prove.verify import Expectation, verify
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.failures import Unreadable, summary
from acr_transfer.registry.manifests import ManifestKey, fallback_tag


async def prove(
    expectation: Expectation,
    source: RegistryClient | None,
    target: RegistryClient,
    patience: Patience,
    *,
    layers: LayerMode = LayerMode.NONE,
    sample: int = 20,
    exact: bool = False,
    known: Iterable[str] = (),
) -> Evidence:
    """Verify the artifacts of an expectation at the target, until all are proved or the patience ends.

    `source` is read for tags without a known digest. `sample` is the number of layers in a sample. With
    `exact`, extra tags are a failure; references in `known`, of earlier proofs, are not extra. Raises
    `NothingExportedError` without artifacts.
    """
    if not expectation.artifacts:
        raise NothingExportedError(f"{expectation.document} names no artifacts: nothing to prove")
    began, verifier = datetime.now(UTC), TargetVerifier(target)
    patience.progress.show(f"reading manifests at {target.login_server}")
    proof = await verify(expectation, source, verifier, patience)
    findings = await patience.read(lambda: note_unlisted_referrers(proof.findings, target))
    layer_proof = proof.layers
    if layers is not LayerMode.NONE:
        layer_proof = await patience.read(
            lambda: read_layers(verifier.required_blobs, target, layers, sample, patience.progress)
        )
        findings = layer_proof.apply(findings, verifier.required_blobs)
    extra: list[ArtifactFinding] = []
    unlisted = None
    try:
        extra = await patience.read(lambda: extra_tags(findings, known, target))
    except TransferError as error:
        unlisted = error
    return Evidence(
        proof=replace(proof, findings=(*findings, *extra), layers=layer_proof),
        expectation=expectation,
        target=target.login_server,
        began=began,
        ended=datetime.now(UTC),
        exact=exact,
        unlisted_tags=unlisted,
    )


async def note_unlisted_referrers(
    findings: Sequence[ArtifactFinding], registry: RegistryClient
) -> list[ArtifactFinding]:
    """Return the findings; the detail of a proved referrer states if its subject does not list it.

    Clients find a referrer by the registry's list, or by the fallback tag if the registry has no list.
    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
    """
    subjects = {subject: None for subject in map(_subject, findings) if subject}

    async def list_referrers(subject: ManifestKey) -> set[str]:
        return await unreadable.read("@".join(subject), read_list(*subject)) or set()

    async def read_list(repository: str, digest: str) -> set[str]:
        listed = await registry.referrers(repository, digest)
        if listed is not None:
            return {descriptor.digest for descriptor in listed}
        index = await registry.get(repository, fallback_tag(digest))
        return set(index.child_digests) if index else set()

    unreadable = Unreadable()
    listed = dict(zip(subjects, await run_concurrently(list_referrers, subjects), strict=True))

    def noted(finding: ArtifactFinding) -> ArtifactFinding:
        subject = _subject(finding)
        if subject is None or finding.digest in listed[subject]:
            return finding
        detail = f"it exists, but the target does not list it for {finding.subject}: clients cannot find it"
        if error := unreadable.errors.get("@".join(subject)):
            detail = f"whether clients can find it is unknown: {summary(error)}"
        return replace(finding, detail=detail)

    return [noted(finding) for finding in findings]


def _subject(finding: ArtifactFinding) -> ManifestKey | None:
    """The subject of a proved referrer; None for any other artifact."""
    is_proved_referrer = finding.verdict is Verdict.PROVED and finding.kind is ManifestKind.REFERRER
    if not is_proved_referrer or not finding.subject:
        return None
    return split_reference(finding.artifact)[0], finding.subject


async def extra_tags(
    findings: Sequence[ArtifactFinding], known: Iterable[str], registry: RegistryClient
) -> list[ArtifactFinding]:
    """Return the other tags in the repositories of these artifacts, without those in `known`.

    Raises `TransferError` if the tags cannot be listed completely.
    """
    artifacts = [finding.artifact for finding in findings]
    repositories = sorted({split_reference(reference)[0] for reference in artifacts})
    names = await run_concurrently(registry.tags, repositories)
    listed = {
        f"{repository}:{tag}"
        for repository, tags in zip(repositories, names, strict=True)
        for tag in tags or ()
    }
    _require_proved_tags(findings, listed, registry)
    detail = "in a repository of the hand-over, but not in the hand-over"
    return [
        ArtifactFinding(artifact=reference, verdict=Verdict.EXTRA, detail=detail)
        for reference in sorted(listed - {*artifacts, *known})
    ]


def _require_proved_tags(
    findings: Iterable[ArtifactFinding], listed: set[str], registry: RegistryClient
) -> None:
    """Refuse a list that lacks a tag whose manifest was read: it may lack others."""
    for finding in findings:
        is_proved = finding.verdict is Verdict.PROVED and "@" not in finding.artifact
        if is_proved and finding.artifact not in listed:
            raise ServiceError(f"{registry.login_server} does not list {finding.artifact}, which exists")

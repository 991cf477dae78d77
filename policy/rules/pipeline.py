"""Rules about export and import pipelines: where their blobs are, and how they get there."""

import re
from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, Severity

from acr_transfer.model.clouds import HostDirectory, cloud_name
from acr_transfer.model.options import option_fault
from policy.framework.addresses import Address
from policy.framework.controls import Control
from policy.framework.links import PIPELINES, direction_of, pipeline_name, place, uses_identity, uses_sas
from policy.framework.properties import UNKNOWN, known_items, shown, text
from policy.framework.resources import Finding, Subject
from policy.framework.rule import resource_rule
from policy.framework.settings import Setting

PREREQUISITES = (
    "https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites"
)
TRANSFER = "https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images"
VERSIONS = "https://learn.microsoft.com/rest/api/containerregistry/export-pipelines/create?view=rest-containerregistry-2025-06-01-preview"

_EMULATOR = Setting(
    "allowEmulator",
    False,
    "Whether an address on this machine may be an emulator's: http, and with an account in its path.",
)

_MODES_SINCE = "2025-06-01-preview"
_MODELESS = frozenset({"2025-09-01-preview"})
"""Of an older family of versions, though later by date."""


def _paths(pipeline: Subject) -> tuple[str, str]:
    """The properties with the address of the container and that of the secret."""
    return f"{place(pipeline)}.uri", f"{place(pipeline)}.keyVaultUri"


def _is_emulated(address: Address, pipeline: Subject) -> bool:
    return address.is_loopback and pipeline.settings.flag("allowEmulator")


@resource_rule(
    "pipeline-https",
    *PIPELINES,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.IN_TRANSIT,
    why="Over http everybody on the way can read the images and the token that opens the container.",
    fix="Begin the address with `https://`.",
    url=PREREQUISITES,
    settings=(_EMULATOR,),
)
def https(pipeline: Subject) -> Iterator[Finding]:
    """Find an address of another scheme, unless it is an emulator's and these are allowed."""
    for path in _paths(pipeline):
        uri = text(pipeline.peek(path))
        scheme = uri.lower().partition("://")[0]
        allowed = ("https", "http") if _is_emulated(Address.of(uri), pipeline) else ("https",)
        if uri and scheme not in allowed:
            found = "is http" if scheme == "http" else "does not begin with https://"
            yield pipeline.fault(f"{path} of {pipeline_name(pipeline)} {found}.")


@resource_rule(
    "pipeline-bare-uri",
    *PIPELINES,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.CRITICAL,
    control=Control.NO_EXPOSED_SECRET,
    why="Whoever can read a pipeline can read this address: it is no place for a credential. "
    "It stands for one whole container.",
    fix="Write `https://<account host>/<container>` and nothing more; "
    "a SAS token goes into the key vault's secret.",
    url=PREREQUISITES,
    settings=(_EMULATOR,),
)
def bare_uri(pipeline: Subject) -> Iterator[Finding]:
    """Find a container's address with a token, a user, no container, or more than one."""
    path, _ = _paths(pipeline)
    uri = text(pipeline.peek(path))
    address = Address.of(uri)
    most = 2 if _is_emulated(address, pipeline) else 1
    faults = {
        "has a '?' or '#' in it": address.has_query,
        "has a user name": address.has_user,
        "names no container": not address.segments,
        "names more than a container": len(address.segments) > most or "" in address.segments,
    }
    if uri and any(faults.values()):
        found = " and ".join(fault for fault, is_so in faults.items() if is_so)
        yield pipeline.fault(
            f"{path} of {pipeline_name(pipeline)} {found}; it must be https://account/container."
        )


@resource_rule(
    "pipeline-cloud-suffix",
    *PIPELINES,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    why="Azure clouds share nothing: a pipeline reaches storage and a vault of its own cloud alone.",
    fix="Use the hosts that Azure shows for the account and the vault, of one cloud in a stack. "
    "For a cloud with other hosts set `storageSuffix` and `vaultSuffix` of this rule; "
    "for an emulator `allowEmulator`.",
    url="https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#dns-suffixes-for-object-identifiers",
    settings=(
        _EMULATOR,
        Setting(
            "cloud",
            "",
            "The only cloud that hosts may be of: public, usgovernment, china or own; any if empty.",
        ),
        Setting("storageSuffix", "", "What blob hosts end with in a cloud that is none of those three: own."),
        Setting("vaultSuffix", "", "What key vault hosts end with in that cloud."),
    ),
)
def cloud_suffix(pipeline: Subject) -> Iterator[Finding]:
    """Find hosts of two clouds, of another cloud than is configured, or of none."""
    settings = pipeline.settings
    clouds = HostDirectory.of(settings.text("storageSuffix"), settings.text("vaultSuffix"))
    found = dict(_clouds_of(pipeline, clouds))
    for host, cloud in found.items():
        if not cloud:
            yield pipeline.fault(
                f"{host} is a host of no Azure cloud that this rule knows; it may be misspelt."
            )
    wanted = settings.text("cloud") and cloud_name(settings.text("cloud"))
    for host, cloud in found.items():
        if cloud and wanted and cloud != wanted:
            yield pipeline.fault(f"{host} is of the cloud {cloud}; this rule is configured for {wanted}.")
    if not wanted and len(set(filter(None, found.values()))) > 1:
        both = ", ".join(f"{host} is of the cloud {cloud}" for host, cloud in found.items())
        yield pipeline.fault(f"Pipeline {pipeline_name(pipeline)} is between two clouds: {both}.")


def _clouds_of(pipeline: Subject, clouds: HostDirectory) -> Iterator[tuple[str, str]]:
    """The hosts of a pipeline that are known, and their clouds."""
    container, secret = (Address.of(text(pipeline.peek(path))) for path in _paths(pipeline))
    for address, cloud in ((container, clouds.of_storage), (secret, clouds.of_vault)):
        if address.host and not _is_emulated(address, pipeline):
            yield address.host, cloud(address.host)


@resource_rule(
    "pipeline-secret-unversioned",
    *PIPELINES,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.KEY_LIFE,
    why="A pipeline that names a version of its secret goes on with the old token when it is rotated.",
    fix="End `keyVaultUri` after the secret's name.",
    url=PREREQUISITES,
)
def secret_unversioned(pipeline: Subject) -> Iterator[Finding]:
    """Find the address of a secret's version."""
    _, path = _paths(pipeline)
    segments = Address.of(text(pipeline.peek(path))).segments
    if len(segments) > 2:
        yield pipeline.fault(
            f"{path} of {pipeline_name(pipeline)} names a version of its secret: rotation would not be seen."
        )


@resource_rule(
    "pipeline-mode-consistent",
    *PIPELINES,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.APPLICATION_IDENTITY,
    why="With a SAS token a pipeline needs the secret that holds it; "
    "to go without, it needs an API version that knows how.",
    fix="Set `keyVaultUri` for a SAS token. "
    "For ManagedIdentity make the pipeline with API version 2025-06-01-preview: "
    "`pulumi package add azure-native containerregistry 2025-06-01-preview`",
    url=VERSIONS,
)
def mode_consistent(pipeline: Subject) -> Iterator[Finding]:
    """Find a token without a secret, and an identity where the API version knows tokens alone."""
    _, secret = _paths(pipeline)
    if uses_sas(pipeline) and pipeline.peek(secret) is not UNKNOWN and not text(pipeline.peek(secret)):
        yield pipeline.fault(
            f"Pipeline {pipeline_name(pipeline)} uses a SAS token and names no secret: it needs {secret}."
        )
    version = _api_version(pipeline)
    if uses_identity(pipeline) and (version < _MODES_SINCE or version in _MODELESS):
        yield pipeline.fault(
            f"Pipeline {pipeline_name(pipeline)} uses ManagedIdentity, which needs API version "
            f"{_MODES_SINCE} or one that followed it; this pipeline's is {version or 'older'}."
        )


def _api_version(pipeline: Subject) -> str:
    """The version that the type's name says, or else what the provider has written; empty if neither does."""
    found = re.search(r"v(\d{4})(\d\d)(\d\d)(\w*)", pipeline.type)
    written = "-".join(filter(None, found.groups())) if found else ""
    return written or text(pipeline.peek("azureApiVersion"))


@resource_rule(
    "pipeline-mode-leftover",
    *PIPELINES,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.LOW,
    control=Control.CONFIGURATION,
    why="With ManagedIdentity no secret is read, so one that is named only misleads.",
    fix="Remove `keyVaultUri`, and the secret if nobody else reads it.",
    url=VERSIONS,
)
def mode_leftover(pipeline: Subject) -> Iterator[Finding]:
    """Find an identity's pipeline that names a secret."""
    _, secret = _paths(pipeline)
    if uses_identity(pipeline) and text(pipeline.peek(secret)):
        yield pipeline.fault(
            f"{secret} of {pipeline_name(pipeline)} is not used: its storageAccessMode is ManagedIdentity."
        )


@resource_rule(
    "pipeline-has-identity",
    *PIPELINES,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.APPLICATION_IDENTITY,
    why="A pipeline reads the vault or the container as its identity.",
    fix="Set `identity.type` to SystemAssigned, or to UserAssigned with `userAssignedIdentities`.",
    url=PREREQUISITES,
)
def has_identity(pipeline: Subject) -> Iterator[Finding]:
    """Find a pipeline that is nobody."""
    kind = pipeline.peek("identity.type")
    if kind is not UNKNOWN and text(kind).lower() in ("", "none"):
        yield pipeline.fault(
            f"Pipeline {pipeline_name(pipeline)} has no identity, so it can read neither vault nor storage."
        )


@resource_rule(
    "pipeline-known-options",
    *PIPELINES,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.MEDIUM,
    control=Control.CONFIGURATION,
    why="Exports and imports have options of their own; with another one a pipeline is refused or does less.",
    fix="Remove the option, or write one that this kind of pipeline has.",
    url=TRANSFER,
)
def known_options(pipeline: Subject) -> Iterator[Finding]:
    """Find options that the pipeline's kind does not have."""
    way = direction_of(pipeline)
    for option in known_items(pipeline.peek("options")):
        if fault := option_fault(text(option), way):
            yield pipeline.fault(
                f"Option {shown(option)} of {pipeline_name(pipeline)} is not an option of an {way} pipeline; "
                f"{fault}."
            )


RULES = (
    https,
    bare_uri,
    cloud_suffix,
    secret_unversioned,
    mode_consistent,
    mode_leftover,
    has_identity,
    known_options,
)

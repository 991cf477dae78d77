"""Rules about export and import pipelines by themselves: URLs, access modes, identity, options."""

import re
from collections.abc import Iterator
from functools import partial

from pulumi_policy import EnforcementLevel, Severity

from acr_transfer.model.clouds import HostDirectory, cloud_name
from acr_transfer.model.options import option_fault
from policy.framework import links
from policy.framework.addresses import Address
from policy.framework.properties import UNKNOWN, known_items, shown, text
from policy.framework.resource_types import PIPELINES
from policy.framework.resources import ResourceView, Violation
from policy.framework.rule import PREREQUISITES, TRANSFER, Control, ResourceRule, RuleSetting

VERSIONS = "https://learn.microsoft.com/rest/api/containerregistry/export-pipelines/create?view=rest-containerregistry-2025-06-01-preview"

_EMULATOR = RuleSetting(
    "allowEmulator",
    False,
    "Whether a URL of this machine may be that of an emulator, with http and an account in its path.",
)

_MODES_SINCE = "2025-06-01-preview"
_MODELESS = frozenset({"2025-09-01-preview"})
"""These versions continue an older one without access modes, despite their later dates."""

PipelineRule = partial(ResourceRule, types=PIPELINES)


def _paths(pipeline: ResourceView) -> tuple[str, str]:
    """The properties with the URLs of the container and the secret."""
    return f"{links.endpoint(pipeline)}.uri", f"{links.endpoint(pipeline)}.keyVaultUri"


def _is_emulated(address: Address, pipeline: ResourceView) -> bool:
    return address.is_loopback and pipeline.settings["allowEmulator"]


@PipelineRule(
    severity=Severity.HIGH,
    control=Control.IN_TRANSIT,
    fix="Begin the URL with `https://`.",
    url=PREREQUISITES,
    settings=(_EMULATOR,),
)
def pipeline_https(pipeline: ResourceView) -> Iterator[Violation]:
    """Over HTTP, anyone on the network path can read the images and the token."""
    for path in _paths(pipeline):
        uri = text(pipeline.peek(path))
        scheme = uri.lower().partition("://")[0]
        allowed = ("https", "http") if _is_emulated(Address.of(uri), pipeline) else ("https",)
        if uri and scheme not in allowed:
            found = "uses HTTP" if scheme == "http" else "does not begin with https://"
            yield pipeline.violation(f"{path} of {pipeline} {found}.")


@PipelineRule(
    severity=Severity.CRITICAL,
    control=Control.NO_EXPOSED_SECRET,
    fix="Write `https://<account host>/<container>` and nothing more; a SAS token belongs in the key "
    "vault secret.",
    url=PREREQUISITES,
    settings=(_EMULATOR,),
)
def pipeline_bare_uri(pipeline: ResourceView) -> Iterator[Violation]:
    """Anyone who can read the pipeline can read this URL, so it must not hold a credential."""
    path, _ = _paths(pipeline)
    uri = text(pipeline.peek(path))
    address = Address.of(uri)
    most = 2 if _is_emulated(address, pipeline) else 1
    faults = {
        "contains '?' or '#'": address.has_query,
        "has a user name": address.has_user,
        "names no container": not address.segments,
        "names more than a container": len(address.segments) > most or "" in address.segments,
    }
    if uri and any(faults.values()):
        found = " and ".join(fault for fault, applies in faults.items() if applies)
        yield pipeline.violation(f"{path} of {pipeline} {found}; it must be https://account/container.")


@PipelineRule(
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    fix="Use the hosts that Azure shows for the account and the vault, and one cloud for each stack. "
    "For a cloud with other hosts, set `storageSuffix` and `vaultSuffix` of this rule; for an "
    "emulator, set `allowEmulator`.",
    url="https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#dns-suffixes-for-object-identifiers",
    settings=(
        _EMULATOR,
        RuleSetting("cloud", "", "The required cloud: public, usgovernment, china or own; empty for any."),
        RuleSetting("storageSuffix", "", "The ending of blob hosts in the cloud `own`."),
        RuleSetting("vaultSuffix", "", "The ending of key vault hosts in that cloud."),
    ),
)
def pipeline_cloud_suffix(pipeline: ResourceView) -> Iterator[Violation]:
    """Azure clouds are separate: a pipeline reaches only storage and vaults of its own cloud."""
    settings = pipeline.settings
    clouds = HostDirectory(settings["storageSuffix"], settings["vaultSuffix"])
    found = dict(_clouds_of(pipeline, clouds))
    wanted = settings["cloud"] and cloud_name(settings["cloud"])
    for host, cloud in found.items():
        if not cloud:
            yield pipeline.violation(
                f"{host} belongs to no Azure cloud that this rule knows; check its spelling."
            )
        elif wanted and cloud != wanted:
            yield pipeline.violation(
                f"{host} belongs to the cloud {cloud}; this rule is configured for {wanted}."
            )
    if not wanted and len(set(filter(None, found.values()))) > 1:
        both = ", ".join(f"{host} belongs to the cloud {cloud}" for host, cloud in found.items())
        yield pipeline.violation(f"Pipeline {pipeline} connects two clouds: {both}.")


def _clouds_of(pipeline: ResourceView, clouds: HostDirectory) -> Iterator[tuple[str, str]]:
    """The known hosts of a pipeline with their clouds."""
    container, secret = (Address.of(text(pipeline.peek(path))) for path in _paths(pipeline))
    for address, cloud in ((container, clouds.of_storage), (secret, clouds.of_vault)):
        if address.host and not _is_emulated(address, pipeline):
            yield address.host, cloud(address.host)


@PipelineRule(
    severity=Severity.MEDIUM,
    control=Control.KEY_LIFE,
    fix="End `keyVaultUri` after the secret's name.",
    url=PREREQUISITES,
)
def pipeline_secret_unversioned(pipeline: ResourceView) -> Iterator[Violation]:
    """A pipeline that names a version of its secret keeps the old token after a rotation."""
    _, path = _paths(pipeline)
    segments = Address.of(text(pipeline.peek(path))).segments
    if len(segments) > 2:
        yield pipeline.violation(
            f"{path} of {pipeline} names a version of its secret, so rotation has no effect."
        )


@PipelineRule(
    severity=Severity.HIGH,
    control=Control.APPLICATION_IDENTITY,
    fix="Set `keyVaultUri` for a SAS token. For ManagedIdentity, create the pipeline with API version "
    "2025-06-01-preview: `pulumi package add azure-native containerregistry 2025-06-01-preview`",
    url=VERSIONS,
)
def pipeline_mode_consistent(pipeline: ResourceView) -> Iterator[Violation]:
    """SasToken needs a secret with the token; ManagedIdentity needs an API version that supports it."""
    _, secret = _paths(pipeline)
    if links.uses_sas(pipeline) and pipeline.peek(secret) is not UNKNOWN and not text(pipeline.peek(secret)):
        yield pipeline.violation(
            f"Pipeline {pipeline} uses a SAS token and names no secret: it needs {secret}."
        )
    version = _api_version(pipeline)
    if links.uses_identity(pipeline) and (version < _MODES_SINCE or version in _MODELESS):
        yield pipeline.violation(
            f"Pipeline {pipeline} uses ManagedIdentity, which needs API version "
            f"{_MODES_SINCE} or a successor; this pipeline's is {version or 'older'}."
        )


def _api_version(pipeline: ResourceView) -> str:
    """The version in the type's name, or else in the provider's output; empty if neither states one."""
    in_name = re.search(r"v(\d{4})(\d\d)(\d\d)(\w*)", pipeline.type)
    written = "-".join(filter(None, in_name.groups())) if in_name else ""
    return written or text(pipeline.peek("azureApiVersion"))


@PipelineRule(
    severity=Severity.LOW,
    control=Control.CONFIGURATION,
    fix="Remove `keyVaultUri`, and the secret unless something else reads it.",
    url=VERSIONS,
)
def pipeline_mode_leftover(pipeline: ResourceView) -> Iterator[Violation]:
    """With ManagedIdentity a pipeline reads no secret, so the URL of a secret is misleading."""
    _, secret = _paths(pipeline)
    if links.uses_identity(pipeline) and text(pipeline.peek(secret)):
        yield pipeline.violation(
            f"{secret} of {pipeline} is not used: its storageAccessMode is ManagedIdentity."
        )


@PipelineRule(
    severity=Severity.HIGH,
    control=Control.APPLICATION_IDENTITY,
    fix="Set `identity.type` to SystemAssigned, or to UserAssigned with `userAssignedIdentities`.",
    url=PREREQUISITES,
)
def pipeline_has_identity(pipeline: ResourceView) -> Iterator[Violation]:
    """A pipeline reads the vault or the container with its managed identity."""
    type = pipeline.peek("identity.type")
    if type is not UNKNOWN and text(type).lower() in ("", "none"):
        yield pipeline.violation(
            f"Pipeline {pipeline} has no identity, so it can read neither vault nor storage."
        )


@PipelineRule(
    other_level=EnforcementLevel.MANDATORY,
    severity=Severity.MEDIUM,
    control=Control.CONFIGURATION,
    fix="Remove the option, or use one that this type of pipeline has, spelled as Azure spells it.",
    url=TRANSFER,
)
def pipeline_known_options(pipeline: ResourceView) -> Iterator[Violation]:
    """Export and import pipelines have different options; Azure refuses or ignores any other."""
    direction = links.direction_of(pipeline)
    for option in known_items(pipeline.peek("options")):
        if fault := option_fault(text(option), direction):
            yield pipeline.violation(
                f"Option {shown(option)} of {pipeline} is not an option of an {direction} pipeline; {fault}."
            )

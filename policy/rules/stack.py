"""Rules about what a stack tells and keeps: no credential in the open, nothing lost by one command."""

from collections.abc import Iterator

import pulumi
from pulumi_policy import EnforcementLevel, Severity

from acr_transfer.model.credentials import credential_in, quoted
from policy.framework.controls import Control
from policy.framework.properties import Value
from policy.framework.resource_types import ANY, REGISTRY, SECRET, STACK, STORAGE_ACCOUNT, VAULT
from policy.framework.resources import Finding, Stack, Subject
from policy.framework.rule import resource_rule, stack_rule
from policy.framework.settings import Setting
from policy.framework.stack_config import stack_config

SECRETS = "https://www.pulumi.com/docs/iac/concepts/secrets/"
PROTECT = "https://www.pulumi.com/docs/iac/concepts/resources/options/protect/"


def credentials_in(value: Value, path: str = "") -> Iterator[tuple[str, str]]:
    """Find credentials in a value: each one's path, such as `tags.url` or `items[2]`, and what it is.

    A key that is a credential itself is left out of the path.
    """
    if isinstance(value, pulumi.StringAsset):
        value = value.text
    if isinstance(value, pulumi.AssetArchive):
        value = value.assets
    if isinstance(value, str):
        if kind := credential_in(value):
            yield path, kind
    elif isinstance(value, dict):
        for key, entry in value.items():
            kind = credential_in(str(key))
            place = f"{path}.{'[key]' if kind else key}".removeprefix(".")
            if kind:
                yield place, kind
            yield from credentials_in(entry, place)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from credentials_in(entry, f"{path}[{index}]")


@stack_rule(
    "no-sas-in-outputs",
    level=EnforcementLevel.MANDATORY,
    severity=Severity.CRITICAL,
    control=Control.NO_EXPOSED_SECRET,
    why="Whoever may read a stack's outputs, as other stacks do, would hold the credential, secret or not.",
    fix="Export the secret's name or URI; who needs the token reads it from the vault. "
    "Make a new credential if this one was ever deployed.",
    url=SECRETS,
)
def no_sas_in_outputs(stack: Stack) -> Iterator[Finding]:
    """Find credentials in the outputs of the stack and of components."""
    for resource in stack.resources:
        if STACK.matches(resource.type) or resource.is_component:
            for path, kind in credentials_in(resource.properties):
                yield resource.fault(f"Output {quoted(path)} of {resource.name} carries {kind}.")


@resource_rule(
    "no-sas-in-props",
    ANY,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.CRITICAL,
    control=Control.NO_EXPOSED_SECRET,
    why="A property is shown in previews, and is kept in the state and by the service that it is sent to.",
    fix="Move it to a key vault secret (`properties.value`), and give the property the secret's URI. "
    "Make a new credential if this one was ever deployed.",
    url=SECRETS,
)
def no_sas_in_props(resource: Subject) -> Iterator[Finding]:
    """Find credentials in inputs, other than the value of a vault's secret."""
    for path, kind in credentials_in(resource.properties):
        if not (SECRET.matches(resource.type) and path == "properties.value"):
            yield resource.fault(f"Property {quoted(path)} of {resource.name} carries {kind}.")


@resource_rule(
    "no-sas-in-config",
    STACK,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.CRITICAL,
    control=Control.NO_EXPOSED_SECRET,
    why="The stack's configuration lies in a file in clear, and is most often committed.",
    fix="Take it out, or encrypt it: `pulumi config set --secret <key>`. "
    "Make a new credential if this one was committed. "
    "Where the engine is too old to tell what is encrypted, name the key in `allowKeys` of this rule.",
    url=SECRETS,
    settings=(Setting("allowKeys", (), "Configuration keys that hold a credential, encrypted."),),
)
def no_sas_in_config(stack: Subject) -> Iterator[Finding]:
    """Find credentials that the stack's configuration holds in clear."""
    config = stack_config()
    for key, value in config.values.items():
        if key not in config.encrypted and key not in stack.settings.texts("allowKeys"):
            for _, kind in credentials_in(value):
                yield stack.fault(f"Configuration {quoted(key)} carries {kind}, in clear.")


@resource_rule(
    "protect-stores",
    REGISTRY,
    STORAGE_ACCOUNT,
    VAULT,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.ASSET_LIFE,
    why="One pulumi destroy would delete the images, the blobs or the secrets with what holds them.",
    fix="Give the resource the option `protect`; "
    "in the stacks of acr-transfer: `pulumi config set acr-transfer:protect true`.",
    url=PROTECT,
    settings=(
        Setting("protect", False, "Whether registries, storage accounts and vaults must be protected."),
    ),
)
def protect_stores(store: Subject) -> Iterator[Finding]:
    """Find stores that nothing protects, where that is asked for."""
    if store.settings.flag("protect") and not store.protect:
        yield store.fault(f"{store.name} can be deleted by one command: it is not protected.")


RULES = (
    no_sas_in_outputs,
    no_sas_in_props,
    no_sas_in_config,
    protect_stores,
)

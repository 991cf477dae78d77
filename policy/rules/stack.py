"""Rules about whole stacks: credentials in outputs, properties and configuration; protection."""

from collections.abc import Iterator

import pulumi
from pulumi_policy import Severity

from acr_transfer.model.credentials import credential_in, quoted
from policy.framework.properties import Value
from policy.framework.resource_types import ANY, REGISTRY, SECRET, STACK, STORAGE_ACCOUNT, VAULT
from policy.framework.resources import ResourceView, StackView, Violation
from policy.framework.rule import Control, ResourceRule, RuleSetting, StackRule
from policy.framework.stack_config import stack_config

SECRETS = "https://www.pulumi.com/docs/iac/concepts/secrets/"


def credentials_in(value: Value, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path of each credential in a value, such as `tags.url` or `items[2]`, and its kind.

    A key that is a credential itself appears as `[key]`.
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
            entry_path = f"{path}.{'[key]' if kind else key}".removeprefix(".")
            if kind:
                yield entry_path, kind
            yield from credentials_in(entry, entry_path)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from credentials_in(entry, f"{path}[{index}]")


@StackRule(
    severity=Severity.CRITICAL,
    control=Control.NO_EXPOSED_SECRET,
    fix="Export the secret's name or URI; consumers read the token from the vault. Replace the "
    "credential if it was ever deployed.",
    url=SECRETS,
)
def no_sas_in_outputs(stack: StackView) -> Iterator[Violation]:
    """Everyone who can read the stack's outputs gets the credential, even from a secret output."""
    for resource in stack.resources:
        if STACK.fullmatch(resource.type) or resource.is_component:
            for path, kind in credentials_in(resource.properties):
                yield resource.violation(f"Output {quoted(path)} of {resource.name} contains {kind}.")


@ResourceRule(
    types=(ANY,),
    severity=Severity.CRITICAL,
    control=Control.NO_EXPOSED_SECRET,
    fix="Move the credential to a key vault secret (`properties.value`), and set the property to the "
    "secret's URI. Replace the credential if it was ever deployed.",
    url=SECRETS,
)
def no_sas_in_props(resource: ResourceView) -> Iterator[Violation]:
    """Properties appear in previews, stay in the state, and are stored by the service that receives them."""
    for path, kind in credentials_in(resource.properties):
        if not (SECRET.fullmatch(resource.type) and path == "properties.value"):
            yield resource.violation(f"Property {quoted(path)} of {resource.name} contains {kind}.")


@ResourceRule(
    types=(STACK,),
    severity=Severity.CRITICAL,
    control=Control.NO_EXPOSED_SECRET,
    fix="Remove the value, or encrypt it: `pulumi config set --secret <key>`. Replace the credential "
    "if it was committed. With an engine that does not report encrypted keys, add the key to "
    "`allowKeys` of this rule.",
    url=SECRETS,
    settings=(RuleSetting("allowKeys", (), "Configuration keys that hold an encrypted credential."),),
)
def no_sas_in_config(stack: ResourceView) -> Iterator[Violation]:
    """The stack's configuration is a plain file that is usually committed."""
    config = stack_config()
    for key, value in config.values.items():
        if key not in config.encrypted and key not in stack.settings["allowKeys"]:
            for _, kind in credentials_in(value):
                yield stack.violation(f"Configuration {quoted(key)} contains {kind} in plain text.")


@ResourceRule(
    types=(REGISTRY, STORAGE_ACCOUNT, VAULT),
    severity=Severity.MEDIUM,
    control=Control.ASSET_LIFE,
    fix="Set the resource option `protect`; in the stacks of acr-transfer: `pulumi config set "
    "acr-transfer:protect true`.",
    url="https://www.pulumi.com/docs/iac/concepts/resources/options/protect/",
    settings=(
        RuleSetting("protect", False, "Whether registries, storage accounts and vaults must be protected."),
    ),
)
def protect_stores(store: ResourceView) -> Iterator[Violation]:
    """One `pulumi destroy` deletes the images, blobs or secrets with the resource that holds them."""
    if store.settings["protect"] and not store.protect:
        yield store.violation(f"{store.name} is not protected: one command can delete it.")

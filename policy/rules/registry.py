"""Rules about registries: tier, export policy, access, network."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, Severity

from policy.framework.properties import UNKNOWN, is_other, shown, text
from policy.framework.resource_types import EXPORT_PIPELINE, IMPORT_PIPELINE, REGISTRY
from policy.framework.resources import ResourceView, StackView, Violation
from policy.framework.rule import PREREQUISITES, Control, ResourceRule, StackRule

LOSS_PREVENTION = "https://learn.microsoft.com/azure/container-registry/data-loss-prevention"


@ResourceRule(
    types=(REGISTRY,),
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    fix="Set `sku.name` to Premium.",
    url=PREREQUISITES,
)
def registry_premium_sku(registry: ResourceView) -> Iterator[Violation]:
    """Only registries of the Premium tier have transfer pipelines."""
    sku = registry.peek("sku.name")
    if is_other(sku, "Premium"):
        yield registry.violation(
            f"ACR Transfer needs a Premium registry; the tier of {registry} is {shown(sku)}."
        )


@StackRule(
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    fix="Set `policies.exportPolicy.status` to enabled while exports run, and to disabled elsewhere.",
    url=LOSS_PREVENTION,
)
def registry_export_allowed(stack: StackView) -> Iterator[Violation]:
    """Azure refuses export pipelines in a registry whose export policy is disabled."""
    for pipeline in stack.of(EXPORT_PIPELINE):
        for registry in stack.referenced(pipeline, "registryName", REGISTRY):
            if text(registry.peek("policies.exportPolicy.status")).lower() == "disabled":
                yield pipeline.violation(
                    f"The export policy of {registry} is disabled: "
                    f"Azure refuses to create pipeline {pipeline}."
                )


@StackRule(
    other_level=EnforcementLevel.DISABLED,
    severity=Severity.LOW,
    control=Control.NETWORK,
    fix="Set `policies.exportPolicy.status` and `publicNetworkAccess` to disabled.",
    url=LOSS_PREVENTION,
)
def registry_export_closed_on_target(stack: StackView) -> Iterator[Violation]:
    """Images in a restricted registry can be exported again while its export policy is enabled."""
    if not stack.of(IMPORT_PIPELINE) or stack.of(EXPORT_PIPELINE):
        return
    for registry in stack.of(REGISTRY):
        switches = (registry.peek("policies.exportPolicy.status"), registry.peek("publicNetworkAccess"))
        if any(is_other(switch, "disabled") for switch in switches):
            yield registry.violation(
                f"Images of target registry {registry} can be exported again "
                "(a violation of Azure's built-in policy 524b0254)."
            )


@ResourceRule(
    types=(REGISTRY,),
    remedy={"adminUserEnabled": False},
    severity=Severity.HIGH,
    control=Control.CENTRAL_IDENTITY,
    fix="Set `adminUserEnabled` to false, and assign roles to identities.",
    url="https://learn.microsoft.com/azure/container-registry/container-registry-authentication#admin-account",
)
def registry_no_admin_user(registry: ResourceView) -> Iterator[Violation]:
    """The admin user has one shared password for the whole registry."""
    if registry.peek("adminUserEnabled") is True:
        yield registry.violation(f"The admin user of registry {registry} is enabled.")


@ResourceRule(
    types=(REGISTRY,),
    remedy={"anonymousPullEnabled": False},
    severity=Severity.HIGH,
    control=Control.LEAST_PRIVILEGE,
    fix="Set `anonymousPullEnabled` to false.",
    url="https://learn.microsoft.com/azure/container-registry/anonymous-pull-access",
)
def registry_no_anonymous_pull(registry: ResourceView) -> Iterator[Violation]:
    """With anonymous pull, anyone can pull the transferred images."""
    if registry.peek("anonymousPullEnabled") is True:
        yield registry.violation(f"Anyone can pull images of registry {registry}.")


@ResourceRule(
    types=(REGISTRY,),
    severity=Severity.MEDIUM,
    control=Control.NETWORK,
    fix="Set `publicNetworkAccess` to Disabled, or `networkRuleSet.defaultAction` to Deny; "
    "keep `networkRuleBypassOptions` at AzureServices.",
    url="https://learn.microsoft.com/azure/container-registry/allow-access-trusted-services",
)
def registry_network_restricted(registry: ResourceView) -> Iterator[Violation]:
    """A registry should be closed to networks that do not need it, and open to trusted services."""
    public, action = registry.peek("publicNetworkAccess"), registry.peek("networkRuleSet.defaultAction")
    restricted = text(public).lower() == "disabled" or text(action).lower() == "deny"
    if not restricted and UNKNOWN not in (public, action):
        yield registry.violation(f"Registry {registry} is open to all networks.")
    bypass = text(registry.peek("networkRuleBypassOptions"))
    if restricted and bypass and bypass.lower() != "azureservices":
        yield registry.violation(
            f"Registry {registry} is restricted, and its bypass for trusted services is off."
        )

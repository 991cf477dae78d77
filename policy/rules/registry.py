"""Rules about the registry that images leave or arrive in."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, Severity

from policy.framework.controls import Control
from policy.framework.properties import UNKNOWN, is_other, shown, text
from policy.framework.resource_types import EXPORT_PIPELINE, IMPORT_PIPELINE, REGISTRY
from policy.framework.resources import Finding, Stack, Subject
from policy.framework.rule import resource_rule, stack_rule

PREREQUISITES = (
    "https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites"
)
LOSS_PREVENTION = "https://learn.microsoft.com/azure/container-registry/data-loss-prevention"


def _name(registry: Subject) -> str:
    return registry.called("registryName", "name")


@resource_rule(
    "registry-premium-sku",
    REGISTRY,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    why="Transfer pipelines are made in registries of the Premium tier alone.",
    fix="Set `sku.name` to Premium.",
    url=PREREQUISITES,
)
def premium_sku(registry: Subject) -> Iterator[Finding]:
    """Find a registry of another tier."""
    sku = registry.peek("sku.name")
    if is_other(sku, "Premium"):
        yield registry.fault(
            f"ACR Transfer needs a Premium registry; the tier of {_name(registry)} is {shown(sku)}."
        )


@stack_rule(
    "registry-export-allowed",
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    why="Azure makes no export pipeline in a registry whose export policy keeps images in.",
    fix="Set `policies.exportPolicy.status` to enabled while exports run, and to disabled elsewhere.",
    url=LOSS_PREVENTION,
)
def export_allowed(stack: Stack) -> Iterator[Finding]:
    """Find export pipelines of a registry that lets nothing out; without the setting it does."""
    for pipeline in stack.of(EXPORT_PIPELINE):
        for registry in stack.linked(pipeline, "registryName", REGISTRY):
            if _keeps_images_in(registry):
                called = pipeline.called("exportPipelineName", "name")
                yield pipeline.fault(
                    f"The export policy of {_name(registry)} is disabled: "
                    f"creating pipeline {called} will be refused."
                )


def _keeps_images_in(registry: Subject) -> bool:
    return text(registry.peek("policies.exportPolicy.status")).lower() == "disabled"


@stack_rule(
    "registry-export-closed-on-target",
    level=EnforcementLevel.DISABLED,
    severity=Severity.LOW,
    control=Control.NETWORK,
    why="What was brought into a closed registry can be taken out again while its export policy allows it.",
    fix="Set `policies.exportPolicy.status` and `publicNetworkAccess` to disabled.",
    url=LOSS_PREVENTION,
)
def export_closed_on_target(stack: Stack) -> Iterator[Finding]:
    """Find registries that images can leave in a stack that only imports."""
    if not stack.of(IMPORT_PIPELINE) or stack.of(EXPORT_PIPELINE):
        return
    for registry in stack.of(REGISTRY):
        open_parts = (registry.peek("policies.exportPolicy.status"), registry.peek("publicNetworkAccess"))
        if any(is_other(part, "disabled") for part in open_parts):
            yield registry.fault(
                f"Target registry {_name(registry)} can be exported again "
                "(Azure's built-in policy 524b0254 would flag it)."
            )


@resource_rule(
    "registry-no-admin-user",
    REGISTRY,
    remedy={"adminUserEnabled": False},
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.CENTRAL_IDENTITY,
    why="The admin user gives one shared password to the whole registry.",
    fix="Set `adminUserEnabled` to false, and give identities roles.",
    url="https://learn.microsoft.com/azure/container-registry/container-registry-authentication#admin-account",
)
def no_admin_user(registry: Subject) -> Iterator[Finding]:
    """Find a registry with its admin user on."""
    if registry.peek("adminUserEnabled") is True:
        yield registry.fault(f"The admin user of registry {_name(registry)} is enabled.")


@resource_rule(
    "registry-no-anonymous-pull",
    REGISTRY,
    remedy={"anonymousPullEnabled": False},
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.LEAST_PRIVILEGE,
    why="With anonymous pull anyone could pull what was transferred.",
    fix="Set `anonymousPullEnabled` to false.",
    url="https://learn.microsoft.com/azure/container-registry/anonymous-pull-access",
)
def no_anonymous_pull(registry: Subject) -> Iterator[Finding]:
    """Find a registry that serves images to people without a name."""
    if registry.peek("anonymousPullEnabled") is True:
        yield registry.fault(f"Registry {_name(registry)} serves its images to anyone.")


@resource_rule(
    "registry-network-restricted",
    REGISTRY,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.NETWORK,
    why="A registry is best closed to networks that do not need it, and open to trusted services.",
    fix="Set `publicNetworkAccess` to Disabled, or `networkRuleSet.defaultAction` to Deny; "
    "keep `networkRuleBypassOptions` at AzureServices.",
    url="https://learn.microsoft.com/azure/container-registry/allow-access-trusted-services",
)
def network_restricted(registry: Subject) -> Iterator[Finding]:
    """Find a registry open to all networks, and one closed to trusted services as well."""
    public, action = registry.peek("publicNetworkAccess"), registry.peek("networkRuleSet.defaultAction")
    restricted = text(public).lower() == "disabled" or text(action).lower() == "deny"
    if not restricted and UNKNOWN not in (public, action):
        yield registry.fault(f"Registry {_name(registry)} is open to all networks.")
    bypass = text(registry.peek("networkRuleBypassOptions"))
    if restricted and bypass and bypass.lower() != "azureservices":
        yield registry.fault(
            f"Registry {_name(registry)} is closed, and its bypass for trusted services such as ACR is off."
        )


RULES = (
    premium_sku,
    export_allowed,
    export_closed_on_target,
    no_admin_user,
    no_anonymous_pull,
    network_restricted,
)

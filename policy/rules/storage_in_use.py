"""Rules about storage as the pipelines of the stack use it."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from pulumi_policy import EnforcementLevel, Severity

from acr_transfer.model.options import DELETE_SOURCE_BLOB
from acr_transfer.model.storage_network import StorageNetwork, storage_network
from policy.framework.controls import Control
from policy.framework.links import (
    PIPELINES,
    accounts,
    container_url,
    containers,
    pipeline_name,
    uses_identity,
    uses_sas,
)
from policy.framework.options import has_option
from policy.framework.properties import MISSING, UNKNOWN, Value, known_items, peek, text
from policy.framework.resource_types import BLOB_SERVICE, MANAGEMENT_POLICY, STORAGE_ACCOUNT
from policy.framework.resources import Finding, Stack, Subject
from policy.framework.rule import stack_rule

TRANSFER = "https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites"
NETWORK = "https://learn.microsoft.com/azure/storage/common/storage-network-security"
TROUBLE = "https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting"


def _name(account: Subject) -> str:
    return account.called("accountName", "name")


def _in_use(stack: Stack, *, by_sas: bool = False) -> list[Subject]:
    """The accounts that pipelines of the stack use, or those that they use with a SAS token."""
    pipelines = [each for each in stack.of(*PIPELINES) if uses_sas(each) or not by_sas]
    found = {account.urn: account for each in pipelines for account in accounts(stack, each)}
    return list(found.values())


def _network(account: Subject) -> StorageNetwork:
    action = text(account.peek("networkRuleSet.defaultAction"))
    return storage_network(text(account.peek("publicNetworkAccess")), action)


@stack_rule(
    "storage-shared-key-for-sas",
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    why="A SAS token is signed with an account key, and is refused where keys are off.",
    fix="Set `allowSharedKeyAccess` to true, or let the pipelines use ManagedIdentity.",
    url="https://learn.microsoft.com/azure/storage/common/shared-key-authorization-prevent",
)
def shared_key_for_sas(stack: Stack) -> Iterator[Finding]:
    """Find accounts without keys that a pipeline would use with a SAS token."""
    for account in _in_use(stack, by_sas=True):
        if account.peek("allowSharedKeyAccess") is False:
            yield account.fault(f"A key-signed SAS cannot work: shared key is off on {_name(account)}.")


@stack_rule(
    "storage-shared-key-off",
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.CENTRAL_IDENTITY,
    why="An account key opens the whole account, and where no SAS is used nobody needs it.",
    fix="Set `allowSharedKeyAccess` to false.",
    url="https://learn.microsoft.com/azure/storage/common/shared-key-authorization-prevent",
)
def shared_key_off(stack: Stack) -> Iterator[Finding]:
    """Find accounts with keys whose pipelines all use their identity."""
    for account in stack.of(STORAGE_ACCOUNT):
        users = [p for p in stack.of(*PIPELINES) if account.urn in {each.urn for each in accounts(stack, p)}]
        keys = account.peek("allowSharedKeyAccess")
        if users and all(map(uses_identity, users)) and keys not in (False, UNKNOWN):
            yield account.fault(
                f"No pipeline uses a SAS of account {_name(account)}: its shared key can be off."
            )


@stack_rule(
    "storage-reachable",
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.NETWORK,
    why="Pipelines reach storage over its public endpoint; without one their runs end in 403.",
    fix="Set `publicNetworkAccess` to Enabled, or waive this rule once a run has worked.",
    url=TROUBLE,
)
def reachable(stack: Stack) -> Iterator[Finding]:
    """Find accounts without a public endpoint that a pipeline uses."""
    for account in _in_use(stack):
        if _network(account) is StorageNetwork.DISABLED:
            yield account.fault(f"The public endpoint of account {_name(account)} is off.")


@stack_rule(
    "storage-firewall-review",
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.NETWORK,
    why="ACR Transfer has no published addresses, and storage does not list it among its trusted services.",
    fix="Set `networkRuleSet.defaultAction` to Allow, or try one run before you rely on it.",
    url=NETWORK,
)
def firewall_review(stack: Stack) -> Iterator[Finding]:
    """Find accounts behind a firewall that a pipeline uses."""
    for account in _in_use(stack):
        if _network(account) is StorageNetwork.FIREWALLED:
            yield account.fault(f"The firewall of account {_name(account)} may refuse the pipelines.")


@stack_rule(
    "storage-soft-delete",
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.BACKUP,
    why="A blob that a bad import has deleted can be had back with soft delete only.",
    fix="Add BlobServiceProperties with `deleteRetentionPolicy` enabled for 7 days.",
    url="https://learn.microsoft.com/azure/storage/blobs/soft-delete-blob-overview",
)
def soft_delete(stack: Stack) -> Iterator[Finding]:
    """Find accounts of the stack whose deleted blobs are gone."""
    kept = [
        account.urn
        for service in stack.of(BLOB_SERVICE)
        if service.peek("deleteRetentionPolicy.enabled") in (True, UNKNOWN)
        for account in stack.linked(service, "accountName", STORAGE_ACCOUNT)
    ]
    for account in stack.of(STORAGE_ACCOUNT):
        if account.urn not in kept:
            yield account.fault(f"A blob deleted from account {_name(account)} cannot be restored.")


@stack_rule(
    "storage-cleanup",
    level=EnforcementLevel.ADVISORY,
    severity=Severity.LOW,
    control=Control.ASSET_LIFE,
    why="Exported images that nobody deletes cost money and can be read for ever.",
    fix="Add a lifecycle rule for the container, or the option DeleteSourceBlobOnSuccess to its import.",
    url="https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-overview",
)
def cleanup(stack: Stack) -> Iterator[Finding]:
    """Find containers of pipelines that neither a lifecycle rule nor an import empties."""
    users = [(container, each) for each in stack.of(*PIPELINES) for container in containers(stack, each)]
    emptied = {container.urn for container, pipeline in users if has_option(pipeline, DELETE_SOURCE_BLOB)}
    for container in {each.urn: each for each, _ in users}.values():
        if container.urn not in emptied and not has_lifecycle_rule(stack, container):
            name = container.called("containerName", "name")
            yield container.fault(f"Exported images stay in container {name} for ever.")


def has_lifecycle_rule(stack: Stack, container: Subject) -> bool:
    """Whether a management policy of the container's account deletes its blobs one day, or may."""
    owners = stack.linked(container, "accountName", STORAGE_ACCOUNT)
    return is_emptied(stack, owners, text(container.peek("name")))


def is_emptied(stack: Stack, accounts: Sequence[Subject], container: str) -> bool:
    """Whether a management policy of these accounts deletes a container's blobs one day, or may.

    It may if a preview does not know the container's name (empty then), the rule, or whose policy it is.
    """
    urns = {each.urn for each in accounts}
    for policy in stack.of(MANAGEMENT_POLICY):
        owners = {each.urn for each in stack.linked(policy, "accountName", STORAGE_ACCOUNT)}
        rules = policy.peek("policy.rules")
        fits = rules is UNKNOWN or any(_empties(rule, container) for rule in known_items(rules))
        if fits and (not owners or owners & urns):
            return True
    return False


def _empties(rule: Value, container: str) -> bool:
    deletes = peek(rule, "definition.actions.baseBlob.delete")
    prefixes = peek(rule, "definition.filters.prefixMatch")
    fits = (
        not prefixes or prefixes in (MISSING, UNKNOWN) or any(_begins(container, each) for each in prefixes)
    )
    return peek(rule, "enabled") is not False and deletes is not MISSING and fits


def _begins(container: str, prefix: Value) -> bool:
    return prefix is UNKNOWN or not container or f"{container}/".startswith(text(prefix))


@stack_rule(
    "container-per-pipeline",
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    why="Pipelines that share a container import, overwrite or delete each other's blobs.",
    fix="Give each pipeline a container of its own.",
    url=TRANSFER,
)
def container_per_pipeline(stack: Stack) -> Iterator[Finding]:
    """Find pairs of pipelines with one container; letter case and a slash at the end make no difference."""
    for first, second in combinations(stack.of(*PIPELINES), 2):
        if share_container(stack, first, second):
            yield second.fault(
                f"Pipelines {pipeline_name(first)} and {pipeline_name(second)} share one container."
            )


def share_container(stack: Stack, first: Subject, second: Subject) -> bool:
    """Whether two pipelines have one container, by its address or by the resource."""
    urls = container_url(first), container_url(second)
    if all(urls):
        return urls[0] == urls[1]
    shared = {each.urn for each in containers(stack, first)} & {
        each.urn for each in containers(stack, second)
    }
    return bool(shared)


RULES = (
    shared_key_for_sas,
    shared_key_off,
    reachable,
    firewall_review,
    soft_delete,
    cleanup,
    container_per_pipeline,
)

"""Rules about the storage that the pipelines of a stack use."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from pulumi_policy import Severity

from acr_transfer.model.options import DELETE_SOURCE_BLOB
from acr_transfer.model.storage_network import StorageNetwork, storage_network
from policy.framework.links import (
    accounts,
    container_url,
    containers,
    has_option,
    uses_identity,
    uses_sas,
)
from policy.framework.properties import MISSING, UNKNOWN, Value, known_items, peek, text
from policy.framework.resource_types import BLOB_SERVICE, MANAGEMENT_POLICY, PIPELINES, STORAGE_ACCOUNT
from policy.framework.resources import ResourceView, StackView, Violation
from policy.framework.rule import PREREQUISITES, TROUBLESHOOTING, Control, StackRule

NETWORK = "https://learn.microsoft.com/azure/storage/common/storage-network-security"


def _in_use(stack: StackView, *, by_sas: bool = False) -> list[ResourceView]:
    """The accounts that pipelines of the stack use: all of them, or those with a SAS token."""
    pipelines = [each for each in stack.of(*PIPELINES) if uses_sas(each) or not by_sas]
    found = {account.urn: account for each in pipelines for account in accounts(stack, each)}
    return list(found.values())


def _network(account: ResourceView) -> StorageNetwork:
    action = text(account.peek("networkRuleSet.defaultAction"))
    return storage_network(text(account.peek("publicNetworkAccess")), action)


@StackRule(
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    fix="Set `allowSharedKeyAccess` to true, or set the pipelines' `storageAccessMode` to ManagedIdentity.",
    url="https://learn.microsoft.com/azure/storage/common/shared-key-authorization-prevent",
)
def storage_shared_key_for_sas(stack: StackView) -> Iterator[Violation]:
    """A SAS token is signed with an account key, so it does not work without shared key access."""
    for account in _in_use(stack, by_sas=True):
        if account.peek("allowSharedKeyAccess") is False:
            yield account.violation(f"SAS tokens of account {account} cannot work: shared key access is off.")


@StackRule(
    severity=Severity.MEDIUM,
    control=Control.CENTRAL_IDENTITY,
    fix="Set `allowSharedKeyAccess` to false.",
    url="https://learn.microsoft.com/azure/storage/common/shared-key-authorization-prevent",
)
def storage_shared_key_off(stack: StackView) -> Iterator[Violation]:
    """An account key opens the whole account, and pipelines need it for SAS tokens only."""
    for account in stack.of(STORAGE_ACCOUNT):
        users = [p for p in stack.of(*PIPELINES) if account.urn in {each.urn for each in accounts(stack, p)}]
        keys = account.peek("allowSharedKeyAccess")
        if users and all(map(uses_identity, users)) and keys not in (False, UNKNOWN):
            yield account.violation(
                f"No pipeline uses a SAS token of account {account}, so shared key access can be off."
            )


@StackRule(
    severity=Severity.HIGH,
    control=Control.NETWORK,
    fix="Set `publicNetworkAccess` to Enabled, or waive this rule after a run has worked.",
    url=TROUBLESHOOTING,
)
def storage_reachable(stack: StackView) -> Iterator[Violation]:
    """Pipelines reach storage over its public endpoint; without it, their runs fail with 403."""
    for account in _in_use(stack):
        if _network(account) is StorageNetwork.DISABLED:
            yield account.violation(f"The public endpoint of account {account} is off.")


@StackRule(
    severity=Severity.MEDIUM,
    control=Control.NETWORK,
    fix="Set `networkRuleSet.defaultAction` to Allow, or test a run before you rely on it.",
    url=NETWORK,
)
def storage_firewall_review(stack: StackView) -> Iterator[Violation]:
    """ACR Transfer has no published addresses and is not one of the services that storage trusts."""
    for account in _in_use(stack):
        if _network(account) is StorageNetwork.FIREWALLED:
            yield account.violation(f"The firewall of account {account} may refuse the pipelines.")


@StackRule(
    severity=Severity.MEDIUM,
    control=Control.BACKUP,
    fix="Add BlobServiceProperties with `deleteRetentionPolicy` enabled for 7 days.",
    url="https://learn.microsoft.com/azure/storage/blobs/soft-delete-blob-overview",
)
def storage_soft_delete(stack: StackView) -> Iterator[Violation]:
    """Without soft delete, a blob that a failed import deleted cannot be restored."""
    kept = [
        account.urn
        for service in stack.of(BLOB_SERVICE)
        if service.peek("deleteRetentionPolicy.enabled") in (True, UNKNOWN)
        for account in stack.referenced(service, "accountName", STORAGE_ACCOUNT)
    ]
    for account in stack.of(STORAGE_ACCOUNT):
        if account.urn not in kept:
            yield account.violation(f"A blob deleted from account {account} cannot be restored.")


@StackRule(
    severity=Severity.LOW,
    control=Control.ASSET_LIFE,
    fix="Add a lifecycle rule for the container, or the option DeleteSourceBlobOnSuccess to its "
    "import pipeline.",
    url="https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-overview",
)
def storage_cleanup(stack: StackView) -> Iterator[Violation]:
    """Exported images that stay in the container cost money and remain readable."""
    users = [(container, each) for each in stack.of(*PIPELINES) for container in containers(stack, each)]
    emptied = {container.urn for container, pipeline in users if has_option(pipeline, DELETE_SOURCE_BLOB)}
    for container in {each.urn: each for each, _ in users}.values():
        owners = stack.referenced(container, "accountName", STORAGE_ACCOUNT)
        if container.urn not in emptied and not is_emptied(stack, owners, text(container.peek("name"))):
            yield container.violation(f"Exported images stay in container {container} forever.")


def is_emptied(stack: StackView, accounts: Sequence[ResourceView], container: str) -> bool:
    """Whether a lifecycle rule of these accounts may delete a container's blobs.

    It may if a preview does not know the container's name (empty then), the rule, or the rule's account.
    """
    urns = {each.urn for each in accounts}
    for policy in stack.of(MANAGEMENT_POLICY):
        owners = {each.urn for each in stack.referenced(policy, "accountName", STORAGE_ACCOUNT)}
        rules = policy.peek("policy.rules")
        fits = rules is UNKNOWN or any(_deletes(rule, container) for rule in known_items(rules))
        if fits and (not owners or owners & urns):
            return True
    return False


def _deletes(rule: Value, container: str) -> bool:
    action = peek(rule, "definition.actions.baseBlob.delete")
    prefixes = peek(rule, "definition.filters.prefixMatch")
    fits = (
        not isinstance(prefixes, list) or not prefixes or any(_begins(container, each) for each in prefixes)
    )
    return peek(rule, "enabled") is not False and action is not MISSING and fits


def _begins(container: str, prefix: Value) -> bool:
    return prefix is UNKNOWN or not container or f"{container}/".startswith(text(prefix))


@StackRule(
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    fix="Give each pipeline its own container.",
    url=PREREQUISITES,
)
def container_per_pipeline(stack: StackView) -> Iterator[Violation]:
    """Pipelines that share a container import, overwrite or delete each other's blobs."""
    for first, second in combinations(stack.of(*PIPELINES), 2):
        if share_container(stack, first, second):
            yield second.violation(f"Pipelines {first} and {second} share one container.")


def share_container(stack: StackView, first: ResourceView, second: ResourceView) -> bool:
    """Whether two pipelines use one container, by its URL or by the resource."""
    urls = container_url(first), container_url(second)
    if all(urls):
        return urls[0] == urls[1]
    shared = {each.urn for each in containers(stack, first)} & {
        each.urn for each in containers(stack, second)
    }
    return bool(shared)

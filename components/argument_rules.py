"""The rules of the arguments: which values each one accepts, and which values contradict each other.

The components apply them to their arguments, and the program to a stack's configuration.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Network
from typing import Any

import pulumi

from acr_transfer.model import resource_names
from acr_transfer.model.credentials import quoted, shown
from acr_transfer.model.options import KNOWN_OPTIONS, Direction, TriggerStatus
from acr_transfer.model.references import FORMS, Artifact, InvalidReferenceError
from acr_transfer.model.resource_ids import ResourceId
from acr_transfer.model.resource_names import NameRule
from acr_transfer.model.roles import RoleAssignmentMode
from acr_transfer.model.times import EXPIRY_FORM, format_time, parse_expiry

from . import defaults
from .advice import named
from .arguments import TokenSettings, VaultSelection, has, has_user_identity, is_sovereign, uses_token
from .choices import AccountKey, StorageAccess, VaultAccess

Expectation = Callable[[Any], str]
"""Returns the expectation that a value does not meet; empty for a value that is accepted."""

IDENTITY_TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"


class ArgumentError(pulumi.RunError):
    """The arguments of a component are invalid; the message lists every fault."""


@dataclass(frozen=True)
class Fault:
    """One argument with the wrong value."""

    argument: str
    found: str
    """The predicate of a sentence about the argument, such as "is missing"."""

    expected: str = ""
    """The expectation; it may name other arguments."""

    index: int | None = None
    """The item of a list that is wrong."""

    instead: str | None = None
    """A value that corrects it, empty to remove it; None if only the author knows the value."""

    @classmethod
    def of(cls, argument: str, value: object, expected: str, **more: Any) -> "Fault":
        """Return the fault of a value that is missing or unexpected."""
        found = "is missing" if value in (None, "", []) else f"is {shown(value)}"
        return cls(argument, found, expected, **more)

    def about(self, subject: str) -> str:
        """Return the fault as a sentence about the subject, which stands for the argument."""
        item = "" if self.index is None else f"[{self.index}]"
        expected = f"; expected {named(self.expected)}" if self.expected else ""
        return f"{subject}{item} {self.found}{expected}"


def check_arguments(component: str, args: Mapping[str, Any], kind: type, *faults: Fault) -> None:
    """Raise one `ArgumentError` for all faults of the plain arguments of a component.

    `kind` declares the arguments, and `faults` are those of more than one value. Outputs are not checked.
    """
    required: frozenset[str] = kind.__required_keys__  # type: ignore[attr-defined]  # that of a TypedDict
    found = [Fault(name, "is not an argument") for name in args if name not in kind.__annotations__]
    found += [Fault.of(name, None, "a value") for name in sorted(required) if not has(args, name)]
    all_faults = (*found, *value_faults(args), *faults)
    lines = dict.fromkeys(f"\n  {fault.about(named(fault.argument))}" for fault in all_faults)
    if lines:
        raise ArgumentError(f"The arguments of {component} are invalid:" + "".join(lines))


def value_faults(args: Mapping[str, Any]) -> list[Fault]:
    """Return the faults of single values and of values that contradict each other."""
    single = [
        Fault.of(name, args[name], expected)
        for name, expectation in RULES.items()
        if has(args, name) and not isinstance(args[name], pulumi.Output)
        if (expected := expectation(args[name]))
    ]
    return [*single, *_storage_faults(args), *_vault_faults(args), *_identity_faults(args)]


def side_faults(args: Mapping[str, Any], direction: Direction | None, now: datetime | None) -> list[Fault]:
    """Return the faults of a side's arguments beyond those of `value_faults`.

    `direction` is None for an unknown side; `now` is the time that the expiry must be after, if it must.
    """
    token = expiry_faults(args, now) if uses_token(args) else _unused_token_faults(args)
    return [*_group_faults(args), *token, *option_faults(args, direction), *_artifact_faults(args)]


def option_faults(args: Mapping[str, Any], direction: Direction | None) -> list[Fault]:
    """Return the faults of a pipeline's options."""
    found = args.get("options", [])
    if not isinstance(found, list):
        return [] if isinstance(found, pulumi.Output) else [Fault.of("options", found, "a list", index=0)]
    known = [each for way in Direction if direction in (way, None) for each in KNOWN_OPTIONS[way]]
    expected = ", ".join(dict.fromkeys(known)) + (f" for an {direction}" if direction else "")
    unknown = [
        Fault.of("options", option, expected, index=index, instead=known[0])
        for index, option in reversed(list(enumerate(found)))
        if option not in known
    ]
    return unknown + _repetitions("options", [each if each in known else None for each in found], found)


def _artifact_faults(args: Mapping[str, Any]) -> list[Fault]:
    found, registry = args.get("artifacts", []), args.get("registry")
    if not isinstance(found, list):
        return [Fault.of("artifacts", found, "a list", index=0)]
    faults: list[Fault] = []
    artifacts: list[Artifact | None] = [None] * len(found)
    for index, text in enumerate(found):
        if not isinstance(text, str):
            faults.append(Fault.of("artifacts", text, f"text: {FORMS}", index=index))
            continue
        try:
            artifacts[index] = Artifact.parse(text, registry if isinstance(registry, str) else "")
        except InvalidReferenceError as error:
            faults.append(Fault("artifacts", f"is {quoted(text)}, which {error.reason}", index=index))
    if found and has(args, "lock"):
        faults.append(Fault.of("lock", args["lock"], "no value next to artifacts", instead=""))
    return faults + _repetitions("artifacts", artifacts, found)


def _repetitions(argument: str, values: Sequence[object], written: list[Any]) -> list[Fault]:
    """The items that repeat an earlier one, the last one first: removing an item moves those behind it."""
    first: dict[object, int] = {}
    for index, value in enumerate(values):
        first.setdefault(value, index)
    again = [each for each in reversed(list(enumerate(values))) if each[1] is not None]
    return [
        Fault.of(argument, written[at], f"each item once: it repeats [{first[value]}]", index=at, instead="")
        for at, value in again
        if first[value] < at
    ]


def _unused(args: Mapping[str, Any], names: Iterable[str], reason: str) -> list[Fault]:
    """The faults of those arguments that have a value but no effect."""
    return [
        Fault(name, f"is {args[name]!r}", f"no value: {reason}", instead="")
        for name in names
        if has(args, name) or args.get(name) == []
    ]


def _storage_faults(args: Mapping[str, Any]) -> list[Fault]:
    if has(args, "storage_account"):
        unused = ("new_storage_account_name", "blob_retention_days")
        return _unused(args, unused, "an existing storage account is never changed")
    if args.get("create_container") is False:
        expected = "true: a new storage account has no container yet"
        return [Fault("create_container", "is false", expected, instead="true")]
    return []


def _vault_faults(args: Mapping[str, Any]) -> list[Fault]:
    if not uses_token(args):
        return []
    faults = [*_sovereign_faults(args), *_address_faults(args)]
    if has(args, "vault"):
        reason = "an existing vault is never changed"
        faults += _unused(args, ("new_vault_name", "purge_protection", "vault_addresses"), reason)
    return faults


def _sovereign_faults(args: Mapping[str, Any]) -> list[Fault]:
    """docs/adr/0045-roles-in-sovereign-clouds.md."""
    if args.get("vault_access") != VaultAccess.ACCESS_POLICY or not is_sovereign():
        return []
    expected = "rbac: azure-native writes access policies in Azure's public cloud only"
    return [Fault.of("vault_access", args["vault_access"], expected, instead=VaultAccess.RBAC)]


def _address_faults(args: Mapping[str, Any]) -> list[Fault]:
    """docs/adr/0046-new-vaults-are-open-to-networks.md."""
    found = args.get("vault_addresses")
    if found is None or isinstance(found, pulumi.Output):
        return []
    if not isinstance(found, list):
        return [Fault.of("vault_addresses", found, "a list", index=0)]
    expected = "an IPv4 address or range, such as 203.0.113.0/24"
    faults = [
        Fault.of("vault_addresses", each, expected, index=index)
        for index, each in enumerate(found)
        if not _is_ipv4(each)
    ]
    if has_user_identity(args):
        reason = "no value: a closed vault refuses a user-assigned identity"
        faults.append(Fault("vault_addresses", f"is {found!r}", reason, instead=""))
    return faults


def _is_ipv4(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(IPv4Network(value))
    except ValueError:
        return False


def _identity_faults(args: Mapping[str, Any]) -> list[Fault]:
    if has(args, "identity") and args.get("create_identity") is True:
        return [Fault("create_identity", "is true", "false, or no identity", instead="")]
    return []


def _group_faults(args: Mapping[str, Any]) -> list[Fault]:
    """An existing registry cannot be in a resource group that is yet to be created."""
    group, given = args.get("resource_group"), args.get("registry_resource_group")
    created = args.get("create_resource_group", defaults.CREATE_RESOURCE_GROUP) is True
    if not created or args.get("create_registry", defaults.CREATE_REGISTRY) is not False:
        return []
    if has(args, "registry_resource_group") and (
        not isinstance(given, str) or not isinstance(group, str) or given.lower() != group.lower()
    ):
        return []
    expected = "the registry's existing group, not the one to be created"
    return [Fault.of("registry_resource_group", given, expected)]


def _unused_token_faults(args: Mapping[str, Any]) -> list[Fault]:
    unused = [*VaultSelection.__annotations__, *TokenSettings.__annotations__]
    return _unused(args, unused, f"{StorageAccess.MANAGED_IDENTITY} uses neither a token nor a vault")


def expiry_faults(args: Mapping[str, Any], now: datetime | None) -> list[Fault]:
    """Return the fault of a SAS token's end that is missing or not after `now`, if given."""
    text = args.get("sas_expiry") or ""
    example = format_time(now + timedelta(days=7)) if now else None
    if _expiry(text):
        return [Fault.of("sas_expiry", text, EXPIRY_FORM, instead=example)] if not text else []
    if now and parse_expiry(text) <= now:
        return [
            Fault.of("sas_expiry", text, "a time in the future: the SAS token ends then", instead=example)
        ]
    return []


def _text(rule: NameRule, more: str = "") -> Expectation:
    return lambda value: "" if isinstance(value, str) and rule.accepts(value) else f"{rule.expected}{more}"


def _resource(typ: str, rule: NameRule) -> Expectation:
    def expectation(value: object) -> str:
        found = ResourceId.of(str(value))
        if found.type and found.type.lower() != typ.lower():
            return f"the resource ID of a {typ}, not of a {found.type}"
        return "" if rule.accepts(found.name) else f"{rule.expected}, or a resource ID"

    return expectation


def _identity(value: object) -> str:
    typ = ResourceId.of(str(value)).type
    if typ.lower() == IDENTITY_TYPE.lower():
        return ""
    return f"the resource ID of a user-assigned identity ({IDENTITY_TYPE})" + (
        f", not of a {typ}" if typ else ""
    )


def _number(least: int, most: int) -> Expectation:
    def expectation(value: object) -> str:
        # Other languages pass every number as a float.
        number = isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0
        good = number and least <= value <= most  # type: ignore[operator]  # a number
        return "" if good else f"a whole number from {least} to {most}"

    return expectation


def _choice(kind: type[StrEnum]) -> Expectation:
    return lambda value: "" if value in list(kind) else " or ".join(kind)


def _flag(value: object) -> str:
    return "" if isinstance(value, bool) else "true or false"


def _expiry(value: object) -> str:
    try:
        parse_expiry(str(value))
    except ValueError:
        return EXPIRY_FORM
    return ""


def _tags(value: object) -> str:
    pairs = value.items() if isinstance(value, Mapping) else [(0, 0)]
    good = all(isinstance(name, str) and isinstance(each, str | pulumi.Output) for name, each in pairs)
    return "" if good else "a map of text"


_LOCATION = NameRule("[A-Za-z0-9]+( [A-Za-z0-9]+)*", "a region's name, such as westeurope")
_ANY_TEXT = NameRule("(?s).+", "text")

RULES: dict[str, Expectation] = {
    "resource_group": _text(resource_names.RESOURCE_GROUP),
    "create_resource_group": _flag,
    "location": _text(_LOCATION),
    "tags": _tags,
    "protect": _flag,
    "registry": _text(resource_names.REGISTRY, ": the name, not the host"),
    "registry_resource_group": _text(resource_names.RESOURCE_GROUP),
    "create_registry": _flag,
    "registry_role_assignment_mode": _choice(RoleAssignmentMode),
    "storage_account": _resource("Microsoft.Storage/storageAccounts", resource_names.STORAGE_ACCOUNT),
    "new_storage_account_name": _text(resource_names.STORAGE_ACCOUNT),
    "container": _text(resource_names.CONTAINER),
    "create_container": _flag,
    "blob_retention_days": _number(1, 3650),
    "storage_access": _choice(StorageAccess),
    "vault": _resource("Microsoft.KeyVault/vaults", resource_names.VAULT),
    "new_vault_name": _text(resource_names.VAULT),
    "vault_access": _choice(VaultAccess),
    "purge_protection": _flag,
    "sas_expiry": _expiry,
    "sas_key": _choice(AccountKey),
    "sas_secret_name": _text(resource_names.SECRET),
    "sas_warning": _number(0, 99),
    "pipeline": _text(resource_names.PIPELINE),
    "identity": _identity,
    "create_identity": _flag,
    "role_wait_seconds": _number(0, 3600),
    "force_update_tag": _text(_ANY_TEXT),
    "max_concurrent_runs": _number(1, 1000),
    "blob_prefix": _text(resource_names.BLOB_PREFIX),
    "source_trigger_status": _choice(TriggerStatus),
}
"""The expectation of every argument with a rule that needs no other argument."""

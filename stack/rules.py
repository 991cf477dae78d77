"""What a stack's configuration may say, and what contradicts itself."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from components.access import StorageAccess
from components.artifact_list import ListingError, artifacts_of
from components.artifacts import FORMS, Artifact, ArtifactError
from components.choices import DEFAULT_OPTIONS, KNOWN_OPTIONS, Direction, TriggerStatus
from components.documents import DocumentError
from components.handover import handover_of_file
from components.identity import CREATE, SYSTEM
from components.lock import read_lock
from components.resource_ids import Place
from components.sas_expiry import EXPIRY_FORM, expiry_of
from stack.keys import DEFAULTS, side_of_key
from stack.reading import Reading


class Side(StrEnum):
    """Which end of a transfer a stack deploys."""

    SOURCE = "source"
    TARGET = "target"

    @property
    def direction(self) -> Direction:
        """Which way images go through this side's container."""
        return Direction.EXPORT if self is Side.SOURCE else Direction.IMPORT


NO_OPTIONS = "None"
"""The one entry of `options` that means: none at all, not even those that are the default."""

ACR_NAME = "[A-Za-z0-9]{5,50}"
ACR_RULE = "5 to 50 letters and digits"
CONTAINER = "(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*"
CONTAINER_RULE = "3 to 63 lower case letters, digits and single hyphens, with no hyphen at either end"
GROUP = r"[\w.()-]{0,89}[\w()-]"
GROUP_RULE = "1 to 90 letters, digits and '_', '-', '.', '(', ')', with no '.' at the end"
SECRET = "[A-Za-z0-9-]{1,127}"
SECRET_RULE = "1 to 127 letters, digits and hyphens"
LOCATION = "([A-Za-z0-9]+( [A-Za-z0-9]+)*)?"

_ACCOUNT = ("Microsoft.Storage/storageAccounts", "[a-z0-9]{3,24}", "3 to 24 lower case letters and digits")
_VAULT_NAME = "[A-Za-z](?=.{2,23}$)[A-Za-z0-9]*(-[A-Za-z0-9]+)*"
_VAULT = (
    "Microsoft.KeyVault/vaults",
    _VAULT_NAME,
    "3 to 24 letters, digits and single hyphens, a letter first",
)
_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
_BLOB_PREFIX = r"(?=.{0,900}$)([A-Za-z0-9_-]([A-Za-z0-9._-]*[A-Za-z0-9_-])?/)*([A-Za-z0-9_-][A-Za-z0-9._-]*)?"
_PREFIX_RULE = (
    "at most 900 letters, digits and '-', '_', '.', '/', with no '/' or '.' at the beginning of a part "
    "and no '.' at the end of one"
)
_SOURCE_RULE = "the source side's stack, as stack, project/stack or organization/project/stack"
_CONTENT = ("artifacts", "artifactsFile", "lock")
_TOKEN_KEYS = (
    "vault",
    "vaultAccess",
    "purgeProtection",
    "sasExpiry",
    "sasKey",
    "sasSecretName",
    "sasWarning",
)


def side_of(reading: Reading) -> Side | None:
    """The stack's side, or None if it is neither."""
    value = reading.text("side")
    if value in list(Side):
        return Side(value)
    reading.fault("side", value, "source or target", "source")
    return None


def sided(reading: Reading, key: str, default: str, pattern: str, expected: str) -> str:
    """A name whose default depends on the side."""
    return reading.matching(key, pattern, expected, default) if reading.text(key) else default


def registry_name(reading: Reading) -> str:
    """The registry, by its name alone."""
    return reading.matching("registry", ACR_NAME, f"{ACR_RULE}: its name, not its host", "<name>")


def registry_resource_group(reading: Reading) -> str:
    """The registry's group: one that is there already cannot be in a group that is still to be made."""
    group = reading.text("resourceGroup")
    value = reading.text("registryResourceGroup") or group
    both = reading.text("createResourceGroup").lower(), reading.text("createRegistry").lower()
    if both == ("true", "false") and value and value.lower() == group.lower():
        expected = "the group that the registry is in already, not the one that this stack makes"
        reading.fault("registryResourceGroup", reading.text("registryResourceGroup"), expected, "<group>")
    return value


def storage_account(reading: Reading) -> str:
    """The storage account that is there already; empty if one is to be made."""
    value = reading.place("storageAccount", *_ACCOUNT)
    _one_of(reading, "createStorageAccount", "storageAccount", value)
    if not value and not reading.boolean("createContainer"):
        expected = "true: a storage account that this stack makes holds no container yet"
        reading.fault("createContainer", "false", expected, "true")
    if value and reading.is_set("blobRetentionDays"):
        reading.unwanted("blobRetentionDays", "nothing: this stack changes no account that is there already")
    return value


def vault(reading: Reading, access: StorageAccess) -> str:
    """The vault that is there already; empty if one is to be made, or none is needed."""
    if access is StorageAccess.MANAGED_IDENTITY:
        wrong = [key for key in _TOKEN_KEYS if reading.is_set(key)]
        wrong += ["createVault"] if reading.text("createVault").lower() not in ("", "false") else []
        for key in wrong:
            reading.unwanted(
                key, "nothing: with storageAccess ManagedIdentity there is no token and no vault"
            )
        return ""
    value = reading.place("vault", *_VAULT)
    _one_of(reading, "createVault", "vault", value)
    if value and reading.is_set("purgeProtection"):
        reading.unwanted("purgeProtection", "nothing: this stack changes no vault that is there already")
    return value


def _one_of(reading: Reading, create: str, existing: str, value: str) -> None:
    """Either a new one is made, or one that is there already is named."""
    makes = reading.boolean(create, default=not value)
    if makes and value:
        reading.fault(create, "true", f"false, or no {existing}: {value!r} is there already", "false")
    if not makes and not value:
        reading.fault(existing, value, f"one that is there already, as {create} is false", "<name>")


def identity(reading: Reading) -> str:
    """Who the pipeline is."""
    value = reading.text("identity")
    place = Place.of(value)
    if value in (SYSTEM, CREATE) or place.type.lower() == _IDENTITY.lower():
        return value
    kind = f", not of a {place.type}" if place.type else ""
    expected = f"{SYSTEM}, {CREATE}, or the resource ID of a user-assigned identity ({_IDENTITY}){kind}"
    reading.fault("identity", value, expected, SYSTEM)
    return value


def expiry(reading: Reading, access: StorageAccess, now: datetime) -> str:
    """When the token ends, in UTC to the second; empty without a token."""
    if access is StorageAccess.MANAGED_IDENTITY:
        return ""
    value = reading.text("sasExpiry")
    example = f"{now.astimezone(UTC) + timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}"
    try:
        time = expiry_of(value)
    except ValueError:
        reading.fault("sasExpiry", value, EXPIRY_FORM, example)
        return value
    if time <= now:
        reading.fault("sasExpiry", value, "a time to come: the SAS token ends then", example)
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def options(reading: Reading, side: Side | None) -> tuple[str, ...]:
    """The pipeline's options; `NO_OPTIONS` alone means none, and no entry means the default ones."""
    found = reading.items("options")
    if found == [NO_OPTIONS]:
        return ()
    directions = [side.direction] if side else list(Direction)
    known = list(dict.fromkeys(option for each in directions for option in KNOWN_OPTIONS[each]))
    for index, option in reversed(list(enumerate(found))):
        if option not in known:
            expected = f"{', '.join(known)} for {side or 'either side'}, or {NO_OPTIONS} alone"
            reading.fault("options", option, expected, known[0], index)
        elif option in found[:index]:
            _twice(reading, "options", option, index, found.index(option))
    return tuple(map(str, found)) or DEFAULT_OPTIONS[directions[0]]


def artifacts(reading: Reading, side: Side | None) -> tuple[Artifact, ...]:
    """What is transferred, from the one place that says it."""
    if side is Side.TARGET:
        return ()
    given = [key for key in _CONTENT if reading.is_set(key)]
    for key in given[1:]:
        reading.unwanted(key, f"nothing: {given[0]} says already what is transferred")
    if not given and side is Side.SOURCE:
        expected = f"at least one {FORMS}; or artifactsFile or lock instead"
        reading.fault("artifacts", [], expected, "<repository:tag>", index=0)
    read: dict[str, Callable[[Reading], list[Artifact]]] = {
        "artifacts": _configured,
        "artifactsFile": _listed,
        "lock": _locked,
    }
    return tuple(artifact for key in given[:1] for artifact in read[key](reading))


def _configured(reading: Reading) -> list[Artifact]:
    first: dict[Artifact, int] = {}
    again: list[tuple[object, int, int]] = []
    for index, text in enumerate(reading.items("artifacts")):
        artifact = _artifact(reading, text, index)
        if artifact in first:
            again.append((text, index, first[artifact]))
        elif artifact:
            first[artifact] = index
    # From the last one: to remove an entry moves those behind it, and every command is to be right still.
    for text, index, earlier in reversed(again):
        _twice(reading, "artifacts", text, index, earlier)
    return list(first)


def _artifact(reading: Reading, text: object, index: int) -> Artifact | None:
    if not isinstance(text, str):
        reading.fault("artifacts", text, f"text: {FORMS}", "<repository:tag>", index)
        return None
    try:
        return Artifact.parse(text, reading.text("registry"))
    except ArtifactError as error:
        full = f"{reading.config.full_key('artifacts')}[{index}]"
        command = reading.command(f"pulumi config set --path {shlex.quote(full)} '<repository:tag>'")
        reading.faults.append(f"  {full} is {error.text!r}, which {error.reason}\n      {command}")
        return None


def _twice(reading: Reading, key: str, found: object, index: int, first: int) -> None:
    full = f"{reading.config.full_key(key)}[{index}]"
    expected = f"each one once: it names the same as [{first}]"
    reading.note(full, found, expected, f"pulumi config rm --path {shlex.quote(full)}")


def _listed(reading: Reading) -> list[Artifact]:
    path = reading.file("artifactsFile")
    if not Path(path).is_file():
        return []
    full = reading.config.full_key("artifactsFile")
    try:
        found = artifacts_of(Path(path).read_text(encoding="utf-8-sig"), reading.text("registry"))
    except ListingError as error:
        lines = "\n      ".join(map(str, error.faults))
        reading.faults.append(f"  {full} {path} has lines that name no artifact to transfer:\n      {lines}")
        return []
    except (OSError, UnicodeDecodeError) as error:
        reading.faults.append(f"  {full} {path} cannot be read: {error}")
        return []
    if not found:
        reading.faults.append(f"  {full} {path} is empty; expected at least one {FORMS}, one a line")
    return found


def _locked(reading: Reading) -> list[Artifact]:
    path = reading.path("lock")
    try:
        return read_lock(Path(path)).artifacts
    except (DocumentError, ValueError) as error:
        _document(reading, "lock", error)
        return []


def _document(reading: Reading, key: str, error: Exception) -> None:
    told = str(error).replace("\n", "\n      ")
    reading.faults.append(f"  {reading.config.full_key(key)}: {told}")


def blob_prefix(reading: Reading, side: Side | None) -> str:
    """What the names of exported blobs begin with."""
    if side is Side.TARGET:
        return ""
    return reading.matching("blobPrefix", _BLOB_PREFIX, _PREFIX_RULE, "nightly/")


def trigger(reading: Reading, side: Side | None) -> TriggerStatus:
    """Whether the service imports by itself."""
    value = reading.text("sourceTriggerStatus")
    if value in list(TriggerStatus):
        return TriggerStatus(value)
    if side is not Side.SOURCE:
        reading.fault("sourceTriggerStatus", value, "Enabled or Disabled", "Enabled")
    return TriggerStatus.ENABLED


def source(reading: Reading, side: Side | None) -> tuple[str, str]:
    """The source side's stack, or the file with its hand-over: one of the two."""
    if side is not Side.TARGET:
        return "", ""
    stack, path = reading.text("source"), reading.path("handover")
    if stack and path:
        reading.unwanted("handover", "nothing: source says already where the hand-over is")
    elif path:
        try:
            handover_of_file(path)
        except (DocumentError, ValueError) as error:
            _document(reading, "handover", error)
    else:
        expected = f"{_SOURCE_RULE}; or handover, a file, instead"
        stack = reading.matching("source", r"([\w.-]+/){0,2}[\w.-]+", expected, "source")
        if stack == reading.stack:
            reading.fault("source", stack, f"another stack than this one: {_SOURCE_RULE}", "source")
    return stack, path


def refuse_foreign_keys(reading: Reading, side: Side | None) -> None:
    """A key that this side does not look at was set by mistake, and its owner should know."""
    for key in DEFAULTS:
        if side and side_of_key(key) not in ("both", side) and reading.is_set(key):
            reading.unwanted(key, f"nothing: a {side} side has no such key")

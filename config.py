"""What a stack's configuration means, and when it makes no sense."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

import pulumi

from components import SourceSideArgs, TargetSideArgs
from components.artifacts import FORMS, Artifact, ArtifactError
from components.direction import DEFAULT_OPTIONS, KNOWN_OPTIONS, Direction, TriggerStatus
from components.handover import ExportedBlob


class Side(StrEnum):
    """Which end of a transfer a stack deploys."""

    SOURCE = "source"
    TARGET = "target"

    @property
    def direction(self) -> Direction:
        """Which way images go through this side's container."""
        return Direction.EXPORT if self is Side.SOURCE else Direction.IMPORT


DEFAULTS: dict[str, object] = {
    "side": "",
    "resourceGroup": "",
    "createResourceGroup": True,
    "registry": "",
    "registryResourceGroup": "",
    "container": "transfer",
    "sasExpiry": "",
    "sasSecretName": "",
    "pipeline": "",
    "options": [],
    "forceUpdateTag": "1",
    "artifacts": [],
    "blobPrefix": "",
    "sourceTriggerStatus": "Enabled",
    "source": "",
}
"""Every key with what it is when nobody sets it, the same as in Pulumi.yaml; empty means missing."""

NO_OPTIONS = "None"
"""The one entry of `options` that means: none at all, not even those that are the default."""

_SECRET_NAMES = {Side.SOURCE: "acrexportsas", Side.TARGET: "acrimportsas"}
_PIPELINES = {Side.SOURCE: "exportPipeline", Side.TARGET: "importPipeline"}
_FOREIGN = {Side.SOURCE: ("sourceTriggerStatus", "source"), Side.TARGET: ("artifacts", "blobPrefix")}
_ACR_NAME = "[A-Za-z0-9]{5,50}"
_CONTAINER = "(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*"
_BLOB_PREFIX = r"(?=.{0,900}$)([A-Za-z0-9_-]([A-Za-z0-9._-]*[A-Za-z0-9_-])?/)*([A-Za-z0-9_-][A-Za-z0-9._-]*)?"


class ConfigError(pulumi.RunError):
    """The stack cannot be deployed as configured; the message lists every fault and what mends it."""

    def __init__(self, faults: list[str]) -> None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(f"The configuration of this stack has {count}:\n" + "\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one stack deploys. Keys of the other side have their defaults."""

    side: Side
    resource_group: str
    create_resource_group: bool
    registry: str
    registry_resource_group: str
    container: str
    sas_expiry: str
    """In UTC to the second, such as 2027-01-31T00:00:00Z."""
    sas_secret_name: str
    pipeline: str
    options: tuple[str, ...]
    force_update_tag: str
    artifacts: tuple[Artifact, ...]
    blob_prefix: str
    source_trigger_status: TriggerStatus
    source: str

    @classmethod
    def load(cls, config: pulumi.Config, stack: str, now: datetime | None = None) -> Self:
        """Read the settings of `stack`, or raise one `ConfigError` that lists every fault.

        `now` is the time that an expiry must be after; by default it is the clock's.
        """
        reading = _Reading(config, stack, now or datetime.now(UTC))
        side = reading.side()
        settings = cls(
            side=side or Side.SOURCE,
            resource_group=reading.matching(
                "resourceGroup", r"[\w.()-]{0,89}[\w()-]", _GROUP_RULE, "acr-transfer"
            ),
            create_resource_group=reading.boolean("createResourceGroup"),
            registry=reading.matching(
                "registry", _ACR_NAME, f"{_ACR_RULE}: its name, not its host", "<name>"
            ),
            registry_resource_group=reading.registry_resource_group(),
            container=reading.matching("container", _CONTAINER, _CONTAINER_RULE, "transfer"),
            sas_expiry=reading.expiry(),
            sas_secret_name=reading.sided(
                "sasSecretName", side, _SECRET_NAMES, "[A-Za-z0-9-]{1,127}", _SECRET_RULE
            ),
            pipeline=reading.sided("pipeline", side, _PIPELINES, _ACR_NAME, _ACR_RULE),
            options=reading.options(side),
            force_update_tag=reading.matching("forceUpdateTag", "(?s).+", "some text", "1"),
            artifacts=reading.artifacts(side),
            blob_prefix=reading.blob_prefix(side),
            source_trigger_status=reading.trigger(side),
            source=reading.source(side),
        )
        reading.refuse_foreign_keys(side)
        if reading.faults:
            raise ConfigError(reading.faults)
        return settings

    @property
    def makes_imports(self) -> bool:
        """Whether the stack itself imports blobs, as no trigger does."""
        return self.side is Side.TARGET and self.source_trigger_status is TriggerStatus.DISABLED

    def source_args(self) -> SourceSideArgs:
        """What a source side is made of."""
        return {
            "resource_group_name": self.resource_group,
            "create_resource_group": self.create_resource_group,
            "registry_name": self.registry,
            "registry_resource_group_name": self.registry_resource_group,
            "container_name": self.container,
            "sas_expiry": self.sas_expiry,
            "sas_secret_name": self.sas_secret_name,
            "pipeline_name": self.pipeline,
            "options": list(self.options),
            "force_update_tag": self.force_update_tag,
            "artifacts": [artifact.reference for artifact in self.artifacts],
            "blob_prefix": self.blob_prefix,
        }

    def target_args(self, blobs: list[ExportedBlob]) -> TargetSideArgs:
        """What a target side is made of, for the blobs that were exported."""
        return {
            "resource_group_name": self.resource_group,
            "create_resource_group": self.create_resource_group,
            "registry_name": self.registry,
            "registry_resource_group_name": self.registry_resource_group,
            "container_name": self.container,
            "sas_expiry": self.sas_expiry,
            "sas_secret_name": self.sas_secret_name,
            "pipeline_name": self.pipeline,
            "options": list(self.options),
            "force_update_tag": self.force_update_tag,
            "source_trigger_status": self.source_trigger_status,
            "blobs": blobs,
        }


_ACR_RULE = "5 to 50 letters and digits"
_GROUP_RULE = "1 to 90 letters, digits and '_', '-', '.', '(', ')', with no '.' at the end"
_CONTAINER_RULE = "3 to 63 lower case letters, digits and single hyphens, with no hyphen at either end"
_SECRET_RULE = "1 to 127 letters, digits and hyphens"
_PREFIX_RULE = (
    "at most 900 letters, digits and '-', '_', '.', '/', with no '/' or '.' at the beginning of a part "
    "and no '.' at the end of one"
)
_SOURCE_RULE = "the source side's stack, as stack, project/stack or organization/project/stack"


@dataclass
class _Reading:
    """One pass over a stack's configuration that notes every fault and goes on."""

    config: pulumi.Config
    stack: str
    now: datetime
    faults: list[str] = field(default_factory=list)

    def fault(self, key: str, found: object, expected: str, value: str, index: int | None = None) -> None:
        """Note what is wrong with a key, and the command that sets `value` instead."""
        at = "" if index is None else f"[{index}]"
        full = f"{self.config.full_key(key)}{at}"
        path = "--path " if at else ""
        command = f"pulumi config set {path}{shlex.quote(full)} {shlex.quote(value)}"
        self.note(full, found, expected, command)

    def note(self, full_key: str, found: object, expected: str, command: str) -> None:
        """Note what is wrong with a key, and any command that mends it."""
        state = "is missing" if found in ("", []) else f"is {found!r}"
        self.faults.append(
            f"  {full_key} {state}; expected {expected}\n      {command} -s {shlex.quote(self.stack)}"
        )

    def text(self, key: str) -> str:
        """The value, or the default where it is missing or empty."""
        return (self.config.get(key) or "").strip() or str(DEFAULTS[key])

    def matching(self, key: str, pattern: str, expected: str, example: str) -> str:
        value = self.text(key)
        if not re.fullmatch(pattern, value):
            self.fault(key, value, expected, example)
        return value

    def sided(
        self, key: str, side: Side | None, defaults: dict[Side, str], pattern: str, expected: str
    ) -> str:
        """A name whose default depends on the side."""
        default = defaults[side or Side.SOURCE]
        return self.matching(key, pattern, expected, default) if self.text(key) else default

    def side(self) -> Side | None:
        value = self.text("side")
        if value in list(Side):
            return Side(value)
        self.fault("side", value, "source or target", "source")
        return None

    def boolean(self, key: str) -> bool:
        value = self.text(key).lower()
        if value not in ("true", "false"):
            self.fault(key, value, "true or false", str(DEFAULTS[key]).lower())
        return value == "true"

    def registry_resource_group(self) -> str:
        group, created = self.text("resourceGroup"), self.text("createResourceGroup").lower() == "true"
        value = self.text("registryResourceGroup") or group
        if created and value and value.lower() == group.lower():
            expected = "the group that the registry is in already, not the one that this stack makes"
            self.fault("registryResourceGroup", self.text("registryResourceGroup"), expected, "<group>")
        return value

    def expiry(self) -> str:
        value = self.text("sasExpiry")
        example = f"{self.now.astimezone(UTC) + timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}"
        try:
            time = datetime.fromisoformat(value)
            if time.tzinfo is None:
                self.fault("sasExpiry", value, "a time with its zone, such as a 'Z' at the end", example)
                return value
            time = time.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fault("sasExpiry", value, "a time such as 2027-01-31T00:00:00Z", example)
            return value
        if time <= self.now:
            self.fault("sasExpiry", value, "a time to come: the SAS token ends then", example)
        return f"{time:%Y-%m-%dT%H:%M:%SZ}"

    def items(self, key: str) -> list[object]:
        """A list as it stands in the configuration."""
        text = self.config.get(key) or ""
        try:
            value = json.loads(text) if text.strip() else []
        except ValueError:
            value = text
        if isinstance(value, list):
            return value
        self.fault(key, value, "a list", "<entry>", index=0)
        return []

    def options(self, side: Side | None) -> tuple[str, ...]:
        found = self.items("options")
        if found == [NO_OPTIONS]:
            return ()
        directions = [side.direction] if side else list(Direction)
        known = list(dict.fromkeys(option for each in directions for option in KNOWN_OPTIONS[each]))
        for index, option in enumerate(found):
            if option not in known:
                expected = f"{', '.join(known)} for {side or 'either side'}, or {NO_OPTIONS} alone"
                self.fault("options", option, expected, known[0], index)
            elif option in found[:index]:
                self._twice("options", option, index, found.index(option))
        return tuple(map(str, found)) or DEFAULT_OPTIONS[directions[0]]

    def artifacts(self, side: Side | None) -> tuple[Artifact, ...]:
        if side is Side.TARGET:
            return ()
        found = self.items("artifacts")
        if not found and side is Side.SOURCE and not any("artifacts" in fault for fault in self.faults):
            self.fault("artifacts", found, f"at least one {FORMS}", "<repository:tag>", index=0)
        first: dict[Artifact, int] = {}
        for index, text in enumerate(found):
            artifact = self._artifact(text, index)
            if artifact in first:
                self._twice("artifacts", text, index, first[artifact])
            elif artifact:
                first[artifact] = index
        return tuple(first)

    def _artifact(self, text: object, index: int) -> Artifact | None:
        if not isinstance(text, str):
            self.fault("artifacts", text, f"text: {FORMS}", "<repository:tag>", index)
            return None
        try:
            return Artifact.parse(text, self.text("registry"))
        except ArtifactError as error:
            full = f"{self.config.full_key('artifacts')}[{index}]"
            command = f"pulumi config set --path {shlex.quote(full)} '<repository:tag>'"
            self.faults.append(f"  {full} is {error}\n      {command} -s {shlex.quote(self.stack)}")
            return None

    def _twice(self, key: str, found: object, index: int, first: int) -> None:
        full = f"{self.config.full_key(key)}[{index}]"
        expected = f"each one once: it names the same as [{first}]"
        self.note(full, found, expected, f"pulumi config rm --path {shlex.quote(full)}")

    def blob_prefix(self, side: Side | None) -> str:
        if side is Side.TARGET:
            return ""
        return self.matching("blobPrefix", _BLOB_PREFIX, _PREFIX_RULE, "nightly/")

    def trigger(self, side: Side | None) -> TriggerStatus:
        value = self.text("sourceTriggerStatus")
        if value in list(TriggerStatus):
            return TriggerStatus(value)
        if side is not Side.SOURCE:
            self.fault("sourceTriggerStatus", value, "Enabled or Disabled", "Enabled")
        return TriggerStatus.ENABLED

    def source(self, side: Side | None) -> str:
        if side is not Side.TARGET:
            return ""
        value = self.matching("source", r"([\w.-]+/){0,2}[\w.-]+", _SOURCE_RULE, "source")
        if value == self.stack:
            self.fault("source", value, f"another stack than this one: {_SOURCE_RULE}", "source")
        return value

    def refuse_foreign_keys(self, side: Side | None) -> None:
        """A key that this side does not look at was set by mistake, and its owner should know."""
        for key in _FOREIGN[side] if side else ():
            found = self.items(key) if isinstance(DEFAULTS[key], list) else self.text(key)
            if found != DEFAULTS[key]:
                full = self.config.full_key(key)
                expected = f"nothing: a {side} side has no such key"
                self.note(full, found, expected, f"pulumi config rm {full}")

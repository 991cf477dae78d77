"""A stack's configuration, as the arguments of its side."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, cast

import pulumi

from acr_transfer.model.artifact_list import read_artifact_list
from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.errors import ModelError
from acr_transfer.model.failures.steps import Known
from acr_transfer.model.options import Direction, TriggerStatus
from acr_transfer.model.references import FORMS
from acr_transfer.model.sas import other_key
from components import SourceSideArgs, TargetSideArgs, advice
from components.argument_rules import Fault, side_faults, value_faults
from components.source_side import LockError, lock_of
from stack.config_reader import ConfigError, ConfigReader
from stack.importable import Importable
from stack.keys import KEYS

NONE = ["None"]
"""The value of `options` for no options, not even default ones, and of `vaultAddresses` for no address."""

_CONTENT = ("artifacts", "artifactsFile", "lock")
_OWN = ("side", "artifactsFile", "source", "handover")
"""Keys that are not arguments of a component."""

_SOURCE = r"([\w.-]+/){0,2}[\w.-]+"
_SOURCE_FORM = "the source side's stack, as stack, project/stack or organization/project/stack"


class Side(StrEnum):
    """The end of a transfer that a stack deploys."""

    SOURCE = "source"
    TARGET = "target"

    @property
    def direction(self) -> Direction:
        """The direction of this side's pipeline."""
        return Direction.EXPORT if self is Side.SOURCE else Direction.IMPORT


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The side that a stack deploys, and its arguments."""

    side: Side
    args: dict[str, Any]
    """The arguments of `SourceSide` or `TargetSide`; those with their default value are left out."""

    source: str = ""
    """The source side's stack; empty with a hand-over from a file."""

    handover: Handover | None = None
    """The hand-over from a file."""

    @classmethod
    def load(cls, config: pulumi.Config, stack: str, now: datetime | None = None) -> Self:
        """Read the settings of `stack`, or raise one `ConfigError` that lists every fault.

        The expiry must be after `now`; by default that is the current time.
        """
        advice.use(advice.KEYS)  # for the messages of the components too
        reader = ConfigReader(config, stack)
        side = _side(reader)
        args = {
            key.argument: value
            for key in KEYS
            if key.name not in _OWN
            and key.side in ("both", side)
            and (value := reader.value(key)) is not None
        }
        _read_identity(reader, args)
        for name in ("options", "vault_addresses"):
            if args.get(name) == NONE:
                args[name] = []
        if side is not Side.TARGET:
            _read_content(reader, args, side)
        source, handover = _origin(reader) if side is Side.TARGET else ("", None)
        direction = side.direction if side else None
        for fault in (
            *_required(args),
            *value_faults(args),
            *side_faults(args, direction, now or datetime.now(UTC)),
        ):
            reader.fault(_with_no_options(fault))
        _refuse_keys_of_the_other_side(reader, side)
        reader.other_subscriptions()
        reader.unknown_keys()
        if reader.faults or side is None:
            raise ConfigError(reader.faults)
        settings = cls(side=side, args=args, source=source, handover=handover)
        advice.use(replace(advice.KEYS, known=settings._known()))
        return settings

    def _known(self) -> Known:
        """The names in the commands of messages that the configuration has."""
        return {
            "source": self.source,
            "lock": self.args.get("lock", ""),
            "items": str(len(self.args.get("options", ()))),
            "other": other_key(self.args.get("sas_key", "")),
        }

    @property
    def runs_imports(self) -> bool:
        """Whether the stack runs the imports, because no trigger does."""
        return self.args.get("source_trigger_status") == TriggerStatus.DISABLED

    @property
    def source_args(self) -> SourceSideArgs:
        """The arguments of a source side."""
        return cast(SourceSideArgs, self.args)

    def target_args(self, imports: Importable) -> TargetSideArgs:
        """Return the arguments of a target side with these imports."""
        own = {"blobs": [blob.as_json() for blob in imports.blobs], "blob_changes": dict(imports.changes)}
        return cast(TargetSideArgs, {**self.args, **own})


def _side(reader: ConfigReader) -> Side | None:
    value = reader.text("side")
    if value in list(Side):
        return Side(value)
    reader.fault(Fault.of("side", value, " or ".join(Side), instead=Side.SOURCE))
    return None


def _required(args: dict[str, Any]) -> list[Fault]:
    return [Fault.of(name, None, "a name") for name in ("resource_group", "registry") if name not in args]


def _read_identity(reader: ConfigReader, args: dict[str, Any]) -> None:
    """Explain the words that earlier versions accepted instead of a resource ID."""
    full, value = reader.config.full_key("identity"), args.get("identity")
    if value not in ("system", "create"):
        return
    del args["identity"]
    remove = f"pulumi config rm {full}"
    if value == "system":
        reader.add(f"{full} is 'system'; the identity is system-assigned by default", remove)
    else:
        create = f"pulumi config set {reader.config.full_key('createIdentity')} true"
        reader.add(f"{full} is 'create'; createIdentity creates an identity", remove, create)


def _read_content(reader: ConfigReader, args: dict[str, Any], side: Side | None) -> None:
    """Read the artifacts from the one key that lists them."""
    given = [name for name in _CONTENT if reader.is_set(name)]
    for name in given[1:]:
        reader.unwanted(name, f"{given[0]} lists the artifacts already")
        args.pop(name, None)
    if not given and side:
        expected = f"at least one {FORMS}; or artifactsFile or lock instead"
        reader.fault(Fault.of("artifacts", None, expected, index=0, instead="<repository:tag>"))
    if given[:1] == ["artifactsFile"]:
        args["artifacts"] = _listed(reader)
    elif given[:1] == ["lock"]:
        args["lock"] = reader.path("lock")
        try:
            lock_of(args["lock"]) if args["lock"] else None
        except LockError as error:
            reader.add_document("lock", error)


def _listed(reader: ConfigReader) -> list[str]:
    path = reader.path("artifactsFile")
    if not path:
        return []
    try:
        found = read_artifact_list(Path(path), reader.text("registry"))
    except ModelError as error:
        reader.add_document("artifactsFile", error)
        return []
    if not found:
        full = reader.config.full_key("artifactsFile")
        reader.add(f"{full} {path} is empty; expected at least one {FORMS}, one on each line")
    return [artifact.reference for artifact in found]


def _with_no_options(fault: Fault) -> Fault:
    """The fault of an unknown option with the value that only the configuration has."""
    if fault.argument == "options" and fault.instead:
        return replace(fault, expected=f"{fault.expected}, or {NONE[0]} alone")
    return fault


def _origin(reader: ConfigReader) -> tuple[str, Handover | None]:
    """The source side's stack, or the hand-over from a file: one of the two."""
    stack = reader.text("source")
    if stack and reader.is_set("handover"):
        reader.unwanted("handover", "source names the stack with the hand-over already")
    elif reader.is_set("handover"):
        try:
            path = reader.path("handover")
            return "", Handover.read(Path(path)) if path else None
        except ModelError as error:
            reader.add_document("handover", error)
    elif not re.fullmatch(_SOURCE, stack):
        expected = f"{_SOURCE_FORM}; or handover, a file, instead"
        reader.fault(Fault.of("source", stack, expected, instead="<stack>"))
    elif stack == reader.stack:
        reader.fault(
            Fault.of("source", stack, f"another stack than this one: {_SOURCE_FORM}", instead="<stack>")
        )
    return stack, None


def _refuse_keys_of_the_other_side(reader: ConfigReader, side: Side | None) -> None:
    for key in KEYS:
        if side and key.side not in ("both", side) and reader.is_set(key.name):
            reader.unwanted(key.name, f"a {side} side does not have this key")

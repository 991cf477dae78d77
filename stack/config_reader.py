"""Reads single values of a stack's configuration, and collects their faults."""

import difflib
import os
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import pulumi

from acr_transfer.model.credentials import credential_in, quoted
from acr_transfer.model.json_text import JsonError, parse_json
from acr_transfer.model.resource_ids import ResourceId
from acr_transfer.model.visible_text import visible
from components.advice import camel_case
from components.argument_rules import Fault
from components.sdk import configured_keys
from stack.keys import BY_NAME, REMOVED, Key

_SHOWN_FAULTS = 50
"""A list may have thousands of wrong items."""


class ConfigError(pulumi.RunError):
    """The stack cannot be deployed as configured; the message lists every fault and its fix."""

    def __init__(self, faults: list[str]) -> None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        more = len(faults) - _SHOWN_FAULTS
        lines = [*faults[:_SHOWN_FAULTS], *([f"  and {more} more"] if more > 0 else [])]
        super().__init__(visible(f"The configuration of this stack has {count}:\n" + "\n".join(lines)))
        self.faults = faults


@dataclass
class ConfigReader:
    """One pass over a stack's configuration that collects every fault."""

    config: pulumi.Config
    stack: str
    faults: list[str] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)
    """The faults again, for lists with thousands of wrong items."""

    def text(self, name: str) -> str:
        """Return the configured text of a key, or its default as text."""
        default = BY_NAME[name].default
        return (self.config.get(name) or "").strip() or (default if isinstance(default, str) else "")

    def value(self, key: Key) -> object:
        """Return the value of a key; None if it is not set, or set to its default.

        Text that is not of the key's type is returned as it is: the rules of the arguments reject it.
        """
        text = (self.config.get(key.name) or "").strip()
        value = _parsed(text, key)
        # The CLI passes the defaults of Pulumi.yaml as if the stack had set them.
        return None if value in ("", key.default) else value

    def is_set(self, name: str) -> bool:
        """Whether a key has another value than its default."""
        return self.value(BY_NAME[name]) is not None

    def path(self, name: str) -> str:
        """Return a path relative to the project's folder, wherever the program is; empty if not set.

        A value that is not a path, and may be a secret, is a fault and returns an empty text too.
        """
        value, root = self.text(name), Path(pulumi.get_root_directory() or "")
        if "://" in value or credential_in(value):
            self.fault(Fault.of(name, value, "the path of a file"))
            return ""
        # Outside the engine there is no project, and the SDK returns a relative path.
        return os.path.relpath(root / value) if value and root.is_absolute() else value

    def fault(self, fault: Fault) -> None:
        """Add a fault, named by its key, with the command that fixes it."""
        key = camel_case(fault.argument)
        full = self.config.full_key(key)
        self.add(fault.about(full), self._fix(fault, key, full))

    def unwanted(self, name: str, reason: str) -> None:
        """Add a fault of a key that must not be set."""
        value = self.value(BY_NAME[name])
        self.fault(Fault.of(name, value, f"no value: {reason}", instead=""))

    def add(self, problem: str, *commands: str) -> None:
        """Add a fault, with the commands that fix it."""
        lines = [f"  {problem}", *(f"      {command} -s {shlex.quote(self.stack)}" for command in commands)]
        if (text := "\n".join(lines)) not in self._known:
            self._known.add(text)
            self.faults.append(text)

    def add_document(self, name: str, error: Exception) -> None:
        """Add the faults of a file, which bring their own fixes."""
        self.add(f"{self.config.full_key(name)}: " + str(error).replace("\n", "\n      "))

    def unknown_keys(self) -> None:
        """Add a fault for each key that this program does not have."""
        prefix = self.config.full_key("")
        for full in sorted(configured_keys()):
            name, shown = full.removeprefix(prefix), quoted(full)[1:-1]
            if not full.startswith(prefix) or name in BY_NAME:
                continue
            if name in REMOVED:
                problem = f"{shown} was removed: {REMOVED[name]}"
            else:
                near = difflib.get_close_matches(name, BY_NAME, 1)
                hint = f"; did you mean {prefix}{near[0]}?" if near else ""
                problem = f"{shown} is not a key of this program{hint}"
            self.add(problem, f"pulumi config rm {shlex.quote(shown)}")

    def other_subscriptions(self) -> None:
        """Add a fault for each existing account and vault that is not in the stack's subscription."""
        own = pulumi.Config("azure-native").get("subscriptionId") or ""
        for name in ("storageAccount", "vault"):
            found = ResourceId.of(self.text(name)).subscription
            if own and found and found.lower() != own.lower():
                expected = f"a resource in this stack's subscription, {quoted(own)[1:-1]}"
                self.fault(Fault.of(name, self.text(name), expected))

    def _fix(self, fault: Fault, key: str, full: str) -> str:
        path, item = ("", "") if fault.index is None else ("--path ", f"[{fault.index}]")
        full = shlex.quote(f"{full}{item}")
        if fault.instead == "":
            return f"pulumi config rm {path}{full}"
        default = BY_NAME[key].default
        own = str(default).lower() if isinstance(default, bool | int) else default
        value = fault.instead or (own if isinstance(own, str) and own else "<value>")
        return f"pulumi config set {path}{full} {shlex.quote(value)}"


def _parsed(text: str, key: Key) -> object:
    if key.type == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if key.type == "integer" and re.fullmatch("[0-9]{1,9}", text):
        return int(text)
    if key.type in ("array", "object") and text:
        try:
            return parse_json(text)
        except JsonError:
            return text
    return text

"""How one value of a stack's configuration is read, and how its fault is told."""

from __future__ import annotations

import difflib
import json
import os
import re
import shlex
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from components.resource_ids import Place
from stack.keys import DEFAULTS

Choice = TypeVar("Choice", bound=StrEnum)


class ConfigError(pulumi.RunError):
    """The stack cannot be deployed as configured; the message lists every fault and what mends it."""

    def __init__(self, faults: list[str]) -> None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(f"The configuration of this stack has {count}:\n" + "\n".join(faults))
        self.faults = faults


@dataclass
class Reading:
    """One pass over a stack's configuration that notes every fault and goes on."""

    config: pulumi.Config
    stack: str
    faults: list[str] = field(default_factory=list)

    def fault(self, key: str, found: object, expected: str, value: str, index: int | None = None) -> None:
        """Note what is wrong with a key, and the command that sets `value` instead."""
        at = "" if index is None else f"[{index}]"
        full = f"{self.config.full_key(key)}{at}"
        path = "--path " if at else ""
        self.note(full, found, expected, f"pulumi config set {path}{shlex.quote(full)} {shlex.quote(value)}")

    def unwanted(self, key: str, expected: str) -> None:
        """Note a key that must not be set, and the command that removes it."""
        full = self.config.full_key(key)
        self.note(full, self.shown(key), expected, f"pulumi config rm {full}")

    def note(self, full_key: str, found: object, expected: str, command: str) -> None:
        """Note what is wrong with a key, and any command that mends it."""
        state = "is missing" if found in ("", []) else f"is {found!r}"
        self.faults.append(f"  {full_key} {state}; expected {expected}\n      {self.command(command)}")

    def command(self, command: str) -> str:
        """A command for this stack."""
        return f"{command} -s {shlex.quote(self.stack)}"

    def text(self, key: str) -> str:
        """The value, or the default where it is missing or empty."""
        return (self.config.get(key) or "").strip() or str(DEFAULTS[key])

    def shown(self, key: str) -> object:
        """The value as a message shows it."""
        return self.items(key) if isinstance(DEFAULTS[key], list) else self.text(key)

    def is_set(self, key: str) -> bool:
        """Whether the value is another one than the default."""
        default = DEFAULTS[key]
        if isinstance(default, list):
            return (self.config.get(key) or "").strip() not in ("", "[]")
        expected = str(default).lower() if isinstance(default, bool) else str(default)
        found = self.text(key)
        return (found.lower() if isinstance(default, bool) else found) != expected

    def matching(self, key: str, pattern: str, expected: str, example: str) -> str:
        """The value, which must match a regular expression as a whole."""
        value = self.text(key)
        if not re.fullmatch(pattern, value):
            self.fault(key, value, expected, example)
        return value

    def choice(self, key: str, kind: type[Choice]) -> Choice:
        """The value as one of a closed choice."""
        value = self.text(key)
        if value in list(kind):
            return kind(value)
        self.fault(key, value, " or ".join(kind), str(DEFAULTS[key]))
        return next(iter(kind))

    def boolean(self, key: str, default: bool | None = None) -> bool:
        """The value as true or false; `default` where the key has none of its own."""
        value = self.text(key).lower()
        if value in ("true", "false"):
            return value == "true"
        if value or default is None:
            self.fault(key, value, "true or false", str(DEFAULTS[key] or default).lower())
        return bool(default)

    def integer(self, key: str, least: int, most: int) -> int:
        """The value as a whole number from `least` to `most`."""
        value = self.text(key)
        number = int(value) if re.fullmatch("[0-9]{1,9}", value) else None
        if number is None or not least <= number <= most:
            self.fault(key, value, f"a whole number from {least} to {most}", str(DEFAULTS[key]))
        return least if number is None else number

    def items(self, key: str) -> list[object]:
        """A list as it stands in the configuration."""
        text = self.config.get(key) or ""
        try:
            value = json.loads(text) if text.strip() else []
        except ValueError:
            value = text
        if isinstance(value, list):
            return value
        expected, full = "a list", self.config.full_key(key)
        if not any(f" {full} " in fault for fault in self.faults):
            self.fault(key, value, expected, "<entry>", index=0)
        return []

    def place(self, key: str, typ: str, pattern: str, expected: str) -> str:
        """A name, or the resource ID of one of this type in this stack's subscription; empty if not set."""
        value = self.text(key)
        place = Place.of(value)
        if value and place.type and place.type.lower() != typ.lower():
            self.fault(key, value, f"the resource ID of a {typ}, not of a {place.type}", "<name>")
        elif value and not re.fullmatch(pattern, place.name):
            self.fault(key, value, f"{expected}, or the resource ID of one", "<name>")
        elif place.subscription and self._is_elsewhere(place.subscription):
            self.fault(key, value, f"one in this stack's subscription, {self._subscription}", "<name>")
        return value

    def path(self, key: str) -> str:
        """A path that counts from the project's folder, wherever `main` says that the program is."""
        value, root = self.text(key), Path(pulumi.get_root_directory() or "")
        # Outside the engine there is no project; the SDK says some word then.
        return os.path.relpath(root / value) if value and root.is_absolute() else value

    def file(self, key: str) -> str:
        """The path of a file that is there; empty if not set."""
        value = self.path(key)
        try:
            there = not value or Path(value).is_file()
        except (OSError, ValueError):
            there = False
        if not there:
            self.fault(key, value, "the path of a file that is there", "<path>")
        return value

    def refuse_unknown_keys(self) -> None:
        """A key that there is none of was misspelled, or meant for another program."""
        prefix = self.config.full_key("")
        for full in sorted({*get_config_env(), *CONFIG.get()}):
            name = full.removeprefix(prefix)
            if full.startswith(prefix) and name not in DEFAULTS:
                near = difflib.get_close_matches(name, DEFAULTS, 1)
                meant = f"; was {prefix}{near[0]} meant?" if near else ""
                self.faults.append(
                    f"  {full} is no key of this program{meant}\n"
                    f"      {self.command(f'pulumi config rm {shlex.quote(full)}')}"
                )

    @property
    def _subscription(self) -> str:
        return pulumi.Config("azure-native").get("subscriptionId") or ""

    def _is_elsewhere(self, subscription: str) -> bool:
        return bool(self._subscription) and subscription.lower() != self._subscription.lower()

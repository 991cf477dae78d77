"""Runs one Pulumi program in this process, with the settings from standard input."""

import asyncio
import json
import os
import runpy
import signal
import sys
import traceback
from typing import Any

import pulumi
import pulumi.runtime
from pulumi.runtime.settings import Settings

_ERROR_SHOWN = 32


def execute(settings: dict[str, Any]) -> int:
    """Run the program; returns the exit code. The engine shows an error."""
    pulumi.runtime.set_all_config(settings["config"], settings["secret_keys"])
    names = ("project", "stack", "monitor", "engine", "parallel", "dry_run", "organization", "root_directory")
    pulumi.runtime.configure(Settings(**{name: settings[name] for name in names}))
    sys.argv = [settings["program"], *settings["arguments"]]
    sys.path.insert(0, settings["program"])
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    def program() -> None:
        runpy.run_path(settings["program"], run_name="__main__")

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(program))
    except Exception as error:
        # An error of the program's own, or a failed function call, needs no traceback.
        plain = isinstance(error, pulumi.RunError) or str(error).startswith("invoke of ")
        unhandled = "Program failed with an unhandled exception:\n" + traceback.format_exc()
        pulumi.log.error(str(error) if plain else unhandled)
        return _ERROR_SHOWN
    return 0


if __name__ == "__main__":
    # The engine interrupts a program whose deployment failed, after it reported the error. Python's own exit
    # would wait for threads and print their stacks.
    signal.signal(signal.SIGINT, lambda *_: os._exit(_ERROR_SHOWN))
    sys.exit(execute(json.load(sys.stdin)))

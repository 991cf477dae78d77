"""Runs one Pulumi program in this process, with the settings that stand on standard input."""

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

_SHOWN = 32


def execute(settings: dict[str, Any]) -> int:
    """Run the program; an error is shown by the engine, and the exit code says so."""
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
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return _SHOWN
    except Exception as error:
        if str(error).startswith("invoke of "):  # a provider's refusal, no fault of the program
            pulumi.log.error(str(error))
            return _SHOWN
        pulumi.log.error("Program failed with an unhandled exception:\n" + traceback.format_exc())
        return _SHOWN
    return 0


if __name__ == "__main__":
    # The engine interrupts a program whose deployment has failed. All has been said then, and Python's own
    # way out would wait for its threads and print where each of them was.
    signal.signal(signal.SIGINT, lambda *_: os._exit(_SHOWN))
    sys.exit(execute(json.load(sys.stdin)))
